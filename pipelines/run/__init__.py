"""Plan and execute runs: the stages, their order and their processes."""
