"""What holds on every backend of Keras; `test_keras.py` runs this in a process for each.

One backend by hand: ``KERAS_BACKEND=jax python -m pytest -n 0 tests/faces/keras_cases.py``.
"""

import functools
import os
import pickle
from pathlib import Path
from typing import Any

import keras
import mpmath
import numpy as np
import pytest

from relentropy.keras import RelativeEntropy, RelativeEntropyMetric

pytestmark = [
    # Of Keras and PyTorch themselves, with any loss: Keras' variables know nothing of NumPy's
    # copy=; PyTorch's compiler uses what PyTorch will drop, and looks for .grad everywhere.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
]

INF = float("inf")
P = np.array([[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.1, 0.2, 0.7]], "float32")
Q = np.array([[0.25, 0.25, 0.5], [0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.1, 0.2, 0.7]], "float32")
ROWS = np.array([mpmath.log(2) / 4, mpmath.log(2), mpmath.log(4), 0], "float64")
NAN = np.full(3, np.nan, "float32")
MIXED = ("probs", "logits")


def numbers(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def loss(p: Any, q: Any, weight: Any = None, **settings: Any) -> Any:
    """The loss of a batch, compiled on JAX, which takes seconds to go operation by operation."""
    call = RelativeEntropy(**settings)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(call)(p, q, weight)
    return call(p, q, sample_weight=weight)


def see(metric: Any, p: Any, q: Any, weight: Any = None) -> None:
    """A batch for the metric, compiled on JAX as `fit` does it."""
    if keras.backend.backend() == "jax":
        import jax

        update = jax.jit(metric.stateless_update_state)
        variables = [variable.value for variable in metric.variables]
        for variable, value in zip(metric.variables, update(variables, p, q, weight), strict=True):
            variable.assign(value)
    else:
        metric.update_state(p, q, sample_weight=weight)


def dtype_of(x: Any) -> str:
    return keras.backend.standardize_dtype(x.dtype)


def test_the_backend_is_the_one_that_was_asked_for() -> None:
    assert keras.backend.backend() == os.environ["KERAS_BACKEND"]


class TestValues:
    def test_the_mean_over_rows_of_y_true_from_y_pred(self) -> None:
        assert float(loss(P, Q)) == pytest.approx(ROWS.mean(), rel=1e-6)
        expected = mpmath.log(2) / 2 + mpmath.log(mpmath.mpf(2) / 3) / 2
        value = loss([[0.5, 0.5]], [[0.25, 0.75]])
        assert float(value) == pytest.approx(float(expected), rel=1e-6)

    @pytest.mark.parametrize("reduction", ["sum", "none", None])
    def test_the_reductions_of_keras(self, reduction: str | None) -> None:
        value = numbers(loss(P, Q, reduction=reduction))
        expected = ROWS.sum() if reduction == "sum" else ROWS
        np.testing.assert_allclose(value, expected, rtol=1e-6)

    def test_logits_and_log_probabilities(self) -> None:
        with np.errstate(divide="ignore"):
            log_p, log_q = np.log(P), np.log(Q)
        offset = np.array([[3], [-7], [0.5], [20]], "float32")
        rows = {
            "log_probs": (log_p, log_q),
            "logits": (log_p + offset, log_q - offset),
            MIXED: (P, log_q - offset),
        }
        for inputs, pair in rows.items():
            value = numbers(loss(*pair, inputs=inputs, reduction="none"))
            np.testing.assert_allclose(value, ROWS, rtol=2e-6, atol=1e-12)

    def test_axis_and_base(self) -> None:
        pair = (np.moveaxis(x.reshape(2, 2, 3), -1, 1) for x in (P, Q))
        value = numbers(loss(*pair, axis=1, base=2, reduction="none"))
        np.testing.assert_allclose(value, [[0.25, 1], [2, 0]], rtol=1e-6)

    def test_nothing_is_clipped(self) -> None:
        p, q = np.array([[1.0, 0.0]] * 3), np.array([[0.0, 1.0], [1e-12, 1.0], [1.0, 0.0]])
        value = numbers(loss(p, q, reduction="none"))
        assert value[0] == INF
        assert value[1] == pytest.approx(12 * np.log(10), rel=1e-6)
        assert value[2] == 0
        assert float(keras.losses.KLDivergence()(p, q)) < 11  # which clips

    def test_close_rows_are_not_rounded_away(self) -> None:
        rng = np.random.default_rng(0)
        a = rng.normal(0, 3, (4, 1000)).astype("float32")
        b = a + rng.normal(0, 1e-4, a.shape).astype("float32")
        value = numbers(loss(a, b, inputs="logits", reduction="none"))
        np.testing.assert_allclose(
            value, [in_mpmath(*row) for row in zip(a, b, strict=True)], rtol=1e-5
        )

    def test_a_row_that_is_no_distribution_is_nan(self) -> None:
        value = numbers(loss(P * [[1], [2], [1], [1]], Q, reduction="none"))
        assert np.isnan(value).tolist() == [False, True, False, False]

    def test_one_hot_integers_are_numbers(self) -> None:
        value = numbers(loss(np.array([[0, 1, 0]]), Q[:1], reduction="none"))
        assert value.tolist() == pytest.approx([np.log(4)])


def in_mpmath(a: np.ndarray, b: np.ndarray) -> float:
    """D of the softmax of two rows of logits, from the definition, with 40 digits."""
    with mpmath.workdps(40):
        p, q = ([mpmath.exp(mpmath.mpf(float(x))) for x in row] for row in (a, b))
        total_p, total_q = mpmath.fsum(p), mpmath.fsum(q)
        return float(
            mpmath.fsum(
                x / total_p * mpmath.log((x / total_p) / (y / total_q))
                for x, y in zip(p, q, strict=True)
            )
        )


class TestDtypes:
    def test_the_value_has_the_float_of_keras(self) -> None:
        assert dtype_of(loss(P.astype("float64"), Q)) == "float32"
        # Not the mean: on PyTorch Keras divides in float32, for its own losses too.
        value = loss(P.astype("float64"), Q, reduction="none", dtype="float64")
        assert dtype_of(value) == "float64"
        np.testing.assert_allclose(numbers(value), ROWS, rtol=1e-12, atol=0)

    @pytest.mark.parametrize("half", ["bfloat16", "float16"])
    def test_half_precision_is_accumulated_in_float32(self, half: str) -> None:
        rng = np.random.default_rng(0)
        logits = keras.ops.cast(rng.normal(0, 1, (2, 4, 1000)), half)
        value = loss(logits[0], logits[1], inputs="logits", reduction="none")
        wide = numbers(keras.ops.cast(logits, "float32"))
        assert dtype_of(value) == "float32"
        np.testing.assert_allclose(
            numbers(value), [in_mpmath(*row) for row in zip(*wide, strict=True)], rtol=1e-5
        )

    @pytest.mark.exhaustive
    @pytest.mark.parametrize("half", ["bfloat16", "float16"])
    def test_the_sums_of_a_softmax_in_half_precision_may_miss_1(self, half: str) -> None:
        rng = np.random.default_rng(0)
        logits = keras.ops.cast(rng.normal(0, 1, (64, 32)), half)
        output = keras.ops.softmax(logits)
        assert dtype_of(output) == half
        target = keras.ops.softmax(keras.ops.cast(rng.normal(0, 1, (64, 32)), "float32"))
        value = numbers(loss(target, output, reduction="none"))
        exact = numbers(loss(target, logits, inputs=MIXED, reduction="none"))
        np.testing.assert_allclose(value, exact, rtol=3e-2)  # what rounding has left of them

    @pytest.mark.exhaustive
    @pytest.mark.parametrize("half", ["bfloat16", "float16"])
    def test_training_under_a_mixed_policy(self, half: str) -> None:
        model = keras.Sequential(
            [keras.Input((4,), dtype="float32"), keras.layers.Dense(3, dtype=f"mixed_{half}")]
        )
        model.compile(keras.optimizers.Adam(0.1), RelativeEntropy(MIXED))
        x, target = data()
        history = model.fit(x, target, epochs=2, batch_size=32, verbose=0).history["loss"]
        assert np.isfinite(history).all()
        assert history[1] < history[0]


class TestWeightsAndMasks:
    def test_sample_weights(self) -> None:
        weight = np.array([1.0, 2.0, 0.5, 3.0])
        value = float(loss(P, Q, weight))
        assert value == pytest.approx((ROWS * weight).mean(), rel=1e-6)
        value = float(loss(P, Q, weight, reduction="mean_with_sample_weight"))
        assert value == pytest.approx(np.average(ROWS, weights=weight), rel=1e-6)

    def test_a_weight_of_0_silences_whatever_stands_there(self) -> None:
        p, q = np.concatenate([P, [NAN], P[:1]]), np.concatenate([Q, Q[:1], [[0, 1, 0]]])
        weight = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
        assert float(loss(p, q, weight, reduction="sum")) == pytest.approx(ROWS.sum(), rel=1e-6)
        assert float(loss(p[5:], q[5:], reduction="sum")) == INF

    @pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 1, 1)])
    def test_a_weight_a_sample_weighs_all_its_rows(self, shape: tuple[int, ...]) -> None:
        p, q = P.reshape(2, 2, 3), Q.reshape(2, 2, 3)
        weight = np.array([3.0, 0.5])
        expected = ROWS.reshape(2, 2) * weight[:, None]
        value = float(loss(p, q, weight.reshape(shape)))
        assert value == pytest.approx(expected.mean(), rel=1e-6)
        value = float(loss(p, q, weight.reshape(shape), reduction="mean_with_sample_weight"))
        assert value == pytest.approx(expected.sum() / 7, rel=1e-6)
        metric = RelativeEntropyMetric()
        see(metric, p, q, weight.reshape(shape))
        assert float(metric.result()) == pytest.approx(expected.sum() / 7, rel=1e-6)

    def test_the_mask_of_a_layer(self) -> None:
        """Rows that Keras masks count for nothing, and the mean is over the others."""
        p, q = P.reshape(2, 2, 3), Q.reshape(2, 2, 3).copy()
        q[0, 1] = -1  # the value that is masked; as probabilities it would be NaN
        masked = keras.layers.Masking(-1.0)(q)
        kept = ROWS[[0, 2, 3]]
        assert float(RelativeEntropy()(p, masked)) == pytest.approx(kept.mean(), rel=1e-6)
        value = float(RelativeEntropy(reduction="sum")(p, masked, np.array([1.0, 3.0])))
        assert value == pytest.approx(ROWS[0] + 3 * ROWS[2], rel=1e-6)
        metric = RelativeEntropyMetric()
        metric.update_state(p, masked)
        assert float(metric.result()) == pytest.approx(kept.mean(), rel=1e-6)
        metric.update_state(p, masked, sample_weight=np.array([0.0, 1.0]))
        expected = (2 * (ROWS[2] + ROWS[3]) + ROWS[0]) / 5
        assert float(metric.result()) == pytest.approx(expected, rel=1e-6)


