"""What a GPU does with Espalier: speed, waiting, compiling, resuming bit for bit, and every trick on the device."""
