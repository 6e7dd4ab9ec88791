"""The same runs as Prefect flows: served, scheduled, gated, reported."""
