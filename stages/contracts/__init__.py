"""Shared interfaces: conditions, kinds, components, and the registry of known names."""
