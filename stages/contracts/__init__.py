"""What the rooms agree on: conditions, kinds, components, stage types, and the registry of known names."""
