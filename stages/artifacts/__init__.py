"""Artifacts, checkpoints, records and work folders."""
