"""What one stage does: configuration, the adversarial loop, tricks, checkpoints and artifacts."""

from espalier.stages.process.parent import Starter

STARTER = Starter()
"""Noted before the slow imports, during which it may already end."""
