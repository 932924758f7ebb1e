"""Markov chains: long-run shares, the rate, and the laws of paths."""

import functools
import itertools

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from relentropy import (
    MarkovChain,
    cross_entropy,
    entropy,
    relative_entropy,
    rule_for,
)
from tests.backends import Backend
from tests.processes import chains

INF = float("inf")


def random_chain(rng: np.random.Generator, k: int, spread: float = 1.0) -> np.ndarray:
    x = np.exp(spread * rng.standard_normal((k, k)))
    return x / x.sum(axis=-1, keepdims=True)


def nearly_decomposable(weak: float) -> np.ndarray:
    """Two groups of two states, between which the chain hardly moves."""
    p = np.array([[0.3, 0.7, 0, weak], [0.6, 0.4, 0, 0], [weak / 3, 0, 0.2, 0.8], [0, 0, 0.5, 0.5]])
    return p / p.sum(axis=-1, keepdims=True)


def cost(p, q, start_p=None, start_q=None, steps=None):
    """D of two chains, or of their paths, from arrays."""
    left, right = MarkovChain(p, start_p), MarkovChain(q, start_q)
    if steps is None:
        return relative_entropy(left, right)
    return relative_entropy(left.path(steps), right.path(steps))


@functools.cache
def cost_on(xp: Backend):
    """On JAX compiled once a shape, which is quicker than each of its operations alone."""
    return xp.module.jit(cost, static_argnames="steps") if xp.name == "jax" else cost


def divergence(xp: Backend, p, q, start_p=None, start_q=None, steps=None, dtype="float64"):
    arrays = [None if x is None else xp.array(x, dtype) for x in (p, q, start_p, start_q)]
    return cost_on(xp)(*arrays, steps=steps)


def chain_of(xp: Backend, transition, initial=None, dtype="float64") -> MarkovChain:
    initial = None if initial is None else xp.array(initial, dtype)
    return MarkovChain(xp.array(transition, dtype), initial)


def test_every_share_of_nearly_decomposable_chains_is_right(xp: Backend) -> None:
    p = np.stack([nearly_decomposable(weak) for weak in (1e-3, 1e-8, 1e-15, 1e-100, 1e-290)])
    with mpmath.workdps(700):
        truth = [[float(x) for x in chains.stationary(chains.exact(one))] for one in p]
    assert xp.numpy(chain_of(xp, p).long_run) == pytest.approx(np.array(truth), rel=2e-15, abs=0)


@pytest.mark.parametrize("k", [1, 2, 3, 7, 20])
def test_shares_spread_over_many_orders_of_magnitude_are_right(
    numpy_backend: Backend, k: int
) -> None:
    p = random_chain(np.random.default_rng(k), k, spread=15.0)
    with mpmath.workdps(400):
        truth = [float(x) for x in chains.stationary(chains.exact(p))]
    shares = chain_of(numpy_backend, p).long_run
    assert shares == pytest.approx(truth, rel=5e-14, abs=0)


def test_a_walk_whose_first_state_is_rare_does_not_overflow(numpy_backend: Backend) -> None:
    k = 60
    p = np.zeros((k, k))
    for i in range(k):
        p[i, min(i + 1, k - 1)] += 1 - 1e-6
        p[i, max(i - 1, 0)] += 1e-6
    shares = numpy_backend.numpy(chain_of(numpy_backend, p).long_run)
    expected = (1 - 1e-6) * 1e-6 ** np.arange(5.0)  # of the last states: a geometric law
    assert shares[:-6:-1] == pytest.approx(expected, rel=1e-9)
    assert shares.sum() == pytest.approx(1)


def test_transient_states_and_several_classes(numpy_backend: Backend) -> None:
    p = [
        [0.5, 0.5, 0, 0, 0],
        [0.2, 0.3, 0.4, 0.1, 0],
        [0, 0, 1, 0, 0],
        *[[0, 0, 0, a, 1 - a] for a in (0.3, 0.8)],
    ]
    limit = numpy_backend.numpy(chain_of(numpy_backend, p, [1.0, 0, 0, 0, 0]).long_run)
    assert limit == pytest.approx([0, 0, 0.8, 0.2 * 8 / 15, 0.2 * 7 / 15], rel=1e-14)
    assert numpy_backend.numpy(chain_of(numpy_backend, p, [0, 0, 0, 1.0, 0]).long_run).tolist()[
        :3
    ] == [0, 0, 0]
    with pytest.raises(ValueError, match=r"2 closed classes \(\{2\}, \{3, 4\}\).*give initial="):
        _ = chain_of(numpy_backend, p).long_run
    with pytest.raises(ValueError, match="give initial="):
        relative_entropy(chain_of(numpy_backend, p), chain_of(numpy_backend, p))


