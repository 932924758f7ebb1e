"""What the ranks are to find: the verb on whole rows, on PyTorch."""

from typing import Any

import numpy as np

from relentropy import Logits, relative_entropy
from tests.sharded import cases


def unsplit(torch: Any, dtype: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Values of all rows, and gradients with the weights 1, 2, 3, ..."""
    p, q = (torch.tensor(x).to(getattr(torch, dtype)).requires_grad_() for x in cases.stacked())
    d = relative_entropy(Logits(p), Logits(q))
    d.backward(torch.arange(1.0, 1.0 + len(d)).to(d.dtype))
    return d.detach().double().numpy(), [x.grad.double().numpy() for x in (p, q)]
