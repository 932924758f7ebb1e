"""The penalty β multiplies: what it is worth and where it pushes, chosen separately.

As functions of the policy, the value of an estimate and the gradient that autograd finds in it
are two things: k1 has the right mean and no gradient towards the reference, k3 has the right
mean and the gradient of the other direction. Here the value is the estimator's and the gradient
that of a named objective, by a term that is 0 in value: c · (log π - sg(log π)), sg stopping
gradients. Which c is exact, and for what, `relentropy.rl.oracle` shows by enumeration.
"""

from typing import Any, Literal

from relentropy import _array
from relentropy._scalar import INF
from relentropy._verbs import relative_entropy
from relentropy.distributions.discrete import Logits
from relentropy.rl._inputs import Complaint, one_of, refuse, token_log_probabilities
from relentropy.rl._rows import checked_logits, each_row, harmless
from relentropy.rl.estimators import ESTIMATORS, Estimator, estimate_from

Array = Any
Gradient = Literal["token", "sequence", "forward", "as-written", "none"]

GRADIENTS = ("token", "sequence", "forward", "as-written", "none")
VOCABULARY_GRADIENTS = ("token", "sequence", "forward", "none")

IMPOSSIBLE = (
    "only one of the two policies can produce this token, so the divergence is infinite and has "
    "no gradient; mask the token, or see to it that both policies can produce it"
)
NEVER_DRAWN = "a token that was drawn cannot have probability 0; mask it, or pass the right policy"
BEYOND = (
    "beyond the range of the dtype: the policies, or the policy and the one that drew the tokens, "
    "are too far apart for ratios; a wider dtype, or k2 with the gradient of a token, goes further"
)


def kl_penalty(
    log_prob: Array,
    ref_log_prob: Array,
    mask: Array,
    *,
    estimator: Estimator = "k3",
    gradient: Gradient = "token",
    behavior_log_prob: Array | None = None,
) -> Array:
    """D(π_θ‖π_ref) on the tokens drawn: the estimator's value, the named objective's gradient.

    With d = log π_ref - log π_θ and g = ∇log π_θ(token), the gradient of one token's number is
    c·g. Reduce with `aggregate`, the reducer of the policy term, and multiply by β.

    | gradient | c | it is, in expectation, the gradient of |
    |---|---|---|
    | "token" | k1 = -d | D(π_θ‖π_ref) of each token at its prefix, the prefixes held fixed |
    | "sequence" | Σ_{s≥t} k1_s | D(π_θ‖π_ref) of whole sequences, when summed over tokens |
    | "forward" | 1 - exp(d) | D(π_ref‖π_θ) of each token at its prefix |
    | "as-written" | what autograd finds in the value | k2: as "token"; k3: as "forward" |
    | "none" | 0 | nothing: for a penalty inside the reward |

    k3 "as-written" is what GRPO's published objective differentiates; its gradient is that of the
    forward divergence, and grows without bound where the reference likes a token that the
    policy does not. k1 "as-written" has no gradient towards the reference at all, and is refused.

    Under a reducer that divides each sequence by its length L ("sequence-mean"), "sequence" is
    the expectation of (1/L) Σ_t (Σ_{s≥t} k1_s) ∇log π_t: the gradient of the divergence per token
    where all lengths are equal; where they vary it is that of no divergence exactly, since
    lengths themselves are not pushed. Masked tokens count as not chosen by the policy.

    Args:
        log_prob: log π_θ of the tokens drawn, (..., T), at most 0; the only argument that
            receives a gradient.
        ref_log_prob: log π_ref of the same tokens.
        mask: 1 for the tokens that the policy chose, 0 for prompt, padding and tool output.
        estimator: "k1", "k2" or "k3", as in `kl_estimate`.
        gradient: as in the table.
        behavior_log_prob: log of the probability under which the tokens were in fact drawn, when
            that was not π_θ. Value and gradient of a token are then weighed by its own ratio
            ρ_t = π_θ/π_behavior: this corrects the token, not the prefix, so the average is over
            the behavior's prefixes. The gradient of "sequence" alone is weighed by the product
            of the ratios up to each token, which corrects the prefix too and has the variance of
            such products. "as-written" differentiates ρ_t as well: ρ·k3 then has the exact
            gradient ρ·k1·g (DeepSeek-V3.2, eq. 7); ρ·k1 has it on average, with much noise, and
            ρ·k2 that of no divergence.

    Returns:
        Nats a token, (..., T), 0 where masked; half precision comes back as float32. A token
        that is -inf under both policies counts 0. First derivatives alone are meaningful, but
        for "as-written".

    Raises:
        TypeError: integers, mixed frameworks.
        ValueError: shapes that differ; k1 "as-written" on policy; and, wherever values can be
            looked at, numbers above 0 or NaN, a token that only one policy can produce, ratios
            beyond the dtype. Inside a trace such a token is ±inf in value, its gradient 0, and
            NaN stays NaN.

    Examples:
        >>> import torch
        >>> from relentropy.rl import kl_penalty
        >>> log_prob = torch.tensor([[-1.0, -2.0, -0.5]], requires_grad=True)
        >>> ref_log_prob = torch.tensor([[-1.5, -1.0, -3.0]])
        >>> mask = torch.tensor([[1, 1, 0]])
        >>> penalty = kl_penalty(log_prob, ref_log_prob, mask)
        >>> [round(x, 4) for x in penalty[0].tolist()]
        [0.1065, 0.7183, 0.0]
        >>> penalty.sum().backward()
        >>> log_prob.grad.tolist()
        [[0.5, -1.0, 0.0]]

    Source: Schulman (2020) for the estimators; Tang & Munos, arXiv 2506.09477, for "sequence".

    """
    one_of(estimator, "estimator", ESTIMATORS)
    one_of(gradient, "gradient", GRADIENTS)
    if behavior_log_prob is None:
        check_gradient(estimator, gradient)
    named = {"log_prob": log_prob, "ref_log_prob": ref_log_prob}
    if behavior_log_prob is not None:
        named["behavior_log_prob"] = behavior_log_prob
    xp, _, (a, b, *drawn) = token_log_probabilities(mask, **named)
    with _array.quiet(a):
        return penalty_of(xp, a, b, drawn, estimator, gradient)


