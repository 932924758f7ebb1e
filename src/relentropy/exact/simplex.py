"""D(P||Q) and entropies of Dirichlet and multinomial distributions, in nats."""

from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import NEAR, kl_div_given, log_quotient, log_ratio
from relentropy._special import digamma, log_gamma
from relentropy.distributions.simplex import Dirichlet, Multinomial
from relentropy.exact.bregman import of_log_gamma_remainder
from relentropy.exact.discrete import relative_entropy_of_logs, relative_entropy_of_weights
from relentropy.exact.multivariate import require_same_event

Array = Any
INF = float("inf")


@rule(Dirichlet, Dirichlet)
def relative_entropy_of_dirichlets(p: Dirichlet, q: Dirichlet) -> Array:
    """D = B D(b/B || a/A) + Σ J(b_i, a_i) - J(B, A), the sums A and B; J of log Γ(x) - x log x + x.

    J(b, a) is the Bregman divergence from a to b, bounded by that of log x. Source: Penny,
    "Kullback-Liebler divergences of normal, gamma, Dirichlet and Wishart densities" (2001), eq. 10,
    regrouped so that no large terms are subtracted.
    """
    require_same_event(p, q)
    a, b = p.concentration, q.concentration
    xp = _array.namespace(a, b)
    d = b - a
    shares = xp.sum(_between_shares(xp, b, a, d), axis=-1)
    each = xp.sum(of_log_gamma_remainder(xp, b, a, d), axis=-1)
    total_a, total_b = xp.sum(a, axis=-1), xp.sum(b, axis=-1)
    whole = of_log_gamma_remainder(xp, total_b, total_a, xp.sum(d, axis=-1))
    return total_b * shares + (each - whole)


def _between_shares(xp: Any, b: Array, a: Array, d: Array) -> Array:
    """The terms of D(b/B || a/A) from d = b - a, which near equality is exact."""
    total_a, total_b = (xp.sum(x, axis=-1, keepdims=True) for x in (a, b))
    log_totals = log_ratio(xp, total_b, total_a)
    # (b/B) / (a/A) - 1.
    x = (d / a - xp.sum(d, axis=-1, keepdims=True) / total_a) * (total_a / total_b)
    near = xp.abs(_array.stop_gradient(x)) < NEAR
    t = log_quotient(xp, xp.where(near, 1.0, b), xp.where(near, 1.0, a)) - log_totals
    return kl_div_given(xp, b / total_b, a / total_a, near, xp.where(near, x, 0.0), t)


@rule(Dirichlet, None, of="entropy")
def entropy_of_dirichlet(p: Dirichlet) -> Array:
    """H = Σ log Γ(a_i) - log Γ(A) + (A - K) ψ(A) - Σ (a_i - 1) ψ(a_i), A = Σ a_i."""
    a = p.concentration
    xp = _array.namespace(a)
    total = xp.sum(a, axis=-1)
    log_beta = xp.sum(log_gamma(a), axis=-1) - log_gamma(total)
    each = xp.sum((a - 1) * (digamma(total)[..., None] - digamma(a)), axis=-1)
    return log_beta + each


@rule(Multinomial, Multinomial)
def relative_entropy_of_multinomials(p: Multinomial, q: Multinomial) -> Array:
    """D = n D(cells of P || cells of Q); +inf where the numbers of draws differ."""
    require_same_event(p, q)
    return times_draws(p, q, of_one_draw(p, q))


def times_draws(p: Multinomial, q: Multinomial, one: Array) -> Array:
    """N times a divergence of one draw; +inf where the numbers of draws differ."""
    xp, n = _array.namespace(p.total_count, q.total_count), p.total_count
    # No draws, no difference, even where one draw would have an infinite one.
    some = n > 0
    value = xp.where(some, xp.where(some, n, 1.0) * xp.where(some, one, 0.0), 0.0 * n)
    return xp.where(n == q.total_count, value, INF)


def of_one_draw(p: Multinomial, q: Multinomial) -> Array:
    """D between the cells of one draw."""
    a, b = p.cells, q.cells
    if p.probs is not None and q.probs is not None:
        return relative_entropy_of_weights(a, b)
    return relative_entropy_of_logs(a, b)
