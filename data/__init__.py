"""Datasets: where pictures come from, how they are prepared once, and the store that training reads."""
