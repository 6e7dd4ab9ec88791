"""What one stage does: configuration, the adversarial loop, tricks, checkpoints and artifacts."""

from stages.starter import Starter

STARTER = Starter()
"""Noted before the slow imports, during which it may already end."""
