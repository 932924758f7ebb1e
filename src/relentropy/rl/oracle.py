"""The gradient oracle: policies so small that every sequence can be listed.

A language model of four tokens that writes three has 64 outputs. Their probabilities, the
divergences and the gradients are finite sums, so what a loss does on average can be known exactly
and compared with what it should do. All of it is float64 NumPy on tables of probabilities; the
losses under test are differentiated by their own framework, with respect to their own arguments.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from relentropy import _array, _scalar
from relentropy._verbs import relative_entropy
from relentropy.distributions.discrete import Logits
from relentropy.rl import _inputs
from relentropy.rl._oracle_report import Report, relative_error
from relentropy.rl._prefixes import Table, Tree, list_prefixes

__all__ = ["OBJECTIVES", "Oracle", "Report"]

Array = Any

OBJECTIVES = ("token", "sequence", "forward")

# What padding holds: numbers of which a loss would make something if it forgot its mask.
PADDING = {"policy": -1.0, "reference": -3.0, "behavior": -2.0}


@dataclass(frozen=True, eq=False)
class Oracle:
    """A tiny autoregressive policy, its reference, and all their sequences.

    A prefix (a sequence of tokens that is not finished) has a row of V logits in each table; the
    policy's table is the parameter θ. Prefixes are ordered by length, then as numbers are: with
    two tokens (), (0,), (1,), (0, 0), (0, 1), ... `Oracle.prefixes` lists them.

    Three objectives have names. With KL_s between the next-token distributions at the prefix s,
    and the prefixes' probabilities law(s) under the policy that samples:

    * "token": Σ_s law(s) KL_s(π‖π_ref), its gradient that of KL_s at fixed prefixes;
    * "sequence": KL(π‖π_ref) of whole sequences, prefixes moving with the policy;
    * "forward": Σ_s law(s) KL_s(π_ref‖π), prefixes fixed.

    Masked positions belong to the environment (a prompt, a tool's answer): whoever samples, they
    follow the sampling law, and neither values nor gradients count there.

    Args:
        policy: logits of π_θ, (prefixes, V).
        reference: logits of π_ref, same shape.
        behavior: logits of the policy that sampled; None for π_θ itself, "on-policy".
        length: the most tokens a sequence has.
        end: the token that ends a sequence; None where all have `length` tokens.
        mask: for each position, whether it is the policy's; None for all.

    Raises:
        ValueError: tables of another shape, or logits that are not finite.

    >>> from relentropy.rl import kl_penalty
    >>> from relentropy.rl.oracle import Oracle
    >>> report = Oracle.random(kl=0.135).check(
    ...     lambda log_prob, ref_log_prob, mask: kl_penalty(
    ...         log_prob, ref_log_prob, mask, estimator="k3", gradient="as-written"
    ...     ),
    ...     framework="jax",
    ... )
    >>> [abs(round(report.bias[name], 6)) for name in ("token", "sequence")]
    [0.0, 0.0]
    >>> round(report.error["forward"], 6)  # unbiased, but the gradient of another divergence
    0.0

    """

    policy: Table
    reference: Table
    behavior: Table | None = None
    length: int = 3
    end: int | None = None
    mask: Sequence[bool] | None = None
    _tree: Tree = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tables = {"policy": self.policy, "reference": self.reference}
        if self.behavior is not None:
            tables["behavior"] = self.behavior
        tables = {name: np.asarray(x, dtype=np.float64) for name, x in tables.items()}
        vocabulary = _vocabulary(tables["policy"])
        prefixes = list_prefixes(vocabulary, self.length, self.end)
        for name, x in tables.items():
            if x.shape != (len(prefixes), vocabulary):
                raise ValueError(
                    f"{name} has shape {x.shape}; expected {(len(prefixes), vocabulary)}, a row of "
                    f"logits for each prefix of at most {self.length - 1} tokens"
                )
            if not np.isfinite(x).all():
                raise ValueError(f"{name} has logits that are not finite; expected numbers")
        mask = np.ones(self.length, bool) if self.mask is None else np.asarray(self.mask, bool)
        if mask.shape != (self.length,):
            raise ValueError(
                f"mask has shape {mask.shape}; expected one flag a position, ({self.length},)"
            )
        for name, x in tables.items():
            object.__setattr__(self, name, x)
        object.__setattr__(self, "mask", tuple(bool(m) for m in mask))
        object.__setattr__(self, "_tree", Tree.of(prefixes, vocabulary, self.length))

    @classmethod
    def random(
        cls,
        *,
        kl: float | None = None,
        vocabulary: int = 4,
        length: int = 3,
        end: int | None = None,
        mask: Sequence[bool] | None = None,
        off_policy: bool = False,
        seed: int = 0,
    ) -> "Oracle":
        """Policies drawn at random, the reference as far away as asked.

        Args:
            kl: KL(π‖π_ref) of whole sequences, nats; None for whatever it comes to.
            vocabulary: V, the number of tokens.
            length: as for `Oracle`.
            end: as for `Oracle`.
            mask: as for `Oracle`.
            off_policy: whether another policy samples, near to the first.
            seed: of the draw.

        >>> from relentropy.rl.oracle import Oracle
        >>> round(Oracle.random(kl=2.54, seed=7).value("sequence"), 12)
        2.54

        """
        rows = len(list_prefixes(vocabulary, length, end))
        policy, step, stale = np.random.default_rng(seed).standard_normal((3, rows, vocabulary))
        behavior = policy + 0.3 * stale if off_policy else None

        def at(log_distance: float) -> "Oracle":
            reference = policy + np.exp(log_distance) * step
            return cls(policy, reference, behavior, length, end, mask)

        if kl is None:
            return at(0.0)
        import scipy.optimize

        if not 0 < kl < np.inf:
            raise ValueError(f"kl is {kl!r}; expected a positive number of nats")
        return at(
            scipy.optimize.brentq(
                lambda log_distance: np.log(at(log_distance).value("sequence") / kl),
                *(np.log(kl) / 2 - 8, max(np.log(kl) / 2, np.log(kl)) + 8),
                xtol=1e-14,
            )
        )

    @property
    def prefixes(self) -> list[tuple[int, ...]]:
        """The prefixes, in the order of the tables' rows."""
        return list_prefixes(self._tree.children.shape[1], self.length, self.end)

    @property
    def tokens(self) -> Table:
        """All sequences, (N, T); 0 after the end."""
        return np.where(self._tree.present, self._tree.tokens, 0)

    @property
    def kept(self) -> Table:
        """The mask of all sequences, (N, T): False after the end and where `mask` says so."""
        kept: Table = self._tree.present & np.asarray(self.mask)
        return kept

    @property
    def law(self) -> Table:
        """The probability of each sequence under the policy that samples, (N,)."""
        return np.asarray(np.exp(self.behavior_log_prob.sum(-1)))

    @property
    def log_prob(self) -> Table:
        """The policy's log-probability of each token, (N, T); 0 after the end."""
        return self._log_prob(self._log_policy)

    @property
    def ref_log_prob(self) -> Table:
        """The reference's log-probability of each token, (N, T)."""
        return self._log_prob(_log_softmax(self.reference))

    @property
    def behavior_log_prob(self) -> Table:
        """That of the policy that samples, (N, T): `log_prob` itself where on-policy."""
        return self._log_prob(self._log_behavior)

    def value(self, objective: str = "sequence", weight: Table | None = None) -> float:
        """The exact value of an objective, nats.

        Args:
            objective: "token", "sequence" or "forward".
            weight: what each token counts, (N, T), such as 1 / (kept tokens of its sequence);
                None for 1. The law of the sequences that are weighed is the sampling one, for
                "sequence" that of the policy.

        >>> from relentropy.rl.oracle import Oracle
        >>> oracle = Oracle.random(kl=1.0)
        >>> oracle.value("token") == oracle.value("sequence")  # on-policy, the same number
        True

        """
        _objective(objective)
        kl = self._kl_forward if objective == "forward" else self._kl
        law = self.law
        if objective == "sequence":
            law = law * self._ratios().prod(-1)
        weight = self._weight(weight)
        return float(np.sum(law[:, None] * weight * np.where(self.kept, self._of(kl), 0.0)))

    def gradient(self, objective: str = "sequence", weight: Table | None = None) -> Table:
        """The exact gradient of an objective with respect to the policy's logits, (prefixes, V).

        Without `weight` the derivative of `value`, from the tree of prefixes: where π(v) changes
        at the prefix s, by law(s) π(v) (A(v) − E_π[A]), with A = log π/π_ref for "token" and,
        for "sequence", the same and the divergence still to come after v; law(s) (π − π_ref)
        for "forward".

        With `weight`, (N, T), the expectation Σ_y law(y) Σ_t weight(y, t) c_t ∇log π(y_t|y_<t) of
        what a reducer with these weights makes of the objective's sampled gradient: c_t is
        ρ_t k1_t, Σ_{s≥t} (Π_{u≤s} ρ_u) k1_s or ρ_t (1 − π_ref/π), with ρ = π/behavior and
        k1 = log π/π_ref. For one weight everywhere the two agree.

        >>> from relentropy.rl.oracle import Oracle
        >>> oracle = Oracle.random()
        >>> oracle.gradient("sequence").shape  # 1 + 4 + 16 prefixes
        (21, 4)

        """
        _objective(objective)
        if weight is None:
            return self._gradient_from_tree(objective)
        return self.expected_score(self._weight(weight) * self._coefficients(objective))

    def expected_score(self, coefficient: Table) -> Table:
        """Σ_y law(y) Σ_t coefficient(y, t) ∇log π(y_t|y_<t), (prefixes, V).

        The expected gradient of any loss whose gradient on a token is `coefficient`, (N, T), times
        ∇log π of that token.

        >>> import numpy as np
        >>> from relentropy.rl.oracle import Oracle
        >>> oracle = Oracle.random()
        >>> bool(np.abs(oracle.expected_score(np.ones((64, 3)))).max() < 1e-15)  # E ∇log π = 0
        True

        """
        rows = np.where(self._tree.present, coefficient, 0.0)[..., None] * self._score()
        return self._gather(self.law[:, None, None] * rows)

    def check(
        self,
        loss: Callable[..., Array],
        *,
        framework: str = "torch",
        takes: str = "log_prob",
        weight: Table | None = None,
        padding: float | None = None,
    ) -> Report:
        """Run a loss over every sequence, weighted by its probability, and compare.

        Args:
            loss: called with one sequence at a time, arrays of shape (1, T), as
                ``loss(log_prob, ref_log_prob, mask)``; where the oracle has a behavior policy,
                also with ``behavior_log_prob=``. With ``takes="logits"`` as
                ``loss(logits, ref_logits, mask, tokens)``, logits (1, T, V). Returns a scalar or
                one number a token, which are added up.
            framework: "torch" or "jax", whose arrays `loss` takes, in float64. On JAX `loss` is
                traced, and float64 is what JAX is configured for.
            takes: "log_prob" or "logits".
            weight: (N, T), how the loss weighs tokens; that of `value` and `gradient`.
            padding: what the arrays hold after the end of a sequence (NaN to see that nothing
                is looked at); some number by default.

        Returns:
            A `Report`; ``print`` shows it.

        >>> import torch
        >>> from relentropy.rl.oracle import Oracle
        >>> k1 = lambda log_prob, ref_log_prob, mask: (log_prob - ref_log_prob) * mask
        >>> report = Oracle.random(kl=0.135).check(k1)
        >>> abs(round(report.bias["sequence"], 12)), round(report.error["sequence"], 12)
        (0.0, 1.0)

        """
        _inputs.one_of(takes, "takes", ("log_prob", "logits"))
        x, *constants = self._arguments(takes, padding)
        names = ["behavior_log_prob"] if self.behavior is not None else []
        first = len(constants) - len(names)

        def run(row: Array, *others: Array) -> Array:
            return loss(row, *others[:first], **dict(zip(names, others[first:], strict=True)))

        arrays = [_array.array_of(framework, a) for a in (x, *constants)]
        values, slopes = (np.asarray(a, np.float64) for a in _array.row_gradients(run, *arrays))
        leak = np.max(np.abs(slopes[~self.kept]), initial=0.0)
        if takes == "log_prob":
            slopes = slopes[..., None] * self._score()
        rows = np.where(self._tree.present[..., None], slopes, 0.0)
        return self._report(values.reshape(len(values), -1).sum(-1), rows, weight, float(leak))

    # Tables of one row a prefix.

    @property
    def _log_policy(self) -> Table:
        return _log_softmax(self.policy)

    @property
    def _log_behavior(self) -> Table:
        return _log_softmax(self.policy if self.behavior is None else self.behavior)

    @property
    def _kl(self) -> Table:
        return np.asarray(relative_entropy(Logits(self.policy), Logits(self.reference)))

    @property
    def _kl_forward(self) -> Table:
        return np.asarray(relative_entropy(Logits(self.reference), Logits(self.policy)))

    @property
    def _k1(self) -> Table:
        return self._log_policy - _log_softmax(self.reference)

    # The same at the tokens of all sequences, (N, T); what is after the end means nothing.

    def _of(self, per_prefix: Table) -> Table:
        values: Table = per_prefix[self._tree.states]
        return values

    def _at_tokens(self, table: Table) -> Table:
        values: Table = table[self._tree.states, self._tree.tokens]
        return values

    def _log_prob(self, table: Table) -> Table:
        return np.where(self._tree.present, self._at_tokens(table), 0.0)

    def _ratios(self) -> Table:
        """π/behavior, 1 where the environment acts."""
        return np.exp(
            np.where(self.kept, self._at_tokens(self._log_policy - self._log_behavior), 0)
        )

    def _weight(self, weight: Table | None) -> Table:
        if weight is None:
            return np.asarray(self.kept, np.float64)
        weight = np.asarray(weight, np.float64)
        if weight.shape != self.kept.shape:
            raise ValueError(
                f"weight has shape {weight.shape}; expected {self.kept.shape}, one number for each "
                "token of each sequence, in the order of Oracle.tokens"
            )
        return np.where(self.kept, weight, 0.0)

    def _coefficients(self, objective: str) -> Table:
        """What multiplies ∇log π(y_t) in one sequence."""
        ratios, k1 = self._ratios(), np.where(self.kept, self._at_tokens(self._k1), 0.0)
        if objective == "token":
            return np.asarray(ratios * k1)
        if objective == "forward":
            return np.asarray(-ratios * np.expm1(-k1))
        return np.flip(np.cumsum(np.flip(np.cumprod(ratios, -1) * k1, -1), -1), -1)

    def _score(self) -> Table:
        """∇log π(y_t|y_<t) with respect to the logits at y_<t, (N, T, V); 0 after the end."""
        p = self._of(np.exp(self._log_policy))
        chosen = np.eye(p.shape[-1])[self._tree.tokens]
        return np.where(self._tree.present[..., None], chosen - p, 0.0)

    def _gradient_from_tree(self, objective: str) -> Table:
        tree, p = self._tree, np.exp(self._log_policy)
        sampling = np.exp(self._log_behavior)
        kept = np.asarray(self.mask)[tree.depths]
        moves = np.where(kept[:, None], p, sampling)
        law = tree.law(moves if objective == "sequence" else sampling)
        if objective == "forward":
            slope = p - np.exp(_log_softmax(self.reference))
        else:
            a = self._k1
            if objective == "sequence":
                a = a + tree.still_to_come(moves, np.where(kept, self._kl, 0.0))
            slope = p * (a - np.sum(p * a, -1, keepdims=True))
        return np.where(kept[:, None], law[:, None] * slope, 0.0)

    def _gather(self, rows: Table) -> Table:
        """Rows (N, T, V) of gradients added up at their prefixes."""
        total = np.zeros_like(self.policy)
        present = self._tree.present
        np.add.at(total, self._tree.states[present], rows[present])
        return total

    # Running a loss.

    def _arguments(self, takes: str, padding: float | None) -> list[Table]:
        """The arguments of a loss for all sequences, what is differentiated first."""
        present = self._tree.present
        pads = {key: pad if padding is None else padding for key, pad in PADDING.items()}

        def filled(name: str, x: Table) -> Table:
            return np.where(present, x, pads[name])

        last = [] if self.behavior is None else [filled("behavior", self.behavior_log_prob)]
        if takes == "log_prob":
            policy, reference = self.log_prob, self.ref_log_prob
            return [filled("policy", policy), filled("reference", reference), self.kept, *last]
        logits = self._of(self.policy), self._of(self.reference)
        chosen = np.eye(logits[0].shape[-1])[0]  # unequal: softmax has no use for a constant
        policy, reference = (
            np.where(present[..., None], x, pads[name] * chosen)
            for x, name in zip(logits, ("policy", "reference"), strict=True)
        )
        return [policy, reference, self.kept, self.tokens, *last]

    def _report(self, values: Table, rows: Table, weight: Table | None, leak: float) -> Report:
        law = self.law
        value = float(np.sum(law * values))
        gradient = self._gather(law[:, None, None] * rows)
        # ‖G_y − G‖² at the prefixes of y, and ‖G‖² at all others.
        here = np.where(self._tree.present[..., None], self._of(gradient), 0.0)
        spread = np.sum((rows - here) ** 2 - here**2, axis=(1, 2)) + np.sum(gradient**2)
        exact = {name: self.value(name, weight) for name in OBJECTIVES}
        truth = {name: self.gradient(name, weight) for name in OBJECTIVES}
        return Report(
            value=value,
            variance=float(np.sum(law * (values - value) ** 2)),
            gradient=gradient,
            gradient_variance=float(np.sum(law * spread)),
            exact=exact,
            bias={name: value - exact[name] for name in OBJECTIVES},
            error={name: relative_error(gradient, g) for name, g in truth.items()},
            leak=leak,
        )


def _log_softmax(logits: Table) -> Table:
    return np.asarray(logits - _scalar.logsumexp(np, logits))


def _vocabulary(policy: Table) -> int:
    if policy.ndim != 2:
        raise ValueError(f"policy has shape {policy.shape}; expected (prefixes, V), logits")
    return int(policy.shape[1])


def _objective(name: str) -> None:
    _inputs.one_of(name, "objective", OBJECTIVES)
