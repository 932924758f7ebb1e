"""A small transformer learns to add: by imitation, then by GRPO with and without a leash."""
