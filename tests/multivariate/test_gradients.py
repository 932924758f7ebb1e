"""First and second derivatives against differences of mpmath's values, at equality too."""

from typing import Any

import mpmath as mp
import numpy as np
import pytest

import relentropy
from relentropy import relative_entropy
from tests.backends import Backend
from tests.multivariate import truth
from tests.multivariate.cases import MAKERS, numbers, slow_but

MATRICES = ("covariance_matrix", "precision_matrix", "scale_matrix")
SMALL = [name for name in MAKERS if name not in ("wishart precision", "wishart tril")]


class Flat:
    """A pair of distributions as a function of all its free parameters in one vector."""

    def __init__(self, maker: str, size: float, equal: bool) -> None:
        family, (p, q) = numbers(maker, size, 3)
        self.kind, self.sides = getattr(relentropy, family), (p, p if equal else q)
        self.start = np.concatenate([np.concatenate(self.free(side)) for side in self.sides])

    def free(self, side: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Of a symmetric or triangular matrix one triangle is free; counts are not."""
        found = []
        for name, x in side.items():
            if name in MATRICES or "tril" in name:
                found.append(x[np.tril_indices(len(x))])
            elif name != "total_count":
                found.append(np.ravel(x))
        return found

    def made(self, z: Any, array: Any, xp: Any) -> list[Any]:
        """Both distributions, the parameters being entries of z."""
        at, sides = 0, []
        for side in self.sides:
            arguments = {}
            for name, x in side.items():
                if name == "total_count":
                    arguments[name] = array(x)
                    continue
                square = name in MATRICES or "tril" in name
                n = x.shape[-1] * (x.shape[-1] + 1) // 2 if square else x.size
                part = z[at : at + n]
                at += n
                if square:
                    arguments[name] = self.squared(part, len(x), name, xp)
                else:
                    arguments[name] = part.reshape(x.shape)
            sides.append(self.normalised(arguments))
        return [self.kind(**side) for side in sides]

    @staticmethod
    def squared(part: Any, n: int, name: str, xp: Any) -> Any:
        index = np.zeros((n, n), dtype=int)
        index[np.tril_indices(n)] = np.arange(n * (n + 1) // 2)
        whole = part[np.maximum(index, index.T).ravel()].reshape(n, n)
        return whole if name in MATRICES else xp.tril(whole)

    @staticmethod
    def normalised(arguments: dict[str, Any]) -> dict[str, Any]:
        for name in ("mean_direction", "probs"):
            if name in arguments:
                x = arguments[name]
                size = (x * x).sum() ** 0.5 if name == "mean_direction" else x.sum()
                arguments[name] = x / size
        return arguments

    def value(self, z: np.ndarray) -> mp.mpf:
        """By mpmath; z may hold mpmath numbers only through float64, so steps are powers of 2."""
        return truth.relative_entropy(*self.made(z, np.asarray, np))

    def slopes(self) -> np.ndarray:
        """Central differences of order 4."""
        z, found = self.start, []
        for i in range(len(z)):
            h = 2.0**-16 * max(2.0 ** np.round(np.log2(abs(z[i]) + 1e-9)), 2.0**-6)
            moves = [z + k * h * (np.arange(len(z)) == i) for k in (-2, -1, 1, 2)]
            a, b, c, d = (self.value(m) for m in moves)
            found.append(float((a - 8 * b + 8 * c - d) / (12 * h)))
        return np.array(found)


CASES = {"far": (1.0, False), "near": (1e-3, False), "equal": (1.0, True)}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("maker", SMALL)
def test_gradients(torch_backend: Backend, maker: str, case: str) -> None:
    flat = Flat(maker, *CASES[case])

    def f(z: Any) -> Any:
        return relative_entropy(*flat.made(z, torch_backend.array, torch_backend.module))

    agree(torch_backend.gradient(f, torch_backend.array(flat.start))[0], flat)


@pytest.mark.parametrize("case", ["far", "equal"])
@pytest.mark.parametrize("maker", slow_but(["normal covariance"], SMALL))
def test_compiled_gradients(jax_backend: Backend, maker: str, case: str) -> None:
    flat, jax = Flat(maker, *CASES[case]), jax_backend.module

    def f(z: Any) -> Any:
        return relative_entropy(*flat.made(z, jax_backend.array, jax.numpy))

    value, gradient = jax.jit(jax.value_and_grad(f))(jax_backend.array(flat.start))
    expected = float(flat.value(flat.start))
    assert float(value) == pytest.approx(expected, rel=1e-11, abs=1e-28)
    agree(jax_backend.numpy(gradient), flat)


def agree(gradient: np.ndarray, flat: Flat) -> None:
    expected = flat.slopes()
    scale = np.abs(expected).max()
    assert np.isfinite(gradient).all()
    assert gradient == pytest.approx(expected, rel=1e-6, abs=1e-7 * scale + 1e-9)


@pytest.mark.parametrize("maker", SMALL)
def test_second_derivatives_at_equality(torch_backend: Backend, maker: str) -> None:
    """There they are the Fisher information: differences of the gradient agree with them."""
    flat, torch = Flat(maker, 1.0, equal=True), torch_backend.module

    def f(z: Any) -> Any:
        return relative_entropy(*flat.made(z, torch_backend.array, torch))

    start = torch_backend.array(flat.start)
    hessian = torch_backend.numpy(torch.autograd.functional.hessian(f, start))
    columns = []
    for i in range(len(start)):
        h = 1e-5 * max(abs(flat.start[i]), 1e-2) * (np.arange(len(start)) == i)
        high, low = (
            torch_backend.gradient(f, torch_backend.array(flat.start + sign * h))[0]
            for sign in (1, -1)
        )
        columns.append((high - low) / (2 * h.sum()))
    expected = np.stack(columns)
    assert np.isfinite(hessian).all()
    assert hessian == pytest.approx(expected, rel=1e-5, abs=1e-6 * np.abs(expected).max())
