"""Runs: what is to be run, in which order, by which processes."""
