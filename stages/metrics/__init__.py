"""What a generator is worth, in figures; one file each."""
