"""The tricks, one file each, written to be read alongside their papers. `catalogue.py` lists them in order of application."""
