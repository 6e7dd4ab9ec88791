"""A stage's process: exit codes, signals, devices, distributed training, seeds, progress."""
