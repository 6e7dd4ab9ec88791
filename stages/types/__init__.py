"""The stage types."""
