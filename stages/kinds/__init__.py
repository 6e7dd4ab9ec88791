"""Kinds of data: images, points, maps; their batches and sample sheets."""
