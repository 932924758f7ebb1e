"""TRL's GRPOTrainer with the penalty of relentropy: copy the class, or run this for a tiny run.

pip install 'relentropy[trl]'
python -m examples.trl_grpo
"""

import tempfile

import torch
from trl import GRPOConfig, GRPOTrainer

from relentropy.rl import aggregate, kl_penalty

# --- the recipe -----------------------------------------------------------------------------------


class RelativeEntropyGRPOTrainer(GRPOTrainer):
    """GRPOTrainer whose KL term is `kl_penalty`: estimator and gradient are chosen separately.

    Everything else is TRL's: β is `GRPOConfig(beta=...)`, `use_bias_correction_kl=True` weighs each
    token by π/π_old, `loss_type` names the normalisation of both terms.
    """

    def __init__(self, *args, kl_estimator="k3", kl_gradient="token", **kwargs):
        super().__init__(*args, **kwargs)
        self.kl_estimator, self.kl_gradient = kl_estimator, kl_gradient
        self._log_prob = None

    def _get_per_token_logps_and_entropies(self, *args, **kwargs):
        result = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        self._log_prob = result[0]  # the policy's own, with its graph: no second forward pass
        return result

    def _compute_loss(self, model, inputs):
        beta, self.beta, self._log_prob = self.beta, 0.0, None  # TRL's own term is left out ...
        try:
            loss = super()._compute_loss(model, inputs)
        finally:
            self.beta = beta
        if beta == 0.0:
            return loss
        log_prob, self._log_prob = self._log_prob, None
        if log_prob is None:
            raise RuntimeError("this version of TRL takes its log-probabilities from elsewhere")
        mask = inputs["completion_mask"] * inputs.get("tool_mask", 1)
        behavior = None
        if self.args.use_bias_correction_kl:
            behavior = inputs.get("old_per_token_logps", log_prob.detach())
        penalty = kl_penalty(
            log_prob,
            inputs["ref_per_token_logps"],
            mask,
            estimator=self.kl_estimator,
            gradient=self.kl_gradient,
            behavior_log_prob=behavior,
        )
        self._log_kl(penalty.detach(), mask)
        return loss + beta * aggregate(penalty, mask, **self._reducer(mask, inputs))  # ... ours in

    def _reducer(self, mask, inputs):
        """What `aggregate` needs to normalise as TRL normalises the policy's term."""
        parts = self.current_gradient_accumulation_steps if self.model.training else 1
        sequences = len(mask) * parts
        if self.loss_type in ("grpo", "sapo"):
            return {"how": "sequence-mean", "total_sequences": sequences}
        if self.loss_type == "luspo":
            return {"how": "sequence-sum", "total_sequences": sequences}
        if self.loss_type == "dr_grpo":
            length = self.max_completion_length
            return {"how": "fixed-length", "total_sequences": sequences, "max_length": length}
        if self.loss_type == "bnpo":
            tokens = mask.sum().clamp(min=1) * parts
        else:  # dapo, cispo, vespo: tokens of the whole batch; the mean over ranks divides again
            tokens = inputs["num_items_in_batch"].clamp(min=1) / self.accelerator.num_processes
            if self.model.training:
                tokens = tokens * parts / self.args.steps_per_generation
        return {"how": "token-mean", "total_tokens": tokens}

    def _log_kl(self, penalty, mask):
        """Nats per token, under TRL's name, and nats per sequence, over all ranks."""
        sums = torch.stack([penalty.sum(), mask.sum(), mask.any(dim=1).sum()])
        nats, tokens, sequences = self.accelerator.reduce(sums, reduction="sum").tolist()
        metrics = self._metrics["train" if self.model.training else "eval"]
        metrics["kl"].append(nats / max(tokens, 1))
        metrics["kl/sequence"].append(nats / max(sequences, 1))


# --- a tiny run -----------------------------------------------------------------------------------


def tiny_tokenizer():
    """One token a letter, made here: nothing is downloaded."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "<end>", "<unknown>", *"abcdefghijklmnop"]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<end>",
        unk_token="<unknown>",
        padding_side="left",
    )


def tiny_model(folder, tokenizer, seed=0):
    """A randomly initialised transformer of 20 thousand parameters, saved to a folder."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


def share_of_a(completions, **_):
    """The reward: how much of a completion is the letter a."""
    return [text.count("a") / max(len(text.replace(" ", "")), 1) for text in completions]


def train(trainer=RelativeEntropyGRPOTrainer, settings=None, reward=share_of_a, **choices):
    """A few steps on the CPU; returns the trainer, whose state.log_history holds the metrics."""
    from datasets import Dataset
    from transformers import PrinterCallback

    tokenizer = tiny_tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        defaults = {
            "output_dir": folder,
            "beta": 0.1,
            "learning_rate": 1e-2,
            "max_steps": 5,
            "per_device_train_batch_size": 8,
            "num_generations": 4,
            "max_completion_length": 8,
            "logging_steps": 1,
            "use_cpu": True,
            "bf16": False,
            "gradient_checkpointing": False,
            "report_to": "none",
            "save_strategy": "no",
            "disable_tqdm": True,
        }
        made = trainer(
            model=tiny_model(f"{folder}/model", tokenizer),
            reward_funcs=reward,
            args=GRPOConfig(**(defaults | (settings or {}))),
            train_dataset=Dataset.from_dict({"prompt": ["abc", "bcd", "cde", "def"] * 8}),
            processing_class=tokenizer,
            **choices,
        )
        made.remove_callback(PrinterCallback)
        made.train()
    return made


def main():
    for row in train().state.log_history:
        if "kl" in row:
            print(
                f"step {row['step']}: reward {row['reward']:.3f}, "
                f"KL {row['kl']:.4f} nats/token, {row['kl/sequence']:.4f} nats/sequence"
            )


if __name__ == "__main__":
    main()
