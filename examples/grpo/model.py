"""A decoder-only transformer, small enough to be read at one sitting."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from examples.grpo.task import ALPHABET, LENGTH


class Past(NamedTuple):
    """Keys and values of the tokens that one layer has seen, (batch, heads, seen, width/heads)."""

    keys: Tensor
    values: Tensor


class Attention(nn.Module):
    """Causal self-attention with several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        batch, time, width = x.shape
        split = self.into(x).view(batch, time, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        if past is not None:
            k, v = torch.cat([past.keys, k], 2), torch.cat([past.values, v], 2)
        # After a past one token comes at a time, which may look at everything.
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=past is None)
        return self.out(mixed.transpose(1, 2).reshape(batch, time, width)), Past(k, v)


class Block(nn.Module):
    """Attention and a perceptron, each added to what it read."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.before_perceptron = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        mixed, past = self.attention(self.before_attention(x), past)
        x = x + mixed
        return x + self.perceptron(self.before_perceptron(x)), past


class Transformer(nn.Module):
    """Tokens in, logits of the next token out."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(len(ALPHABET), width)
        self.places = nn.Embedding(LENGTH, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, len(ALPHABET))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (batch, time, alphabet): row t speaks of token t+1 and has seen tokens 0..t."""
        return self.advance(tokens, None)[0]

    def advance(self, tokens: Tensor, pasts: list[Past] | None) -> tuple[Tensor, list[Past]]:
        """Logits of further tokens, after the ones in `pasts` (then one token a call)."""
        seen = pasts[0].keys.shape[2] if pasts else 0
        x = self.tokens(tokens) + self.places(torch.arange(seen, seen + tokens.shape[1]))
        kept = []
        for i, block in enumerate(self.blocks):
            x, past = block(x, pasts[i] if pasts else None)
            kept.append(past)
        return self.head(self.norm(x)), kept
