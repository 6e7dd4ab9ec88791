"""The page of `espalier studio`."""
