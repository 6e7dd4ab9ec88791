"""What one stage does: configuration, the adversarial loop, tricks, checkpoints and artifacts."""
