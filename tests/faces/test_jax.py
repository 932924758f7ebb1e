"""The face of JAX: distributions as pytrees, and the loss of Optax."""

import functools
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import optax
import pytest
from jax.tree_util import keystr, tree_flatten_with_path

import relentropy
from relentropy import (
    Affine,
    Bernoulli,
    Compose,
    Counts,
    Dirichlet,
    Exp,
    Gamma,
    GaussianProcess,
    Independent,
    InverseWishart,
    Log,
    LogDensity,
    Logit,
    Logits,
    LogProbs,
    LowRankMultivariateNormal,
    MarkovChain,
    MarkovPath,
    MatrixNormal,
    Mixture,
    Multinomial,
    MultivariateNormal,
    MultivariateStudentT,
    Normal,
    Poisson,
    PoissonProcess,
    Power,
    Probs,
    Sigmoid,
    Tanh,
    Transformed,
    VonMisesFisher,
    Wishart,
    relative_entropy,
)
from relentropy.distributions.family import Parametric
from relentropy.jax import relative_entropy_loss
from tests import truth
from tests.tables import family_tables

INF, NAN = float("inf"), float("nan")
P = np.array([[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.1, 0.2, 0.7]])
Q = np.array([[0.25, 0.25, 0.5], [0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.1, 0.2, 0.7]])
ROWS = np.array([mpmath.log(2) / 4, mpmath.log(2), mpmath.log(4), 0], "float64")
MIXED = ("probs", "logits")
SQUARE = np.array([[2.0, 0.3], [0.3, 1.0]])
LOWER = np.linalg.cholesky(SQUARE)
STEPS = np.array([[0.9, 0.1], [0.4, 0.6]])


# Compiled: operation by operation JAX takes seconds for the first of each.
loss_of_rows = jax.jit(relative_entropy_loss, static_argnames=("inputs", "axis"))


def smooth(x: Any, y: Any) -> Any:
    return jnp.exp(-((x[:, None] - y[None, :]) ** 2) / 2)


def rising(t: Any) -> Any:
    return 2 * t


def of_tables(family: str) -> Any:
    member = family_tables.members()[family][0]
    return getattr(relentropy, family)(**{name: jnp.asarray(x) for name, x in member.items()})


