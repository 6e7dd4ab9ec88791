"""Networks of a stage: options, building, growing."""
