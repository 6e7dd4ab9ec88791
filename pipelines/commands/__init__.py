"""What each command of the command line shows."""