# Each kind of distribution, made of arrays of JAX: what is called with no argument.
MADE: dict[str, Callable[[], Any]] = {
    **{family: functools.partial(of_tables, family) for family in family_tables.members()},
    "Independent": lambda: Independent(Normal(jnp.zeros(3), 1.0), 1),
    "Mixture of densities": lambda: Mixture(jnp.array([0.3, 0.7]), [of_tables("Gamma"), Normal()]),
    "Mixture of atoms": lambda: Mixture(
        jnp.array([0.3, 0.7]), [Poisson(jnp.array(2.0)), Bernoulli(jnp.array(0.5))]
    ),
    "Mixture of vectors": lambda: Mixture(
        jnp.array([0.3, 0.7]), MultivariateNormal(jnp.zeros((2, 2)), jnp.array(SQUARE))
    ),
    "Transformed": lambda: Transformed(
        Normal(jnp.array(0.1), 1.0), Compose(Exp(), Affine(jnp.array(1.0), 2.0))
    ),
    "Transformed atoms": lambda: Transformed(Poisson(jnp.array(2.0)), Affine(3.0, 1.0)),
    "Transformed vectors": lambda: Transformed(
        MultivariateNormal(jnp.zeros(2), jnp.array(SQUARE)), Exp()
    ),
    "Affine": lambda: Affine(jnp.array(1.0), jnp.array(2.0)),
    "Power": lambda: Power(jnp.array(3.0)),
    "Compose": lambda: Compose(Logit(), Tanh(), Sigmoid(), Log()),
    "MultivariateNormal": lambda: MultivariateNormal(
        jnp.zeros(2), precision_matrix=jnp.array(SQUARE)
    ),
    "MultivariateStudentT": lambda: MultivariateStudentT(3.0, jnp.zeros(2), jnp.array(LOWER)),
    "LowRankMultivariateNormal": lambda: LowRankMultivariateNormal(
        jnp.zeros(3), jnp.ones((3, 1)), jnp.ones(3)
    ),
    "MatrixNormal": lambda: MatrixNormal(jnp.zeros((2, 2)), jnp.array(LOWER), jnp.array(LOWER)),
    "Wishart": lambda: Wishart(jnp.array(4.0), jnp.array(SQUARE)),
    "InverseWishart": lambda: InverseWishart(jnp.array(4.0), jnp.array(SQUARE)),
    "VonMisesFisher": lambda: VonMisesFisher(jnp.array([0.6, 0.8]), jnp.array(2.0)),
    "Dirichlet": lambda: Dirichlet(jnp.array([1.0, 2.0, 3.0])),
    "Multinomial": lambda: Multinomial(5, jnp.array([0.2, 0.8])),
    "MarkovChain": lambda: MarkovChain(jnp.array(STEPS)),
    "MarkovPath": lambda: MarkovPath(jnp.array(STEPS), jnp.array([0.5, 0.5]), steps=4),
    "PoissonProcess": lambda: PoissonProcess(jnp.array(2.0), interval=(0.0, jnp.array(3.0))),
    "PoissonProcess of a function": lambda: PoissonProcess(rising, interval=(0.0, jnp.array(1.0))),
    "GaussianProcess": lambda: GaussianProcess(0.0, smooth, jnp.array(0.1)),
    "Probs": lambda: Probs(jnp.array(P)),
    "LogProbs": lambda: LogProbs(jnp.log(jnp.array(P))),
    "Logits": lambda: Logits(jnp.array(P)),
    "Counts": lambda: Counts(jnp.array([1, 2, 3])),
}


def kinds(of: type = Parametric) -> Iterator[type]:
    for child in of.__subclasses__():
        yield child
        yield from kinds(child)


