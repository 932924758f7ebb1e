"""Programs that use relentropy, run from a checkout: `python -m examples.grpo`."""
