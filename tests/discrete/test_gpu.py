"""On a GPU: values, gradients and devices, for PyTorch and JAX. Run with -m gpu."""

from typing import Any

import numpy as np
import pytest

import relentropy
from relentropy import Logits, relative_entropy
from tests.conformance import cells, verbs
from tests.conftest import ready
from tests.tables.make_verbs import ONE_ARGUMENT

pytestmark = pytest.mark.gpu

P = np.array([[0.5, 0.25, 0.25, 0.0], [0.125, 0.375, 0.5, 0.0]])
Q = np.array([[0.25, 0.5, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25]])


class OnDevice:
    """A backend whose arrays are made on a GPU."""

    def __init__(self, backend: Any) -> None:
        self.backend, self.name = backend, backend.name
        if self.name == "torch":
            if not backend.module.cuda.is_available():
                pytest.skip("PyTorch sees no GPU")
            self.device = backend.module.device("cuda")
        else:
            try:
                self.device = backend.module.devices("gpu")[0]
            except RuntimeError:
                pytest.skip("JAX sees no GPU (JAX_PLATFORMS=cuda)")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def array(self, values: Any, dtype: str = "float64") -> Any:
        x = self.backend.array(values, dtype)
        if self.name == "torch":
            return x.to(self.device)
        return self.module.device_put(x, self.device)

    def committed_elsewhere(self, values: Any) -> Any:
        x = self.backend.array(values)
        return (
            x if self.name == "torch" else self.module.device_put(x, self.module.devices("cpu")[0])
        )

    def numpy(self, x: Any) -> np.ndarray:
        """Only of what is on the GPU."""
        if self.name == "torch":
            assert x.device.type == "cuda"
            return self.backend.numpy(x.cpu())
        assert x.devices() == {self.device}
        return self.backend.numpy(x)


@pytest.fixture(params=["torch", "jax"])
def gpu(request: pytest.FixtureRequest) -> Any:
    return OnDevice(ready(request, request.param))


@pytest.mark.parametrize(("kinds", "dtype"), cells.pairs(), ids=str)
@pytest.mark.parametrize("quantity", cells.QUANTITIES)
def test_a_cell_of_conformance(gpu: Any, kinds: Any, dtype: str, quantity: str) -> None:
    if cells.explanation(gpu.name, kinds, quantity) is None:
        assert cells.cell(gpu, kinds, dtype, quantity) <= cells.bound(dtype, quantity)


@pytest.mark.parametrize("verb", verbs.VERBS)
def test_every_verb_stays_on_the_device(gpu: Any, verb: str) -> None:
    f = verbs.WITH_ARGUMENTS.get(verb) or getattr(relentropy, verb)
    sides = [P] if verb in ONE_ARGUMENT else [P, Q]
    if verb in verbs.JOINT:
        sides = [x.reshape(-1, 2, 2) for x in sides]
    value = gpu.numpy(f(*map(gpu.array, sides)))
    np.testing.assert_allclose(value, f(*sides), rtol=1e-12)


def test_two_devices_are_not_mixed(gpu: Any) -> None:
    """As in the framework itself."""
    with pytest.raises((RuntimeError, ValueError), match="device"):
        relative_entropy(gpu.array(P), gpu.committed_elsewhere(Q))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_vocabulary_of_logits(gpu: Any, dtype: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 64, 32_000)).astype(np.float32) * 3
    a, b = gpu.array(a, dtype), gpu.array(b, dtype)
    expected = relative_entropy(Logits(gpu.numpy(a)), Logits(gpu.numpy(b)))
    value = relative_entropy(Logits(a), Logits(b))
    assert gpu.dtype_of(value) == "float32"
    np.testing.assert_allclose(gpu.numpy(value), expected, rtol=1e-5)