def test_a_periodic_chain_has_its_time_average(numpy_backend: Backend) -> None:
    cycle = chain_of(numpy_backend, [[0.0, 1, 0], [0, 0, 1], [1, 0, 0]], [1.0, 0, 0])
    assert numpy_backend.numpy(cycle.long_run) == pytest.approx([1 / 3] * 3, rel=1e-15)


@pytest.mark.parametrize("closeness", [1.0, 1e-3, 1e-7])
def test_the_rate_against_the_definition(xp: Backend, closeness: float) -> None:
    rng = np.random.default_rng(1)
    p = random_chain(rng, 4)
    q = p * (1 + closeness * rng.uniform(-0.5, 0.5, p.shape))
    q /= q.sum(axis=-1, keepdims=True)
    with mpmath.workdps(60):
        truth = float(chains.rate(chains.exact(p), chains.exact(q)))
    value = divergence(xp, p, q)
    assert xp.is_native(value)
    assert float(value) == pytest.approx(truth, rel=1e-12)
    assert float(divergence(xp, p, p)) == 0.0


def test_float32(xp: Backend) -> None:
    rng = np.random.default_rng(2)
    p, q = (random_chain(rng, 4).astype(np.float32) for _ in range(2))
    with mpmath.workdps(60):
        truth = float(chains.rate(chains.exact(p), chains.exact(q)))
    value = divergence(xp, p, q, dtype="float32")
    assert xp.dtype_of(value) == "float32"
    assert float(value) == pytest.approx(truth, rel=1e-5)


def test_half_precision_is_read_as_float32(numpy_backend: Backend) -> None:
    p = [[0.75, 0.25], [0.5, 0.5]]
    value = relative_entropy(
        chain_of(numpy_backend, p, dtype="float16"), chain_of(numpy_backend, [[0.5, 0.5]] * 2)
    )
    assert float(value) == pytest.approx(2 / 3 * np.log(2) * 0.188721875541, rel=1e-6)


def test_the_rate_is_what_a_long_path_costs_a_step() -> None:
    rng = np.random.default_rng(3)
    p, q = MarkovChain(random_chain(rng, 5)), MarkovChain(random_chain(rng, 5))
    gain = relative_entropy(p.path(1001), q.path(1001)) - relative_entropy(
        p.path(1000), q.path(1000)
    )
    assert gain == pytest.approx(relative_entropy(p, q), rel=1e-9)


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 7, 12, 100])
def test_paths_against_the_definition(numpy_backend: Backend, steps: int) -> None:
    rng = np.random.default_rng(4)
    p, q = random_chain(rng, 4), random_chain(rng, 4)
    p[2] = [0, 0.5, 0.5, 0]
    a, b = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))
    with mpmath.workdps(60):
        truth = chains.along_path(*(chains.exact(x) for x in (a, p, b, q)), steps)
    value = relative_entropy(
        chain_of(numpy_backend, p, a).path(steps), chain_of(numpy_backend, q, b).path(steps)
    )
    assert float(value) == pytest.approx(float(truth), rel=1e-13)


def test_a_million_steps() -> None:
    p = np.array([[1 - 1e-7, 1e-7, 0], [2e-7, 1 - 3e-7, 1e-7], [0, 1e-6, 1 - 1e-6]])
    q = np.array([[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0, 0.2, 0.8]])
    start = np.array([0.0, 0.0, 1.0])
    steps = 1_000_000
    with mpmath.workdps(40):
        m = mpmath.matrix(chains.exact(p))
        cost = [
            chains.divergence(x, y) for x, y in zip(chains.exact(p), chains.exact(q), strict=True)
        ]
        # Σ Pᵗ over t < n from the powers of [[P, 1], [0, 1]].
        block = mpmath.eye(6)
        block[:3, :3] = m
        for i in range(3):
            block[i, 3 + i] = 1
        total = (block**steps)[:3, 3:]
        truth = float(mpmath.fsum(total[2, i] * cost[i] for i in range(3)))
    chain_p, chain_q = (MarkovChain(x, start).path(steps) for x in (p, q))
    assert relative_entropy(chain_p, chain_q) == pytest.approx(truth, rel=1e-12)