class TestPytrees:
    def test_every_public_family_but_log_density_is_here(self) -> None:
        public = {kind for kind in kinds() if kind.__name__ in relentropy.__all__}
        found = set()
        for made in MADE.values():
            jax.tree.map(lambda x: found.add(type(x)), made(), is_leaf=lambda x: found.add(type(x)))
        missing = {kind for kind in public if not any(issubclass(other, kind) for other in found)}
        assert missing == {LogDensity}

    @pytest.mark.parametrize("name", MADE)
    def test_there_and_back_again(self, name: str) -> None:
        x = MADE[name]()
        leaves, tree = jax.tree.flatten(x)
        assert not jax.tree_util.all_leaves([x])
        assert all(hasattr(leaf, "shape") for leaf in leaves)
        again = jax.tree.unflatten(tree, leaves)
        assert type(again) is type(x)
        assert repr(again) == repr(x)
        if isinstance(x, Parametric):
            assert set(vars(again)) == set(vars(x))
        assert jax.tree.structure(again) == tree
        assert hash(jax.tree.structure(again)) == hash(tree)

    @pytest.mark.parametrize("name", ["Gamma", "Transformed", "MarkovPath", "Probs", "Independent"])
    def test_in_and_out_of_a_jit(self, name: str) -> None:
        x = MADE[name]()
        again = jax.jit(lambda x: x)(x)
        assert type(again) is type(x)
        assert repr(again) == repr(x)

    def test_any_thing_may_be_a_leaf(self) -> None:
        """JAX puts None, shapes and flags into trees; nothing is looked at."""
        for x in (Normal(jnp.zeros(2), jnp.ones(2)), Probs(jnp.array([0.5, 0.5]))):
            for thing in (None, object(), "a", -1.0):
                jax.tree.map(lambda leaf, thing=thing: thing, x)
            shapes = jax.tree.map(jnp.shape, x, is_leaf=lambda leaf: isinstance(leaf, jax.Array))
            assert type(shapes) is type(x)
            assert type(jax.eval_shape(lambda x: x, x)) is type(x)

    def test_the_path_of_a_leaf(self) -> None:
        def paths(x: Any) -> list[str]:
            return [keystr(path) for path, _ in tree_flatten_with_path(x)[0]]

        assert paths(Normal(jnp.zeros(2), 1.0)) == [".loc", ".scale"]
        assert paths({"p": Probs(jnp.array([1.0]))}) == ["['p'].values"]
        assert paths(MADE["PoissonProcess"]()) == [".begin", ".end", ".intensity"]
        assert paths(MADE["Mixture of atoms"]()) == [
            ".components[0].rate",
            ".components[1].probs",
            ".weights",
        ]

    def test_what_is_static(self) -> None:
        labelled = Probs({"a": 0.5, "b": 0.5}, validate=True)
        other = jax.tree.map(jnp.asarray, labelled)
        assert (other.labels, other.validate) == (("a", "b"), True)
        structure = jax.tree.structure
        assert structure(labelled) != structure(Probs({"b": 0.5, "a": 0.5}, validate=True))
        assert structure(labelled) != structure(Probs({"a": 0.5, "b": 0.5}))
        assert structure(MADE["MarkovPath"]()) != structure(
            MarkovPath(jnp.array(STEPS), jnp.array([0.5, 0.5]), steps=5)
        )

    def test_labels_go_through_a_jit(self) -> None:
        p, q = Probs({"a": 0.5, "b": 0.5}), Probs({"a": 0.75, "b": 0.25})
        value = jax.jit(relative_entropy)(p, q)
        expected = truth.relative_entropy(*(truth.exactly(x) for x in ([0.5, 0.5], [0.75, 0.25])))
        assert float(value) == pytest.approx(float(expected), rel=1e-12)

    def test_labels_are_aligned_under_a_jit(self) -> None:
        p, q = Probs({"a": 0.5, "b": 0.5}), Probs({"b": 0.25, "c": 0.25, "a": 0.5})
        value = jax.jit(relative_entropy)(p, q)
        assert float(value) == pytest.approx(0.5 * np.log(2), rel=1e-12)
        assert float(jax.jit(relative_entropy)(q, p)) == np.inf
        counts = Counts({"a": 2, "b": 2}), Counts({"b": 1, "c": 1, "a": 2})
        assert float(jax.jit(relative_entropy)(*counts)) == float(value)

    def test_jit_of_a_verb(self) -> None:
        value = jax.jit(relative_entropy)(
            Normal(jnp.array([0.0, 1.0]), 1.0), Normal(0.0, jnp.array([1.0, 2.0]))
        )
        expected = [0, float(mpmath.log(2) + mpmath.mpf(2) / 8 - mpmath.mpf(1) / 2)]
        np.testing.assert_allclose(value, expected, rtol=1e-12)

    def test_vmap_over_rows(self) -> None:
        p, q = LogProbs(jnp.log(jnp.array(Q))), Probs(jnp.array(Q[::-1]))
        expected = [
            float(truth.relative_entropy(*(truth.distribution("Probs", row) for row in pair)))
            for pair in zip(Q, Q[::-1], strict=True)
        ]
        values = jax.jit(jax.vmap(relative_entropy))(p, q)
        np.testing.assert_allclose(values, expected, rtol=1e-12)
        one = jax.tree.map(lambda x: x[1], q)
        values = jax.jit(jax.vmap(relative_entropy, in_axes=(0, None)))(p, one)
        assert float(values[1]) == pytest.approx(expected[1], rel=1e-12)

    def test_vmap_makes_a_batch_of_families(self) -> None:
        made = jax.vmap(lambda loc: Normal(loc, 2 * jnp.ones_like(loc)))(jnp.arange(3.0))
        assert type(made) is Normal
        assert made.batch_shape == (3,)
        values = jax.vmap(relative_entropy, in_axes=(0, None))(made, Normal(jnp.array(0.0), 2.0))
        np.testing.assert_allclose(values, np.arange(3.0) ** 2 / 8, rtol=1e-14)

    def test_the_gradient_is_a_distribution_of_slopes(self) -> None:
        p, q = Normal(jnp.array(1.0), 2.0), Normal(jnp.array(0.5), jnp.array(3.0))
        slope = jax.jit(jax.grad(relative_entropy, argnums=1))(p, q)
        assert type(slope) is Normal
        # of log(σ/s) + (s² + (m - μ)²) / 2σ² - ½
        assert float(slope.loc) == pytest.approx(-0.5 / 9, rel=1e-12)
        assert float(slope.scale) == pytest.approx(1 / 3 - 4.25 / 27, rel=1e-12)
        p, q = Probs(jnp.array(P[0])), Probs(jnp.array(Q[0]))
        inside = jax.jit(jax.grad(relative_entropy, argnums=1))(p, q)
        np.testing.assert_allclose(inside.values, 1 - P[0] / Q[0], rtol=1e-12)

    def test_the_ends_of_an_interval_are_leaves_once(self) -> None:
        p, q = (PoissonProcess(jnp.array(x), interval=(0.0, jnp.array(3.0))) for x in (2.0, 1.0))
        slope = jax.grad(lambda p: 3 * p.intensity + p.interval[1] * p.end)(p)
        assert float(slope.end) == 6
        assert slope.interval == (slope.begin, slope.end)
        value = jax.jit(relative_entropy)(p, q)
        assert float(value) == pytest.approx(3 * (2 * np.log(2) - 1), rel=1e-12)

    def test_a_distribution_is_carried_by_scan(self) -> None:
        """Bayes' rule for a rate, observation by observation."""

        def observe(prior: Gamma, count: Any) -> tuple[Gamma, Any]:
            posterior = Gamma(prior.concentration + count, prior.rate + 1.0)
            return posterior, relative_entropy(posterior, prior)

        counts = jnp.array([2.0, 0.0, 4.0])
        last, learnt = jax.lax.scan(observe, Gamma(jnp.array(1.0), jnp.array(1.0)), counts)
        assert type(last) is Gamma
        assert (float(last.concentration), float(last.rate)) == (7, 4)
        expected, prior = [], Gamma(1.0, 1.0)
        for count in (2.0, 0.0, 4.0):
            posterior = Gamma(prior.concentration + count, prior.rate + 1.0)
            expected.append(float(relative_entropy(posterior, prior)))
            prior = posterior
        np.testing.assert_allclose(learnt, expected, rtol=1e-12)

    def test_optax_fits_a_family(self) -> None:
        """The parameters of Q go to those of P; Q is the tree that the optimiser works on."""
        p, q = Normal(jnp.array(1.0), jnp.array(2.0)), Normal(jnp.array(0.0), jnp.array(1.0))
        optimizer = optax.adam(0.1)

        @jax.jit
        def step(carry: Any, _: Any) -> Any:
            q, state = carry
            value, slope = jax.value_and_grad(relative_entropy, argnums=1)(p, q)
            updates, state = optimizer.update(slope, state)
            return (optax.apply_updates(q, updates), state), value

        (q, _), values = jax.lax.scan(step, (q, optimizer.init(q)), length=400)
        assert values[0] > 0.5
        assert 0 <= values[-1] < 1e-6
        assert float(q.loc) == pytest.approx(1, abs=1e-2)
        assert float(q.scale) == pytest.approx(2, abs=1e-2)

    def test_log_density_is_a_leaf(self) -> None:
        x = LogDensity(lambda x: -(x**2), (-INF, INF))
        assert jax.tree.leaves(x) == [x]

    def test_importing_it_again_registers_nothing_twice(self) -> None:
        code = "import importlib, relentropy.jax as face; importlib.reload(face)"
        subprocess.run([sys.executable, "-c", code], check=True)


