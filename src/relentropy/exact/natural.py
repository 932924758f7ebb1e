"""Univariate exponential families as segments of natural parameters, P and Q at the ends.

Each function takes two members of a family, or what they have in common with another, and says
what `relentropy.exact.segment` needs: the parameters, their exact differences, and the relative
entropy from these. Units are those of P where that saves a rounding.
"""

from typing import Any

from relentropy import _array
from relentropy._scalar import _difference_of_products, log_quotient, log_ratio
from relentropy.exact.bregman import (
    excess_over_log,
    of_exp,
    of_log_gamma_remainder,
    of_minus_log,
    two_points,
)
from relentropy.exact.integers import zipf_between
from relentropy.exact.interval import of_betas
from relentropy.exact.segment import Parameters, Segment, weighted_difference

Array = Any


# --- rates of gamma variables -------------------------------------------------------------------


def _of_rates(a: float) -> Any:
    def divergence(x: Parameters, y: Parameters, d: Parameters, wedge: Array) -> Array:
        """A (y/x - 1 - log(y/x)), rates x and y of gamma variables of one concentration a."""
        return a * of_minus_log(_array.namespace(x[0]), y[0], x[0], d[0])

    return divergence


def of_rates(r: Array, s: Array, a: float = 1.0) -> Segment:
    """Rates r and s of gamma variables of one concentration a."""
    r, s = r + 0.0 * s, s + 0.0 * r
    return Segment(
        (r,), (s,), (s - r,), _of_rates(a), lambda alpha: (weighted_difference(alpha, [r], [s]),)
    )


def of_inverse_rates(scale: Array, scale_q: Array) -> Segment:
    """Exponential variables of rates 1/σ and 1/s: those of the distances of Laplace's laws."""
    t, s = scale + 0.0 * scale_q, scale_q + 0.0 * scale
    return Segment(
        (0.0 * t + 1,),
        (t / s,),
        ((t - s) / s,),
        _of_rates(1.0),
        lambda alpha: (weighted_difference(alpha, [s], [t]) / s,),
    )


def of_lengths(scale: Array, scale_q: Array, a: float) -> Segment:
    """Rates 1/(2σ²) and 1/(2s²) of gamma variables of one concentration a, in units of P's."""
    t, s = scale + 0.0 * scale_q, scale_q + 0.0 * scale
    return Segment(
        (0.0 * t + 1,),
        (t / s * (t / s),),
        ((t - s) / s * ((t + s) / s),),
        _of_rates(a),
        lambda alpha: (weighted_difference(alpha, [s, s], [t, t]) / s / s,),
    )


def of_powers(u: Array, a: float) -> Segment:
    """Rates 1 and e^u of gamma variables of one concentration a."""
    xp = _array.namespace(u)
    end = xp.exp(u)
    return Segment(
        (0.0 * u + 1,),
        (end,),
        (xp.expm1(u),),
        _of_rates(a),
        lambda alpha: (weighted_difference(alpha, [0.0 * u + 1], [end]),),
    )


# --- two parameters -----------------------------------------------------------------------------


def _of_gammas(x: Parameters, y: Parameters, d: Parameters, wedge: Array) -> Array:
    """B (z - log(1+z)) + J(b, a), z = sa/(rb) - 1, concentrations a, b and rates r, s."""
    (a, r), (b, s) = x, y
    xp = _array.namespace(a)
    z = wedge / r / b
    log_v = log_quotient(xp, s, r) - log_quotient(xp, b, a)
    return b * excess_over_log(xp, z, log_v) + of_log_gamma_remainder(xp, b, a, d[0])


def of_gammas(a: Array, r: Array, b: Array, s: Array) -> Segment:
    """Gamma variables of concentrations a and b, rates r and s."""
    zero = 0.0 * (a + r + b + s)
    a, r, b, s = (x + zero for x in (a, r, b, s))
    return Segment(
        (a, r),
        (b, s),
        (b - a, s - r),
        _of_gammas,
        lambda alpha: tuple(weighted_difference(alpha, [x], [y]) for x, y in ((a, b), (r, s))),
        _difference_of_products(_array.namespace(a), a, s, r, b),
    )


def of_squares(a: Array, scale: Array, b: Array, scale_q: Array) -> Segment:
    """Lengths of normal vectors: gammas of a and b, rates 1/(2σ²) and 1/(2s²) in units of P's."""
    zero = 0.0 * (a + scale + b + scale_q)
    a, t, b, s = (x + zero for x in (a, scale, b, scale_q))
    rates, xp = of_lengths(t, s, 1.0), _array.namespace(zero)
    (end,), (step,) = rates.end, rates.step
    return Segment(
        (a, *rates.start),
        (b, end),
        (b - a, step),
        _of_gammas,
        lambda alpha: (weighted_difference(alpha, [a], [b]), *rates.beyond(alpha)),
        # a τ - b, τ = (σ/s)².
        xp.where(xp.abs(step) < 0.25, a * step - (b - a), a * end - b),
    )


def _of_normals(x: Parameters, y: Parameters, d: Parameters, wedge: Array) -> Array:
    """(v - 1 - log v)/2 + W²/(2 x² y), v = y/x, precisions x and y, W = xy times the distance."""
    of_precisions = of_minus_log(_array.namespace(x[0]), y[0], x[0], d[0])
    shift = wedge / x[0]
    return (of_precisions + shift / y[0] * shift) / 2


def of_normals(p: Any, q: Any) -> Segment:
    """Normals of those `loc` and `scale`: their precisions in units of P's."""
    delta = q.loc - p.loc
    t, s = (x + 0.0 * delta for x in (p.scale, q.scale))
    precisions = of_lengths(t, s, 0.5)
    distance = delta / s
    wedge = distance * (t / s) + 0.0 * precisions.start[0]
    return precisions._replace(divergence=_of_normals, wedge=wedge)