class TestMetric:
    def test_it_streams_the_mean_over_rows(self) -> None:
        metric = RelativeEntropyMetric()
        assert float(metric.result()) == 0
        see(metric, P[:2], Q[:2])
        see(metric, P[2:], Q[2:])
        assert float(metric.result()) == pytest.approx(ROWS.mean(), rel=1e-6)
        metric.reset_state()
        see(metric, P[:2], Q[:2])
        assert float(metric.result()) == pytest.approx(ROWS[:2].mean(), rel=1e-6)

    def test_weights_and_infinity(self) -> None:
        metric, weight = RelativeEntropyMetric("probs", base=2), np.array([4.0, 1.0, 2.0, 1.0])
        see(metric, P, Q, weight)
        assert float(metric.result()) == pytest.approx(6 / 8, rel=1e-6)
        p, q = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
        see(metric, p, q, np.array([0.0]))
        assert float(metric.result()) == pytest.approx(6 / 8, rel=1e-6)
        see(metric, p, q, np.array([1.0]))
        assert float(metric.result()) == INF


class TestSerialization:
    @pytest.mark.parametrize("kind", [RelativeEntropy, RelativeEntropyMetric])
    def test_a_round_trip_of_the_configuration(self, kind: Any) -> None:
        extra = {"reduction": "sum"} if kind is RelativeEntropy else {}
        made = kind(MIXED, axis=1, base=2, name="bits", dtype="float64", **extra)
        restore = keras.saving.deserialize_keras_object
        others = [
            kind.from_config(made.get_config()),
            restore(keras.saving.serialize_keras_object(made)),
        ]
        for other in others:
            assert type(other) is kind
            config = {**other.get_config(), "inputs": tuple(other.inputs)}
            assert config == made.get_config()
            assert (other.name, other.dtype, other.axis, other.base) == ("bits", "float64", 1, 2)

    def test_a_loss_pickles(self) -> None:
        other = pickle.loads(pickle.dumps(RelativeEntropy(base=2)))
        assert other.get_config() == RelativeEntropy(base=2).get_config()

    def test_a_saved_model_comes_back_compiled(self, tmp_path: Path) -> None:
        model, (x, target) = network(), data()
        model.compile("sgd", RelativeEntropy(MIXED), metrics=[RelativeEntropyMetric(MIXED, base=2)])
        before = model.evaluate(x, target, verbose=0, return_dict=True)
        model.save(tmp_path / "model.keras")
        other = keras.saving.load_model(tmp_path / "model.keras")
        assert type(other.loss) is RelativeEntropy
        after = other.evaluate(x, target, verbose=0, return_dict=True)
        assert after == pytest.approx(before, rel=1e-6)
        assert before["relative_entropy"] == pytest.approx(before["loss"] / np.log(2), rel=1e-5)


