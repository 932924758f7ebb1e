"""How many bits one data set has moved from another, where, and how sure we are."""
