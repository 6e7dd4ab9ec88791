"""The adversarial training loop and its components."""