def check_gradient(estimator: Estimator, gradient: str) -> None:
    """Refuse the loss that learns nothing."""
    if estimator == "k1" and gradient == "as-written":
        raise ValueError(
            'k1 "as-written" has no gradient towards the reference: the expectation of its '
            'gradient is 0. Take gradient="token" (or "sequence"), or "none" inside the reward'
        )


def penalty_of(
    xp: Any,
    a: Array,
    b: Array,
    drawn: list[Array],
    estimator: Estimator,
    gradient: str,
    strict: bool = True,
) -> Array:
    """`kl_penalty` of log-probabilities that are read already, 0 where masked.

    Infinite penalties are refused if `strict`; for a number that is only logged they are answers.
    """
    b, constant = _array.stop_gradient(b), _array.stop_gradient(a)
    # NaN is in both: it is to be seen, not to be taken for what neither can produce.
    in_policy, in_reference = constant != -INF, b != -INF
    finite = in_policy & in_reference
    live, ref = xp.where(finite, a, 0.0), xp.where(finite, b, 0.0)
    fixed = _array.stop_gradient(live)
    weight, log_weight = 1.0, xp.zeros_like(fixed)
    if drawn:
        behavior = xp.where(finite, _array.stop_gradient(drawn[0]), 0.0)
        log_weight = fixed - behavior
        weight = xp.exp((live if gradient == "as-written" else fixed) - behavior)
    if gradient == "as-written":
        value = weight * estimate_from(xp, ref - live, estimator)
    else:
        value = weight * estimate_from(xp, ref - fixed, estimator)
    slope = xp.zeros_like(fixed)
    if gradient not in ("as-written", "none"):
        slope = _coefficient(xp, ref - fixed, weight, log_weight, gradient)
        # Inside a trace a slope may be infinite: then so is the value, and seen.
        beyond = xp.abs(slope) == INF
        pull = xp.where(beyond, 0.0, slope) * (live - fixed)
        value = xp.where(beyond, INF, value + pull)
    if strict:
        complaints = [
            Complaint("log_prob", constant, in_reference & ~in_policy, IMPOSSIBLE),
            Complaint("ref_log_prob", b, in_policy & ~in_reference, IMPOSSIBLE),
            *(Complaint("behavior_log_prob", x, x == -INF, NEVER_DRAWN) for x in drawn),
        ]
        for name, x in (("penalty", value), ("gradient of the penalty", slope)):
            number = _array.stop_gradient(x)
            complaints.append(Complaint(name, number, ~(xp.abs(number) < INF), BEYOND))
        refuse(xp, complaints)
    one_sided = in_policy != in_reference
    infinite = estimate_from(xp, xp.where(one_sided, b - constant, 0.0), estimator)
    return xp.where(one_sided, infinite, value)


def _coefficient(xp: Any, d: Array, weight: Any, log_weight: Array, gradient: str) -> Array:
    """c, of which c · ∇log π is the gradient of one token's penalty."""
    if gradient == "forward":
        return -weight * xp.expm1(d)
    if gradient == "token":
        return -weight * d
    prefix = xp.exp(xp.cumsum(log_weight, -1))
    return later(xp, xp.where(d == 0, 0.0, -prefix * d))


def later(xp: Any, x: Array) -> Array:
    """Σ_{s≥t} x_s over the last axis."""
    return xp.flip(xp.cumsum(xp.flip(x, axis=-1), -1), axis=-1)


