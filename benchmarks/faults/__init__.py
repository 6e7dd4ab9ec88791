"""Faults made on purpose: crashes at every file-system call, power cuts, flipped bits, and kills of whole chains."""
