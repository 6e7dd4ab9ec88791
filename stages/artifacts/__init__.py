"""What a stage publishes and what it trains in: artifacts, checkpoints, records, work folders."""
