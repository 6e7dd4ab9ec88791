"""Stage options: merging, loading and error messages."""
