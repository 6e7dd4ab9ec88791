"""The page of `espalier report`."""