class TestLossValues:
    def test_one_value_a_row(self) -> None:
        with np.errstate(divide="ignore"):
            log_p, log_q = np.log(P), np.log(Q)
        offset = np.array([[3], [-7], [0.5], [20]])
        for inputs, pair in {
            "probs": (P, Q),
            "log_probs": (log_p, log_q),
            "logits": (log_p + offset, log_q - offset),
            MIXED: (P, log_q - offset),
        }.items():
            values = loss_of_rows(*pair, inputs=inputs)
            assert isinstance(values, jax.Array)
            np.testing.assert_allclose(values, ROWS, rtol=1e-12, atol=1e-15)

    def test_the_default_is_logits(self) -> None:
        rng = np.random.default_rng(0)
        a, b = rng.normal(0, 3, (2, 5, 40))
        values = loss_of_rows(a, b)
        np.testing.assert_allclose(values, exactly(a, b), rtol=1e-12)

    def test_close_logits_in_float32_are_not_rounded_away(self) -> None:
        rng = np.random.default_rng(0)
        a = rng.normal(0, 3, (4, 1000)).astype("float32")
        b = a + rng.normal(0, 1e-4, a.shape).astype("float32")
        values = loss_of_rows(a, b)
        assert values.dtype == jnp.float32
        np.testing.assert_allclose(values, exactly(a, b), rtol=1e-5)

    @pytest.mark.parametrize("half", ["float16", "bfloat16"])
    def test_half_precision_is_accumulated_in_float32(self, half: str) -> None:
        rng = np.random.default_rng(0)
        a, b = jnp.asarray(rng.normal(0, 1, (2, 4, 1000)), half)
        values = loss_of_rows(a, b)
        assert values.dtype == jnp.float32
        assert jax.eval_shape(jax.grad(lambda b: loss_of_rows(a, b).sum()), b).dtype == half
        wide = (np.asarray(x, "float64") for x in (a, b))
        np.testing.assert_allclose(values, exactly(*wide), rtol=1e-5)

    def test_infinite_where_q_lacks_what_p_has_and_nan_for_no_distribution(self) -> None:
        p = jnp.array([[0.5, 0.5], [1.0, 0.0], [0.5, 0.6]])
        q = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
        values = loss_of_rows(p, q, inputs="probs").tolist()
        assert values[:2] == [INF, 0]
        assert np.isnan(values[2])

    def test_axis_and_batches(self) -> None:
        p, q = (jnp.moveaxis(jnp.array(x).reshape(2, 2, 3), -1, 1) for x in (P, Q))
        values = loss_of_rows(p, q, inputs="probs", axis=1)
        np.testing.assert_allclose(values, ROWS.reshape(2, 2), rtol=1e-12, atol=1e-15)
        one = loss_of_rows(p, jnp.full((1, 3, 1), 1 / 3), inputs="probs", axis=1)
        assert one.shape == (2, 2)

    def test_it_is_what_optax_has_with_the_second_distribution_first(self) -> None:
        p, q = P[[0, 3]], Q[[0, 3]]
        theirs = optax.losses.kl_divergence(jnp.log(q), jnp.asarray(p))
        ours = loss_of_rows(p, np.log(q), inputs=("probs", "log_probs"))
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)

    def test_optax_has_nan_where_both_have_nothing(self) -> None:
        """What the documentation says of optax."""
        p, log_q = jnp.array([0.0, 1.0]), jnp.array([-INF, 0.0])
        assert jnp.isnan(optax.losses.kl_divergence(log_q, p))
        assert loss_of_rows(p, log_q, inputs=("probs", "log_probs")) == 0


