"""Dataset sources. Each file defines one source: its options and how it yields sample i, or all its points."""