def test_paths_are_distributions_over_sequences() -> None:
    """Entropy, cross-entropy and divergence of a path from the table of all sequences."""
    rng = np.random.default_rng(5)
    p = MarkovChain(random_chain(rng, 3), rng.dirichlet(np.ones(3))).path(4)
    q = MarkovChain(random_chain(rng, 3)).path(4)
    sequences = np.array(list(itertools.product(range(3), repeat=5)))
    law_p, law_q = np.exp(p.log_density(sequences)), np.exp(q.log_density(sequences))
    assert law_p.sum() == pytest.approx(1)
    assert relative_entropy(p, q) == pytest.approx(relative_entropy(law_p, law_q), rel=1e-12)
    assert cross_entropy(p, q) == pytest.approx(cross_entropy(law_p, law_q), rel=1e-12)
    assert entropy(p, base=2) == pytest.approx(entropy(law_p, base=2), rel=1e-12)


def test_entropy_and_cross_entropy_rates(numpy_backend: Backend) -> None:
    p, q = (
        chain_of(numpy_backend, [[0.75, 0.25], [0.5, 0.5]]),
        chain_of(numpy_backend, [[0.5, 0.5], [0.25, 0.75]]),
    )
    divergence, cost, own = (
        float(x) for x in (relative_entropy(p, q), cross_entropy(p, q), entropy(p))
    )
    assert cost == pytest.approx(divergence + own, rel=1e-14)
    assert own / np.log(2) == pytest.approx((2 * 0.811278124459 + 1) / 3, rel=1e-11)


