"""What can be compared."""
