"""What one stage does."""
