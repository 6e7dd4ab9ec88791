"""Networks as stages know them: options, building, growing."""