def _of_inverse_gaussians(x: Parameters, y: Parameters, d: Parameters, wedge: Array) -> Array:
    """(v - 1 - log v)/2 + λ' √ψ/(2√λ) (1 - √(λψ'/(λ'ψ)))², v = λ'/λ, of (λ, ψ) and (λ', ψ')."""
    (c, psi), (c_q, psi_q) = x, y
    xp = _array.namespace(c)
    ratio = psi_q / psi * (c / c_q)
    some = ratio > 0
    root = xp.where(some, xp.sqrt(xp.where(some, ratio, 1.0)), 0.0)
    gap = wedge / psi / c_q / (1 + root)
    inverse = xp.sqrt(psi / c)
    return (of_minus_log(xp, c_q, c, d[0]) + c_q * inverse * gap * gap) / 2


def of_inverse_gaussians(p: Any, q: Any) -> Segment:
    """Densities x^(-3/2) exp(-λ/(2x) - ψx/2), ψ = λ/μ²; ψ = 0 is a distribution too, Lévy's."""
    zero = 0.0 * (p.loc + p.concentration + q.loc + q.concentration)
    m, c, n, d = (x + zero for x in (p.loc, p.concentration, q.loc, q.concentration))
    # In units of the mean of P: x/μ.
    step, c, d, v = (d - c) / m, c / m, d / m, m / n
    turned = d * ((m - n) / n) * ((m + n) / n)

    def beyond(alpha: float) -> Parameters:
        pair = [p.concentration + zero], [q.concentration + zero]
        of_psi = [x + zero for x in (p.concentration, q.loc, q.loc)]
        of_psi_q = [x + zero for x in (q.concentration, p.loc, p.loc)]
        psi = weighted_difference(alpha, of_psi, of_psi_q) / n / n
        return weighted_difference(alpha, *pair) / m, psi / m

    return Segment(
        (c, c),
        (d, d * v * v),
        (step, turned + step),
        _of_inverse_gaussians,
        beyond,
        c * turned,
        lambda x: (x[0] > 0) & (x[1] >= 0),
    )


def of_beta_variables(p: Any, q: Any) -> Segment:
    """The two concentrations of beta variables."""
    zero = 0.0 * (sum(p.arrays()) + sum(q.arrays()))
    a, b, a_q, b_q = (x + zero for x in (*p.arrays(), *q.arrays()))

    def divergence(x: Parameters, y: Parameters, d: Parameters, wedge: Array) -> Array:
        (a, b), (a_q, b_q), (step, step_0) = x, y, d
        return of_betas(a, b, a_q, b_q, step, step_0, -wedge)

    return Segment(
        (a, b),
        (a_q, b_q),
        (a_q - a, b_q - b),
        divergence,
        lambda alpha: tuple(weighted_difference(alpha, [x], [y]) for x, y in ((a, a_q), (b, b_q))),
        _difference_of_products(_array.namespace(a), a, b_q, a_q, b),
    )


# --- whole numbers ------------------------------------------------------------------------------


def _everywhere(x: Parameters) -> Array:
    return x[0] == x[0]


def of_poissons(r: Array, s: Array) -> Segment:
    """Logarithms of positive rates, from that of P."""
    xp, log_r = _array.namespace(r, s), _array.namespace(r, s).log(r)
    u = log_ratio(xp, s + 0.0 * r, r + 0.0 * s)

    def divergence(x: Parameters, y: Parameters, d: Parameters, wedge: Array) -> Array:
        """R (e^d - 1 - d), r = e^x; where e^d is large from the logarithm of r e^d."""
        rate, far = xp.exp(log_r + x[0]), _array.stop_gradient(d[0]) > 30
        near = xp.where(far, 0.0, d[0])
        total = xp.where(far, log_r + x[0] + d[0], 0.0)
        return xp.where(far, xp.exp(total) - rate * (1 + d[0]), rate * of_exp(xp, near))

    def beyond(alpha: float) -> Parameters:
        return ((1 - alpha) * u,)

    return Segment((0.0 * u,), (u,), (u,), divergence, beyond, is_member=_everywhere)


def of_waiting_times(log_again: Array, log_again_q: Array, step: Array) -> Segment:
    """Logarithms of the probability f to go on, of geometric variables; `step` is log(g/f)."""
    xp = _array.namespace(step)

    def divergence(x: Parameters, y: Parameters, d: Parameters, wedge: Array) -> Array:
        """[p log(p/q) + f log(f/g)] / p, p = 1 - f and q = 1 - g."""
        f, g = xp.exp(x[0]), xp.exp(y[0])
        p, q = -xp.expm1(x[0]), -xp.expm1(y[0])
        near = xp.where(d[0] < 1, d[0], 0.0)
        gap = xp.where(d[0] < 1, f * xp.expm1(near), g - f)
        return two_points(xp, p, q, f, g, gap, (None, -d[0])) / p

    def beyond(alpha: float) -> Parameters:
        return (log_again - (alpha - 1) * step,)

    return Segment(
        (log_again + 0.0 * step,),
        (log_again_q + 0.0 * step,),
        (step,),
        divergence,
        beyond,
        is_member=lambda x: x[0] < 0,
    )


def of_zipfs(p: Any, q: Any) -> Segment:
    """Powers less 1."""
    e, f = p.power - 1 + 0.0 * q.power, q.power - 1 + 0.0 * p.power

    def divergence(x: Parameters, y: Parameters, d: Parameters, wedge: Array) -> Array:
        return zipf_between(x[0], y[0], d[0])

    return Segment(
        (e,),
        (f,),
        (q.power - p.power,),
        divergence,
        lambda alpha: (weighted_difference(alpha, [e], [f]),),
    )
