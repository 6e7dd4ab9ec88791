"""The monitor: it sees and names, and changes nothing."""
