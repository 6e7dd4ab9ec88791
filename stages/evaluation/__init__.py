"""Evaluation of samples against real data."""