def vocabulary_kl_penalty(
    logits: Array,
    ref_logits: Array,
    mask: Array,
    *,
    gradient: Literal["token", "sequence", "forward", "none"] = "token",
    log_prob: Array | None = None,
    behavior_log_prob: Array | None = None,
    temperature: float = 1.0,
) -> Array:
    """D(π_θ‖π_ref) at each token over the whole vocabulary: exact where `kl_penalty` estimates.

    Value: Σ_v π_θ(v) log(π_θ(v)/π_ref(v)) at the prefix of each token. Its sum over a sequence
    drawn from π_θ is the Rao-Blackwellised estimate of the sequences' divergence: unbiased, never
    negative, of lower variance than any on the tokens drawn (Amini et al., arXiv 2504.10637).

    | gradient | it is, in expectation, the gradient of |
    |---|---|
    | "token" | D(π_θ‖π_ref) at each prefix, the prefixes held fixed; exact, not in expectation |
    | "sequence" | D(π_θ‖π_ref) of whole sequences, when summed over tokens |
    | "forward" | D(π_ref‖π_θ) at each prefix; exact |
    | "none" | nothing |

    "sequence" adds to each ∇D_t the score of the token drawn times what comes after it,
    ∇log π_t · Σ_{s>t} D_s.

    Args:
        logits: of π_θ, (..., T, V); -inf for tokens that are ruled out.
        ref_logits: of π_ref, same shape; a constant.
        mask: (..., T), 1 for the tokens that the policy chose. Masked logits may hold anything.
        gradient: as in the table.
        log_prob: log π_θ of the tokens drawn, (..., T), needed for "sequence", where it carries
            part of the gradient: `token_log_probs(logits, tokens, temperature=temperature)`.
        behavior_log_prob: for "sequence", log-probabilities under which the tokens were drawn;
            the gradient is then weighed by the product of the ratios of the prefix.
        temperature: both policies are softmax(logits / temperature).

    Returns:
        Nats a token, (..., T), 0 where masked; half precision comes back as float32.

    Raises:
        TypeError, ValueError: as `kl_penalty`; a row that is no distribution, or whose
            divergence is infinite, wherever values can be looked at.

    Examples:
        >>> import numpy as np
        >>> from relentropy.rl import vocabulary_kl_penalty
        >>> logits, ref_logits = np.log([[0.5, 0.5]]), np.log([[0.75, 0.25]])
        >>> vocabulary_kl_penalty(logits, ref_logits, np.array([True])).round(4).tolist()
        [0.1438]

    """
    one_of(gradient, "gradient", VOCABULARY_GRADIENTS)
    xp, kept, (a, b) = checked_logits(mask, temperature, logits=logits, ref_logits=ref_logits)
    b = _array.stop_gradient(b)

    def divergence(p: Array, q: Array) -> Array:
        """D(p‖q) of each row of logits."""

        def of_rows(kept: Array, p: Array, q: Array) -> Array:
            p, q = harmless(kept, temperature, p, q)
            with _array.quiet(p):
                return relative_entropy(Logits(p), Logits(q))

        return each_row(of_rows, kept, p, q)

    exact = divergence(a, b)
    fixed = _array.stop_gradient(exact)
    message = "ref_logits rule out a token that logits do not; rule it out in both, or neither"
    refuse(xp, [Complaint("divergence", fixed, kept & ~(fixed < INF), message)])
    if gradient == "token":
        return exact
    if gradient == "none":
        return fixed
    with _array.quiet(fixed):
        if gradient == "forward":
            slope = divergence(b, a)
        else:
            slope = _sequence_slope(xp, kept, exact, log_prob, behavior_log_prob)
        # Inside a trace the value may be infinite, and inf - inf is NaN.
        change = xp.where(_array.stop_gradient(slope) < INF, slope, 0.0)
        return fixed + (change - _array.stop_gradient(change))


def _sequence_slope(
    xp: Any, kept: Array, exact: Array, log_prob: Array | None, behavior_log_prob: Array | None
) -> Array:
    """What has the gradient ∇D_t + ∇log π_t Σ_{s>t} D_s, weighed by the ratios of the prefixes."""
    if log_prob is None:
        raise ValueError(
            'gradient="sequence" needs log_prob, that of the tokens drawn: '
            "token_log_probs(logits, tokens) makes it"
        )
    named = {"log_prob": log_prob}
    if behavior_log_prob is not None:
        named["behavior_log_prob"] = behavior_log_prob
    _, _, (a, *drawn) = token_log_probabilities(kept, **named)
    before = _array.stop_gradient(xp.zeros_like(a))
    if drawn:
        log_weight = _array.stop_gradient(a) - _array.stop_gradient(drawn[0])
        before = xp.cumsum(log_weight, -1) - log_weight
    weighed = xp.exp(before) * _array.stop_gradient(exact)
    possible = _array.stop_gradient(a) != -INF
    score = xp.where(possible, a, 0.0)
    future = later(xp, weighed) - weighed
    refuse(xp, [Complaint("gradient of the penalty", future, ~(xp.abs(future) < INF), BEYOND)])
    return xp.exp(before) * exact + score * future
