"""The options of a stage: put together, loaded, explained."""
