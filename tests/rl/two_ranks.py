"""A few steps of one trainer on two processes, under torchrun; prints what rank 0 logs."""

import json
import os
import sys

from trl import GRPOTrainer

from examples.trl_grpo import RelativeEntropyGRPOTrainer, train

settings = {
    "max_steps": 3,
    "loss_type": "dapo",
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 2,
}
if sys.argv[1] == "ours":
    made = train(RelativeEntropyGRPOTrainer, settings, kl_gradient="as-written")
else:
    made = train(GRPOTrainer, settings)
if os.environ["RANK"] == "0":
    rows = [row for row in made.state.log_history if "kl" in row]
    print(
        "RESULT", json.dumps([[row[name] for name in ("loss", "kl", "grad_norm")] for row in rows])
    )
