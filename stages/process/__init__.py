"""The process that a stage runs in: exit codes, signals, devices, other processes, seeds, progress."""
