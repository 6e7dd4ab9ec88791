"""The monitor: measures and diagnoses training, without changing it."""