class TestInfinity:
    allowed = ((0.5, 0.5), (0.5, 0.5))
    forbids = ((0.5, 0.5), (0.0, 1.0))

    def test_a_forbidden_step_from_a_visited_state(self, xp: Backend) -> None:
        assert float(divergence(xp, self.allowed, self.forbids)) == INF

    def test_the_cost_of_a_forbidden_step(self, numpy_backend: Backend) -> None:
        p, q = (chain_of(numpy_backend, x) for x in (self.allowed, self.forbids))
        assert cross_entropy(p, q) == INF
        assert cross_entropy(p.path(2), q.path(2)) == INF

    def test_states_never_visited_cost_nothing(self, xp: Backend) -> None:
        p, q = [[1.0, 0.0], [0.5, 0.5]], [[0.5, 0.5], [0.0, 1.0]]
        assert float(divergence(xp, p, q)) == pytest.approx(np.log(2))
        assert float(divergence(xp, p, q, [0.0, 1.0])) == INF
        assert float(divergence(xp, p, q, [1.0, 0.0])) == pytest.approx(np.log(2))

    @pytest.mark.parametrize("steps", [0, 1, 2, 3, 4])
    def test_a_path_is_infinite_from_the_step_at_which_it_can_go_wrong(
        self, numpy_backend: Backend, steps: int
    ) -> None:
        p = [[0.0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1]]
        q = [[0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        start = [1.0, 0, 0, 0]
        value = divergence(numpy_backend, p, q, start, start, steps)
        assert float(value) == pytest.approx([0, np.log(2), 2 * np.log(2), INF, INF][steps])

    def test_a_first_state_that_q_never_has(self, xp: Backend) -> None:
        starts = [0.5, 0.5], [1.0, 0.0]
        assert float(divergence(xp, self.allowed, self.allowed, *starts, steps=3)) == INF
        # Of the steps, not of the start:
        assert float(divergence(xp, self.allowed, self.allowed, *starts)) == 0.0

    def test_a_visit_too_rare_for_the_format_is_still_a_visit(self, xp: Backend) -> None:
        rare = 1e-200
        p = [[1 - rare, rare, 0], [0, 1 - rare, rare], [0, 0.5, 0.5]]
        q = [[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 1.0, 0]]
        start = [1.0, 0, 0]
        assert float(divergence(xp, p, q, start, start, 3)) == INF


class TestGradients:
    """Along directions that keep the rows' sums, against mpmath; conventions at zeros."""

    rng = np.random.default_rng(6)
    p, q = random_chain(rng, 4), random_chain(rng, 4)
    directions = rng.standard_normal((2, 4, 4))
    directions -= directions.mean(axis=-1, keepdims=True)

    def test_the_rate(self, autodiff: Backend) -> None:
        self.check(autodiff, self.p, self.q)

    def test_the_rate_of_a_nearly_decomposable_chain(self, autodiff: Backend) -> None:
        p = np.where(nearly_decomposable(1e-6) > 0, nearly_decomposable(1e-6), 1e-7)
        self.check(autodiff, p / p.sum(axis=-1, keepdims=True), self.q)

    def check(self, autodiff: Backend, p: np.ndarray, q: np.ndarray) -> None:
        slopes = autodiff.gradient(cost_on(autodiff), autodiff.array(p), autodiff.array(q))
        with mpmath.workdps(50):
            a, b = chains.exact(p), chains.exact(q)
            for k, slope in enumerate(slopes):
                direction = self.directions[k] * (p if k == 0 else q)
                direction -= direction.sum(axis=-1, keepdims=True) * (p if k == 0 else q)
                step = mpf(10) ** -15

                def moved(
                    sign: int, k: int = k, d: np.ndarray = direction, step: mpf = step
                ) -> mpf:
                    pair = [a, b]
                    pair[k] = [
                        [x + sign * step * mpf(float(e)) for x, e in zip(row, rd, strict=True)]
                        for row, rd in zip(pair[k], d, strict=True)
                    ]
                    return chains.rate(*pair)

                truth = float((moved(1) - moved(-1)) / (2 * step))
                assert (slope * direction).sum() == pytest.approx(truth, rel=1e-8)

    def test_paths(self, autodiff: Backend) -> None:
        start = np.array([0.1, 0.2, 0.3, 0.4])

        fixed = autodiff.array(self.q), autodiff.array(start[::-1].copy())
        slopes = autodiff.gradient(
            lambda p, a: cost_on(autodiff)(p, fixed[0], a, fixed[1], steps=5),
            autodiff.array(self.p),
            autodiff.array(start),
        )
        with mpmath.workdps(50):
            a, b, d, e = (chains.exact(x) for x in (self.p, self.q, start, start[::-1]))
            h, move = mpf(10) ** -15, self.directions[0]

            def moved(sign: int) -> mpf:
                p = [
                    [x + sign * h * mpf(float(m)) for x, m in zip(row, ms, strict=True)]
                    for row, ms in zip(a, move, strict=True)
                ]
                return chains.along_path(d, p, e, b, 5)

            truth = float((moved(1) - moved(-1)) / (2 * h))
            value = float(moved(0))
        here = divergence(autodiff, self.p, self.q, start, start[::-1].copy(), 5)
        assert float(here) == pytest.approx(value, rel=1e-13)
        assert (slopes[0] * move).sum() == pytest.approx(truth, rel=1e-11)
        assert np.isfinite(slopes[1]).all()

    def test_nothing_is_nan_at_zeros_nor_where_it_is_infinite(self, autodiff: Backend) -> None:
        p = np.array([[0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0, 1, 0, 0], [0.25] * 4])
        finite, infinite = p.copy(), p.copy()
        finite[:3] = [[0.5, 0.25, 0.25, 0], [0, 0.5, 0.5, 0], [0, 0.5, 0.5, 0]]
        infinite[:3] = [[0.5, 0.25, 0.25, 0], [0, 0.5, 0.5, 0], [0, 0, 1, 0]]
        for q in (finite, infinite):
            slopes = autodiff.gradient(cost_on(autodiff), autodiff.array(p), autodiff.array(q))
            assert not any(np.isnan(s).any() for s in slopes)
            assert (slopes[0][p == 0] == 0).all()
            assert (slopes[1][0] == 0).all()  # a transient state
        assert slopes[1][2, 1] == -INF
        assert (slopes[0] == 0).all()

    def test_compiled(self, autodiff: Backend) -> None:
        expected = relative_entropy(MarkovChain(self.p), MarkovChain(self.q))
        f = autodiff.jit(lambda a, b: relative_entropy(MarkovChain(a), MarkovChain(b)))
        value = f(autodiff.array(self.p), autodiff.array(self.q))
        assert float(value) == pytest.approx(expected, rel=1e-13)


def test_vmap(autodiff: Backend) -> None:
    rng = np.random.default_rng(7)
    p, q = (np.stack([random_chain(rng, 3) for _ in range(4)]) for _ in range(2))
    f = autodiff.vmap(cost_on(autodiff))
    values = autodiff.numpy(f(autodiff.array(p), autodiff.array(q)))
    expected = [relative_entropy(MarkovChain(a), MarkovChain(b)) for a, b in zip(p, q, strict=True)]
    assert values == pytest.approx(expected, rel=1e-13)


def test_an_invalid_row_inside_a_trace_is_nan(jax_backend: Backend) -> None:
    f = jax_backend.jit(lambda a, b: relative_entropy(MarkovChain(a), MarkovChain(b)))
    good = jax_backend.array([[0.5, 0.5], [0.5, 0.5]])
    bad = jax_backend.array([[0.5, 0.6], [0.5, 0.5]])
    split = jax_backend.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.isnan(float(f(bad, good)))
    assert np.isnan(float(f(good, bad)))
    assert np.isnan(float(f(split, good)))


def test_batches_broadcast(numpy_backend: Backend) -> None:
    rng = np.random.default_rng(8)
    p, q = (
        np.stack([random_chain(rng, 3) for _ in range(4)]).reshape(2, 2, 3, 3),
        random_chain(rng, 3),
    )
    starts = rng.dirichlet(np.ones(3), size=2)
    chain = chain_of(numpy_backend, p, starts)
    assert chain.batch_shape == (2, 2)
    values = numpy_backend.numpy(relative_entropy(chain, chain_of(numpy_backend, q)))
    paths = numpy_backend.numpy(relative_entropy(chain.path(3), chain_of(numpy_backend, q).path(3)))
    for i, j in np.ndindex(2, 2):
        one = MarkovChain(p[i, j], starts[j])
        assert values[i, j] == pytest.approx(relative_entropy(one, MarkovChain(q)), rel=1e-13)
        expected = relative_entropy(one.path(3), MarkovChain(q).path(3))
        assert paths[i, j] == pytest.approx(expected, rel=1e-13)


def test_samples_have_the_law_of_the_path() -> None:
    rng = np.random.default_rng(9)
    path = MarkovChain([[0.5, 0.5, 0], [0, 0.5, 0.5], [1, 0, 0]], [0.5, 0, 0.5]).path(2)
    draws = path.sample(rng, (20_000,))
    assert draws.shape == (20_000, 3)
    sequences = np.array(list(itertools.product(range(3), repeat=3)))
    law = np.exp(path.log_density(sequences))
    seen = np.array([(draws == s).all(axis=-1).sum() for s in sequences])
    assert (seen[law == 0] == 0).all()
    expected = 20_000 * law[law > 0]
    chi_square = ((seen[law > 0] - expected) ** 2 / expected).sum()
    assert chi_square < 30  # (law > 0).sum() - 1 degrees of freedom: 7; p = 1e-4
    assert np.exp(path.log_density(draws[:5])).min() > 0


def test_what_is_no_chain() -> None:
    for bad, message in [
        ([[0.5, 0.4], [0.5, 0.5]], r"transition, row 0, sums to 0\.9 instead of 1"),
        ([[3, 1], [1, 1]], r"sums to 4 instead of 1; divide by the sum"),
        ([0.5, 0.5], r"expected \(\.\.\., K, K\)"),
        ([[-0.1, 1.1], [0.5, 0.5]], r"at least 0; got -0\.1 at \[0, 0\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            MarkovChain(bad)
    with pytest.raises(ValueError, match=r"initial has shape \(3,\)"):
        MarkovChain([[0.5, 0.5]] * 2, [0.2, 0.3, 0.5])
    with pytest.raises(ValueError, match=r"initial sums to 0\.9"):
        MarkovChain([[0.5, 0.5]] * 2, [0.4, 0.5])


def test_what_cannot_be_compared() -> None:
    p, q = MarkovChain([[0.5, 0.5]] * 2), MarkovChain(np.full((3, 3), 1 / 3))
    with pytest.raises(ValueError, match="p has 2 states and q has 3"):
        relative_entropy(p, q)
    with pytest.raises(ValueError, match="a path of 1 steps and one of 2"):
        relative_entropy(p.path(1), p.path(2))
    with pytest.raises(TypeError, match=r"\.path\(steps\) on both"):
        relative_entropy(p, p.path(1))
    with pytest.raises(TypeError, match="whole number"):
        p.path(1.5)
    with pytest.raises(ValueError, match="at least 0"):
        p.path(-1)
    with pytest.raises(ValueError, match="3 states along the last axis"):
        p.path(2).log_density([0, 1])
    with pytest.raises(ValueError, match="states are 0 to 1"):
        p.path(2).log_density([0, 1, 2])


def test_what_would_run() -> None:
    p = MarkovChain([[0.5, 0.5]] * 2)
    assert rule_for(p, p).formula.startswith("D = Σ π_i D(P_i‖Q_i)")
    assert rule_for(p.path(2), p.path(2)).formula.startswith("D = D(initial)")