class TestLossGradients:
    def test_with_respect_to_logits(self) -> None:
        b = jnp.log(jnp.array(Q)) + 1.5
        slope = jax.jit(jax.grad(lambda b: loss_of_rows(P, b, inputs=MIXED).sum()))(b)
        np.testing.assert_allclose(slope, Q - P, rtol=0, atol=1e-14)

    def test_at_zeros(self) -> None:
        def total(p: Any, q: Any) -> Any:
            return loss_of_rows(p, q, inputs="probs").sum()

        p, q = jnp.array([[0.0, 1.0, 0.0]]), jnp.array([[0.0, 0.5, 0.5]])
        of_p, of_q = jax.jit(jax.grad(total, argnums=(0, 1)))(p, q)
        assert of_q.tolist() == [[1.0, -1.0, 1.0]]
        assert of_p.tolist() == [[0.0, 0.0, 0.0]]
        logs = jnp.array([[-INF, 0.0, 0.0]])
        slopes = jax.jit(jax.grad(lambda a, b: loss_of_rows(a, b).sum(), argnums=(0, 1)))(
            logs, logs + jnp.array([0.0, 1.0, 0.0])
        )
        assert all(s[0, 0] == 0 and bool(jnp.isfinite(s).all()) for s in slopes)

    def test_the_hessian_is_the_fisher_information(self) -> None:
        b = jnp.array([0.3, -0.2, 0.5])
        q = jax.nn.softmax(b)
        hessian = jax.jit(jax.hessian(lambda b: loss_of_rows(P[0], b, inputs=MIXED)))(b)
        np.testing.assert_allclose(hessian, jnp.diag(q) - jnp.outer(q, q), rtol=0, atol=1e-14)

    def test_jit_and_vmap(self) -> None:
        b = jnp.log(jnp.array(Q))
        by_row = jax.jit(
            jax.vmap(jax.value_and_grad(lambda p, b: loss_of_rows(p, b, inputs=MIXED), 1))
        )
        values, slopes = by_row(jnp.array(P), b)
        np.testing.assert_allclose(values, ROWS, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(slopes, Q - P, rtol=0, atol=1e-14)


class TestLossMasks:
    def test_rows_of_which_nothing_is_left_have_value_and_gradient_0(self) -> None:
        mask = jnp.array([True, False, False, True])
        a = jnp.array(P).at[1].set(NAN)
        b = jnp.log(jnp.array(Q)).at[2].set(INF)

        def total(p: Any, b: Any, mask: Any) -> Any:
            losses = loss_of_rows(p, b, inputs=MIXED, where=mask[:, None])
            return losses.sum() / mask.sum(), losses

        both = jax.value_and_grad(total, argnums=(0, 1), has_aux=True)
        (mean, losses), (of_p, of_q) = jax.jit(both)(a, b, mask)
        np.testing.assert_allclose(losses, ROWS * mask, rtol=1e-12, atol=1e-15)
        assert float(mean) == pytest.approx(ROWS[0] / 2, rel=1e-12)
        assert not of_p[~mask].any()
        assert not of_q[~mask].any()
        np.testing.assert_allclose(of_q[mask], (Q - P)[mask] / 2, rtol=0, atol=1e-14)

    def test_cells_are_dropped_and_the_rest_is_renormalised(self) -> None:
        cells = np.array([[True, True, False], [False, False, False]])
        values = loss_of_rows(P[:2], Q[:2], inputs="probs", where=cells)
        expected = truth.relative_entropy(
            truth.distribution("Probs", P[0, :2]), truth.distribution("Probs", Q[0, :2])
        )
        np.testing.assert_allclose(values, [float(expected), 0], rtol=1e-12)

    def test_axis_with_a_mask(self) -> None:
        p, q = (jnp.moveaxis(jnp.array(x).reshape(2, 2, 3), -1, 1) for x in (P, Q))
        mask = jnp.array([[True, False], [True, True]])
        values = loss_of_rows(p, q, inputs="probs", axis=1, where=mask[:, None])
        np.testing.assert_allclose(values, ROWS.reshape(2, 2) * mask, rtol=1e-12, atol=1e-15)

    def test_a_base(self) -> None:
        nats, bits = (relative_entropy_loss(P, Q, inputs="probs", base=base) for base in (None, 2))
        np.testing.assert_allclose(bits, nats / np.log(2), rtol=1e-15)

    def test_a_mask_of_numbers(self) -> None:
        with pytest.raises(TypeError, match=r"where has dtype .*; expected bool: where != 0"):
            relative_entropy_loss(P, Q, inputs="probs", where=np.ones((4, 1)))


class TestLossErrors:
    def test_unknown_inputs(self) -> None:
        for inputs in ("log_prob", ("probs",), None):
            with pytest.raises(ValueError, match=r"expected 'logits', 'log_probs' or 'probs', or"):
                relative_entropy_loss(P, Q, inputs=inputs)

    def test_labels_of_classes(self) -> None:
        with pytest.raises(TypeError, match=r"p has dtype int64.*one_hot"):
            relative_entropy_loss(jnp.array([0, 1]), jnp.zeros((2, 3)))

    def test_arrays_of_others(self) -> None:
        import torch

        with pytest.raises(TypeError, match="q is Tensor; expected an array of JAX or NumPy"):
            relative_entropy_loss(P, torch.zeros(4, 3))
        with pytest.raises(TypeError, match="p is Probs; expected an array"):
            relative_entropy_loss(Probs(P), Q)

    def test_lengths_that_differ(self) -> None:
        with pytest.raises(ValueError, match="p has 3 cells along the event axis and q has 2"):
            relative_entropy_loss(jnp.zeros(3), jnp.zeros(2))


def test_a_model_learns_what_its_teacher_knows() -> None:
    """Distillation with padding that holds NaN, by an optimiser of Optax."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(64, 6, 4)))
    mask = jnp.asarray(rng.random((64, 6)) < 0.8)
    teacher = jnp.where(mask[..., None], x @ rng.normal(size=(4, 3)), NAN)
    optimizer = optax.adam(0.1)

    def loss(parameters: Any) -> Any:
        student = x @ parameters["kernel"] + parameters["bias"]
        losses = relative_entropy_loss(teacher, student, where=mask[..., None])
        return losses.sum() / mask.sum()

    def step(carry: Any, _: Any) -> Any:
        parameters, state = carry
        value, slope = jax.value_and_grad(loss)(parameters)
        updates, state = optimizer.update(slope, state, parameters)
        return (optax.apply_updates(parameters, updates), state), value

    parameters = {"kernel": jnp.zeros((4, 3)), "bias": jnp.zeros(3)}
    start = (parameters, optimizer.init(parameters))
    (parameters, _), values = jax.jit(lambda s: jax.lax.scan(step, s, length=300))(start)
    assert values[0] > 0.1
    assert 0 <= values[-1] < 1e-4
    assert bool((values >= 0).all())


def test_the_face_is_reached_by_name() -> None:
    assert relentropy.jax.relative_entropy_loss is relative_entropy_loss
    assert "jax" not in relentropy.__all__


def exactly(a: np.ndarray, b: np.ndarray) -> list[float]:
    """D of the softmax of each pair of rows, by mpmath."""
    with truth.digits(50):
        return [
            float(truth.relative_entropy(*(truth.distribution("Logits", row) for row in pair)))
            for pair in zip(a, b, strict=True)
        ]


def test_no_nan_on_the_way() -> None:
    """Who debugs with jax_debug_nans meets no NaN of ours."""
    p, q = jnp.array([0.5, 0.5, 0.0, 0.0]), jnp.array([0.25, 0.5, 0.25, 0.0])
    with jax.debug_nans(True):
        value, slopes = jax.value_and_grad(relative_entropy, (0, 1))(p, q)
    assert float(value) == pytest.approx(0.5 * np.log(2), rel=1e-12)
    np.testing.assert_allclose(slopes[1], [-1.0, 0.0, 1.0, 1.0], atol=1e-15)