def data() -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and the softmax of a linear function of them; some targets without a cell."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype("float32")
    target = np.exp(x @ rng.normal(size=(4, 3)))
    target[:8, 0] = 0
    return x, (target / target.sum(-1, keepdims=True)).astype("float32")


def network(*last: Any) -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), *last])


class TestTraining:
    @pytest.mark.parametrize(
        "jit_compile",
        ["auto", *(pytest.param(x, marks=pytest.mark.exhaustive) for x in (False, True))],
    )
    def test_fit_and_evaluate(self, jit_compile: Any) -> None:
        model, (x, target) = network(keras.layers.Softmax()), data()
        model.compile(
            keras.optimizers.Adam(0.05),
            RelativeEntropy(),
            metrics=[RelativeEntropyMetric(base=2)],
            weighted_metrics=[RelativeEntropyMetric(name="weighed")],
            jit_compile=jit_compile,
        )
        weight = np.where(np.arange(64) < 32, 1.0, 0.0)
        history = model.fit(
            x, target, sample_weight=weight, batch_size=32, epochs=8, shuffle=False, verbose=0
        ).history
        assert history["loss"][-1] < 0.5 * history["loss"][0]
        assert np.isfinite([*history["loss"], *history["weighed"]]).all()
        found = model.evaluate(x, target, verbose=0, return_dict=True)
        rows = RelativeEntropy(reduction="none")(target, model.predict(x, verbose=0))
        assert found["loss"] == pytest.approx(numbers(rows).mean(), rel=1e-5)
        assert found["relative_entropy"] == pytest.approx(found["loss"] / np.log(2), rel=1e-5)

    @pytest.mark.exhaustive
    def test_training_on_logits_drives_it_to_0(self) -> None:
        model, (x, target) = network(), data()
        x, target = (np.tile(a[8:], (50, 1)) for a in (x, target))
        model.compile(keras.optimizers.Adam(0.1), RelativeEntropy(MIXED))
        assert model.evaluate(x, target, verbose=0) > 0.1
        history = model.fit(x, target, batch_size=56, epochs=3, verbose=0).history["loss"]
        assert 0 <= history[-1] < 1e-3

    def test_padding_that_is_infinitely_wrong_does_not_spoil_the_weights(self) -> None:
        model, (x, target) = network(), data()
        x, target, weight = x.copy(), target.copy(), np.ones(64)
        x[3], target[5], weight[[3, 5]] = np.nan, np.nan, 0
        x[3] = 0
        model.compile(keras.optimizers.SGD(0.1), RelativeEntropy(MIXED))
        history = model.fit(x, target, sample_weight=weight, verbose=0, epochs=2).history["loss"]
        assert np.isfinite(history).all()
        assert all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.exhaustive
