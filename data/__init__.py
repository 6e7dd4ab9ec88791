"""Datasets: image sources, one-time preparation, and the store that training reads."""
