"""What one stage does: configuration, the adversarial loop, tricks, checkpoints and artifacts."""

import os

STARTED_BY = os.getppid()
"""The process that started this one; noted before the slow imports, during which it may already die."""
