"""The I-projection: against mpmath, by its geometry, on the boundary, and beyond it."""

import math

import mpmath
import numpy as np
import pytest

from relentropy import (
    Counts,
    Logits,
    Normal,
    minimum_relative_entropy,
    relative_entropy,
)

FACES = np.arange(1.0, 7.0)
DIE = np.full(6, 1 / 6)


def truth(q, t, c) -> tuple[list[mpmath.mpf], mpmath.mpf]:
    """p and D by Newton's method on E_p[T] = c, in mpmath."""
    q = [mpmath.mpf(float(x)) for x in q]
    q = [x / mpmath.fsum(q) for x in q]
    t = [[mpmath.mpf(float(x)) for x in row] for row in np.atleast_2d(t.T).T]
    c = [mpmath.mpf(float(x)) for x in np.atleast_1d(c)]

    def tilted(lam):
        w = [a * mpmath.exp(mpmath.fdot(lam, row)) for a, row in zip(q, t, strict=True)]
        return [x / mpmath.fsum(w) for x in w]

    lam = mpmath.matrix(len(c), 1)
    for _ in range(200):
        p = tilted(list(lam))
        mean = [mpmath.fdot(p, [row[j] for row in t]) for j in range(len(c))]
        off = mpmath.matrix([mean[j] - c[j] for j in range(len(c))])
        hessian = mpmath.matrix(len(c), len(c))
        for i in range(len(c)):
            for j in range(len(c)):
                hessian[i, j] = mpmath.fsum(
                    x * (row[i] - mean[i]) * (row[j] - mean[j]) for x, row in zip(p, t, strict=True)
                )
        step = mpmath.lu_solve(hessian, off)
        size = mpmath.norm(step, mpmath.inf)
        lam -= step if size < 1 else step / size
        if size < mpmath.mpf(10) ** -35:
            break
    p = tilted(list(lam))
    return p, mpmath.fsum(a * mpmath.log(a / b) for a, b in zip(p, q, strict=True))


@pytest.mark.parametrize("mean", [1.001, 2.0, 3.5 - 1e-9, 3.5 + 1e-4, 4.5, 5.9, 5.999999])
def test_a_loaded_die_against_mpmath(mean: float) -> None:
    found = minimum_relative_entropy(DIE, FACES, mean)
    with mpmath.workdps(50):
        p, d = truth(DIE, FACES, mean)
    assert found.probabilities == pytest.approx([float(x) for x in p], rel=1e-9, abs=0)
    # The expectation is met to a rounding of the faces, which near 3.5 limits D.
    rounding = 1e-15 * float(np.abs(found.multipliers).max())
    assert found.relative_entropy == pytest.approx(float(d), rel=1e-10, abs=rounding)
    assert abs(found.duality_gap) <= 1e-10 * found.relative_entropy + rounding
    assert not found.on_boundary


@pytest.mark.parametrize("seed", range(5))
def test_several_statistics_against_mpmath(seed: int) -> None:
    rng = np.random.default_rng(seed)
    q, t = rng.dirichlet(np.ones(12)), rng.standard_normal((12, 3)) * [1.0, 1e3, 1e-3] + [0, 1e3, 0]
    c = rng.dirichlet(np.ones(12)) @ t
    found = minimum_relative_entropy(q, t, c)
    with mpmath.workdps(50):
        p, d = truth(q, (t - c) / [1.0, 1e3, 1e-3], np.zeros(3))
    assert found.relative_entropy == pytest.approx(float(d), rel=1e-10)
    assert found.probabilities == pytest.approx([float(x) for x in p], rel=1e-8)
    assert abs(found.duality_gap) <= 1e-10 * found.relative_entropy
    assert np.abs(found.residual / [1.0, 1e3, 1e-3]).max() < 1e-12


def test_it_is_the_nearest_and_the_distances_add_up() -> None:
    """D(P‖Q) = D(P‖P*) + D(P*‖Q) for every P with the same expectations (Csiszár 1975)."""
    rng = np.random.default_rng(1)
    q, t = rng.dirichlet(np.ones(8)), rng.standard_normal((8, 2))
    p = rng.dirichlet(np.ones(8))
    nearest = minimum_relative_entropy(q, t, p @ t)
    d = relative_entropy(p, q)
    assert d >= nearest.relative_entropy
    rest = relative_entropy(p, nearest.distribution)
    assert d == pytest.approx(rest + nearest.relative_entropy, rel=1e-12)
    assert nearest.relative_entropy == pytest.approx(relative_entropy(nearest.distribution, q))


