"""Samples against reals."""
