"""Where a dataset comes from. Each source is one file: its options, and how it yields sample i, or all its points."""
