"""Ways to estimate or approximate a divergence; one method a file."""
