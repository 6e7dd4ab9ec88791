"""Shared interfaces: conditions, kinds, components, stage types, and the registry of known names."""
