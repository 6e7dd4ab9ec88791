"""Chain, run and monitor stages. torch is imported lazily."""
