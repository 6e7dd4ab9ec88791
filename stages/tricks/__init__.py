"""The tricks, one file each, to be read beside their papers. `catalogue.py` lists them in order of application."""