def test_multipliers_are_the_slopes_of_the_cost() -> None:
    q = np.array([0.2, 0.3, 0.4, 0.1])
    t = np.array([[0.0, 1], [1, 0], [2, 5], [3, 1]])
    c, h = np.array([1.6, 2.0]), 1e-5
    slopes = [
        (
            minimum_relative_entropy(q, t, c + e).relative_entropy
            - minimum_relative_entropy(q, t, c - e).relative_entropy
        )
        / (2 * h)
        for e in h * np.eye(2)
    ]
    assert minimum_relative_entropy(q, t, c).multipliers == pytest.approx(slopes, rel=1e-7)


def test_the_tilt_is_what_it_says() -> None:
    q, t = np.array([0.2, 0.3, 0.5]), np.array([0.0, 1.0, 3.0])
    found = minimum_relative_entropy(q, t, 1.0)
    tilted = np.log(q) + t * found.multipliers[0] - found.log_normalizer
    assert found.distribution.values == pytest.approx(tilted, rel=1e-13)
    assert found.iterations > 0
    assert repr(found).startswith("Projection(relative_entropy=")


def test_what_q_has_already_costs_nothing() -> None:
    q = np.array([0.25, 0.25, 0.5])
    found = minimum_relative_entropy(q, [0.0, 1.0, 2.0], 1.25)
    assert found.relative_entropy == 0
    assert found.probabilities == pytest.approx(q, rel=1e-15)


@pytest.mark.parametrize(
    "q",
    [
        {"a": 0.5, "b": 0.3, "c": 0.2},
        Counts({"a": 5, "b": 3, "c": 2}),
        Logits({"a": math.log(5), "b": math.log(3), "c": math.log(2)}),
    ],
)
def test_labels_and_kinds(q) -> None:
    found = minimum_relative_entropy(q, {"c": 2.0, "a": 0.0, "b": 1.0}, 1.0)
    assert found.distribution.labels == ("a", "b", "c")
    assert found.probabilities @ [0, 1, 2] == pytest.approx(1.0)
    assert float(relative_entropy(found.distribution, q)) == pytest.approx(found.relative_entropy)


class TestDraws:
    def test_reweighting_draws(self) -> None:
        x = np.random.default_rng(2).standard_normal((20_000, 2))
        statistics = np.column_stack([x, x**2])
        found = minimum_relative_entropy(None, statistics, [0.2, -0.1, 1.0, 1.0])
        assert found.probabilities @ statistics == pytest.approx([0.2, -0.1, 1.0, 1.0], abs=1e-12)
        # Of the laws with these moments the normal one is nearest, at (0.2² + 0.1²)/2 or so.
        truth = [
            relative_entropy(Normal(m, math.sqrt(1 - m * m)), Normal(0, 1)) for m in (0.2, 0.1)
        ]
        assert found.relative_entropy == pytest.approx(sum(truth), rel=0.1)

    def test_one_far_draw(self) -> None:
        x = np.append(np.zeros(1000), 1.0)
        found = minimum_relative_entropy(None, x, 0.5)
        assert found.probabilities[-1] == pytest.approx(0.5, rel=1e-12)


class TestBoundary:
    def test_the_most_that_a_die_can_show(self) -> None:
        found = minimum_relative_entropy(DIE, FACES, 6)
        assert found.probabilities.tolist() == [0, 0, 0, 0, 0, 1]
        assert found.relative_entropy == pytest.approx(math.log(6), rel=1e-15)
        assert found.direction.tolist() == [1.0]
        assert found.on_boundary
        assert "on the boundary" in repr(found)

    def test_an_edge(self) -> None:
        """Of a square only one edge can have this mean; on it the tilt is finite."""
        corners = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1], [0.5, 0.5]])
        q = np.array([0.1, 0.2, 0.3, 0.2, 0.2])
        found = minimum_relative_entropy(q, corners, [1.0, 0.25])
        assert found.probabilities.tolist() == pytest.approx([0, 0, 0.75, 0.25, 0], abs=1e-15)
        assert (found.probabilities == 0).tolist() == [True, True, False, False, True]
        reach = corners @ found.direction
        assert reach[2] == pytest.approx(reach[3])
        assert reach[[0, 1, 4]].max() < reach[2]
        assert found.relative_entropy == pytest.approx(
            0.75 * math.log(0.75 / 0.3) + 0.25 * math.log(0.25 / 0.2), rel=1e-12
        )

    @pytest.mark.parametrize("inside", [1e-3, 1e-6, 1e-9, 1e-12])
    def test_just_inside_the_multipliers_are_finite(self, inside: float) -> None:
        found = minimum_relative_entropy(DIE, FACES, 6 - inside)
        assert not found.on_boundary
        assert found.multipliers[0] == pytest.approx(-math.log(6 - (6 - inside)), rel=1e-2)

    def test_a_vertex_of_a_cloud(self) -> None:
        x = np.random.default_rng(3).standard_normal((300, 3))
        far = x[np.argmax(x @ [1.0, 2.0, -1.0])]
        found = minimum_relative_entropy(None, x, far)
        assert found.on_boundary
        assert found.relative_entropy == pytest.approx(math.log(300), rel=1e-12)

    def test_cells_that_q_does_not_cover_do_not_count(self) -> None:
        found = minimum_relative_entropy([0.5, 0.5, 0.0], [0.0, 1.0, 2.0], 1.0)
        assert found.probabilities.tolist() == [0, 1, 0]
        with pytest.raises(ValueError, match="infeasible"):
            minimum_relative_entropy([0.5, 0.5, 0.0], [0.0, 1.0, 2.0], 1.5)


