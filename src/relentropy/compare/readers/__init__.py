"""From what the user names to a table: one file a family of formats."""
