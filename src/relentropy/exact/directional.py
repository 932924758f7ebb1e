"""D(P||Q) and entropy of von Mises-Fisher distributions, in nats."""

from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy.distributions.directional import VonMisesFisher, cosine, direction_gap, peak
from relentropy.exact.multivariate import require_same_event
from relentropy.exact.on_nodes import divergence_on_nodes

Array = Any

NEAR = 1.5
"""Concentrations whose peaks are within so many widths use one integration rule for both."""


@rule(VonMisesFisher, VonMisesFisher)
def relative_entropy_of_directions(p: VonMisesFisher, q: VonMisesFisher) -> Array:
    """D = F(κ_q) - F(κ_p) - F'(κ_p) (κ_q - κ_p) + κ_q F'(κ_p) (1 - cos of the angle between means).

    F(κ) is the log of the integral of exp(κ μᵀx), F' the mean cosine. Near κ_p = κ_q the first
    three terms are log1p(E_P[exp(-u) - 1 + u]), u = (κ_p - κ_q) (w - E_P w). Source: Banerjee et
    al., "Clustering with Bregman Divergences", JMLR 6 (2005), theorem 4, for this family.
    """
    require_same_event(p, q)
    xp = _array.namespace(p.concentration, q.concentration)
    a, b = p.concentration + 0.0 * q.concentration, q.concentration + 0.0 * p.concentration
    of_p = cosine(a, p.dimension)
    first, second = peak(a, p.dimension), peak(b, p.dimension)
    near = xp.abs(first.mode - second.mode) < NEAR * first.width
    mean_gap = of_p.mean_gap()
    change = xp.where(near, b - a, 0.0)[..., None]
    close = divergence_on_nodes(xp, of_p.log_mass(a), change * of_p.gap)
    of_q = cosine(b, p.dimension)
    far = of_q.log_normalizer() - of_p.log_normalizer() + mean_gap * (b - a)
    turned = b * of_p.mean(p.dimension) * direction_gap(p.mean_direction, q.mean_direction)
    return xp.where(near, close, far) + turned


@rule(VonMisesFisher, None, of="entropy")
def entropy_of_direction(p: VonMisesFisher) -> Array:
    """H = F(κ) - κ F'(κ), F(κ) the log of the integral of exp(κ μᵀx) over the sphere."""
    w = p.cosine()
    return w.log_normalizer() + p.concentration * w.mean_gap() + p.log_area()