class TestInfeasible:
    def certificate(self, message: str) -> np.ndarray:
        text = message.partition("for a = [")[2].partition("]")[0]
        return np.array([float(x) for x in text.split(",")])

    @pytest.mark.parametrize("c", [[4.5, 20.2], [4.5, 25.6], [0.5, 3.0], [7, 49], [3.0, 16.1]])
    def test_a_direction_in_which_all_cells_fall_short(self, c: list[float]) -> None:
        t = np.column_stack([FACES, FACES**2])
        with pytest.raises(ValueError, match="infeasible") as error:
            minimum_relative_entropy(DIE, t, c)
        a = self.certificate(str(error.value))
        assert (t @ a).max() < a @ c

    def test_many_draws_quickly(self) -> None:
        x = np.random.default_rng(4).standard_normal((100_000, 3))
        with pytest.raises(ValueError, match="infeasible"):
            minimum_relative_entropy(None, x, [3.0, 3.0, 3.0])


class TestRedundant:
    def test_a_repeated_statistic(self) -> None:
        once = minimum_relative_entropy(DIE, FACES, 4.5)
        twice = minimum_relative_entropy(DIE, np.column_stack([FACES, 2 * FACES]), [4.5, 9.0])
        assert twice.relative_entropy == pytest.approx(once.relative_entropy, rel=1e-13)
        assert twice.multipliers @ [1, 2] == pytest.approx(once.multipliers[0], rel=1e-12)

    def test_one_that_contradicts(self) -> None:
        with pytest.raises(ValueError, match="infeasible"):
            minimum_relative_entropy(DIE, np.column_stack([FACES, 2 * FACES]), [4.5, 9.1])

    def test_a_constant(self) -> None:
        found = minimum_relative_entropy([0.5, 0.5], [1.0, 1.0], 1.0)
        assert found.relative_entropy == 0
        with pytest.raises(ValueError, match="infeasible"):
            minimum_relative_entropy([0.5, 0.5], [1.0, 1.0], 1.1)

    def test_more_statistics_than_cells(self) -> None:
        rng = np.random.default_rng(5)
        q, p, t = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3)), rng.standard_normal((3, 7))
        found = minimum_relative_entropy(q, t, p @ t)
        assert found.probabilities == pytest.approx(p, rel=1e-11)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((DIE, FACES[:5], 3.0), ValueError, "5 rows and q has 6 cells"),
        ((DIE, FACES, [3.0, 4.0]), ValueError, r"values have shape \(2,\)"),
        ((DIE, np.ones((2, 3, 4)), 3.0), ValueError, "cells first"),
        ((DIE, np.full(6, np.nan), 3.0), ValueError, "finite"),
        ((np.ones((2, 2)) / 2, [0.0, 1.0], 0.5), ValueError, "one distribution"),
        ((DIE, {"a": 1.0}, 3.0), TypeError, "q has none"),
        (({"a": 0.5, "b": 0.5}, {"a": 1.0}, 1.0), ValueError, "no entry for 'b'"),
        ((Normal(0, 1), FACES, 3.0), TypeError, "finitely many cells"),
        (([0.5, 0.6], [0.0, 1.0], 0.5), ValueError, "sums to 1.1"),
    ],
)
def test_errors(arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        minimum_relative_entropy(*arguments)


def test_arrays_with_gradients_are_refused(torch_backend) -> None:
    with pytest.raises(TypeError, match="NumPy"):
        minimum_relative_entropy(torch_backend.array(DIE), FACES, 3.0)