def test_the_compiler_of_the_backend_takes_it_whole() -> None:
    p, q, weight = P, Q, np.array([1, 2, 0, 1], "float32")
    compiled = compiler()(RelativeEntropy())
    value = compiled(*(keras.ops.convert_to_tensor(x) for x in (p, q, weight)))
    assert float(value) == pytest.approx((ROWS * weight).mean(), rel=1e-6)


def compiler() -> Any:
    match keras.backend.backend():
        case "torch":
            import torch

            options = {"fullgraph": True, "backend": "aot_eager", "dynamic": False}
            return functools.partial(torch.compile, **options)
        case "tensorflow":
            import tensorflow

            return functools.partial(tensorflow.function, jit_compile=True)
    import jax

    return jax.jit


class TestErrors:
    def test_labels_of_classes(self) -> None:
        for labels in (np.array([0, 1, 2, 0]), np.array([[0], [1], [2], [0]])):
            with pytest.raises(ValueError, match=r"y_true has shape .*to_categorical"):
                RelativeEntropy()(labels, Q)

    @pytest.mark.parametrize("kind", [RelativeEntropy, RelativeEntropyMetric])
    def test_unknown_inputs(self, kind: Any) -> None:
        with pytest.raises(ValueError, match="a pair of them for y_true and y_pred"):
            kind(inputs="from_logits")
