"""Runs as Prefect flows: served, scheduled, gated and reported."""
