"""Relative entropy as PyTorch has its losses: a module.

`relentropy.relative_entropy` is the functional form, and takes tensors as it is.
"""

from typing import Literal, TypeAlias

import torch

from relentropy._faces import Inputs, check, divergence_of_rows, kinds_of

Reduction: TypeAlias = Literal["mean", "sum", "none"]

__all__ = ["RelativeEntropyLoss"]


class RelativeEntropyLoss(torch.nn.Module):
    """D(P||Q) as a loss, called as ``loss(p, q)``: P first, as in mathematics.

    D(P||Q) = Σ p log(p/q), for each row; the mean is over rows.

    Args:
        inputs: what p and q are: "logits", "log_probs" or "probs"; or a pair, such as
            ("probs", "logits") for targets and the output of a network.
        reduction: "mean" over rows, whatever the number of batch axes; "sum" of rows; "none" for
            one value a row.
        dim: the axis of the events, (..., K) by default; 1 for images (N, K, H, W).
        base: base of the logarithm; nats by default, 2 for bits.

    Shape:
        p and q: floating tensors with the same K along `dim`; the other axes are batch axes, and
        broadcast. where: boolean, broadcast against these. Output: a scalar, or with "none" the
        batch axes. float16 and bfloat16 are accumulated and returned in float32, under
        `torch.autocast` too.

    ``loss(p, q, where=mask)`` drops the cells where the mask is False and renormalises the rest.
    A row of which no cell is left, padding, counts for nothing: not in the value, not in the
    gradient, not in the number of rows, whatever stands in it. For tokens (N, T, K) with a mask
    (N, T) write ``where=mask[..., None]``.

    Values at the edges: 0 for equal inputs; inf where P has mass and Q none; NaN for a row that
    is no distribution, and for the mean of no rows, as everywhere in PyTorch. Gradients are those
    of `relentropy.relative_entropy`, never NaN at zeros.

    Errors: ValueError for an unknown `inputs` or `reduction`, and for lengths that differ;
    TypeError for what is no floating tensor, labels of classes among them.

    >>> import torch
    >>> from relentropy.torch import RelativeEntropyLoss
    >>> loss = RelativeEntropyLoss(inputs=("probs", "logits"))
    >>> target = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    >>> output = torch.zeros(2, 3, requires_grad=True)
    >>> value = loss(target, output)
    >>> value.backward()
    >>> round(value.item(), 4)
    0.2372
    >>> output.grad  # (q - p) / 2
    tensor([[-0.0833, -0.0833,  0.1667],
            [ 0.0667,  0.0167, -0.0833]])

    `torch.nn.KLDivLoss` is called (log q, p), averages over cells, is NaN where p and q are 0, and
    so is its derivative by p where p is 0.

    Source: Kullback & Leibler, "On Information and Sufficiency", Ann. Math. Statist. 22 (1951),
    eq. 2.4.
    """

    def __init__(
        self,
        inputs: Inputs = "logits",
        reduction: Reduction = "mean",
        *,
        dim: int = -1,
        base: float | None = None,
    ) -> None:
        super().__init__()
        check(inputs, base)
        _require_reduction(reduction)
        self.inputs, self.reduction, self.dim, self.base = inputs, reduction, dim, base

    def forward(
        self, p: torch.Tensor, q: torch.Tensor, *, where: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The loss of a batch."""
        _require_floating(p, "p")
        _require_floating(q, "q")
        value: torch.Tensor
        counts: torch.Tensor | None
        value, counts = divergence_of_rows(
            p, q, kinds_of(self.inputs), axis=self.dim, where=where, base=self.base
        )
        if self.reduction == "none":
            return value
        if self.reduction == "sum":
            return value.sum()
        if counts is None:
            return value.mean()
        rows: torch.Tensor = counts.broadcast_to(value.shape).sum()
        return value.sum() / rows

    def extra_repr(self) -> str:
        """What stands between the brackets of its name when it is printed."""
        shown = f"inputs={self.inputs!r}, reduction={self.reduction!r}"
        shown += f", dim={self.dim}" if self.dim != -1 else ""
        return shown + (f", base={self.base}" if self.base is not None else "")


def _require_reduction(reduction: object) -> None:
    if reduction in ("mean", "sum", "none"):
        return
    message = f"reduction is {reduction!r}; expected 'mean', 'sum' or 'none'"
    if reduction == "batchmean":
        message += ": 'mean' is the mean over rows here, over all batch axes; write 'mean'"
    if reduction is None:
        message += ": write 'none'"
    raise ValueError(message)


def _require_floating(x: object, name: str) -> None:
    if not isinstance(x, torch.Tensor):
        raise TypeError(
            f"{name} is {type(x).__name__}; expected a tensor: inputs= says what its numbers are"
        )
    if not x.is_floating_point():
        raise TypeError(
            f"{name} has dtype {x.dtype}; expected a floating tensor. For labels of classes "
            "D(p||q) is torch.nn.CrossEntropyLoss()(logits, labels); as distributions they are "
            "torch.nn.functional.one_hot(labels, K).float(), with inputs=('probs', ...)"
        )
