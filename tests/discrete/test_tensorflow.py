"""What only TensorFlow has: variables, shapes unknown until a graph runs, XLA, AutoGraph."""

import logging
import math
from typing import Any

import numpy as np
import pytest

import relentropy
from relentropy import Counts, Logits, Probs, relative_entropy
from tests.backends import Backend

P, Q = [[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]], [[0.25, 0.5, 0.25], [0.2, 0.5, 0.3]]
D = relative_entropy(P, Q)


@pytest.fixture
def tf(tensorflow_backend: Backend) -> Any:
    return tensorflow_backend.module


@pytest.mark.parametrize("wrap", [lambda x: x, Probs])
def test_a_variable_stands_for_its_value_when_the_verb_is_called(tf: Any, wrap: Any) -> None:
    logits = tf.Variable(np.log(np.add(Q, 0.1)))
    q = Logits(logits)
    logits.assign(np.log(Q))
    np.testing.assert_allclose(relative_entropy(wrap(tf.constant(P, tf.float64)), q), D, rtol=1e-14)
    p = tf.Variable(P, dtype=tf.float64)
    np.testing.assert_allclose(relative_entropy(wrap(p), q), D, rtol=1e-14)
    assert isinstance(relative_entropy(p, p), tf.Tensor)


@pytest.mark.parametrize("verb", ["mutual_information", "entr", "surprisal", "entropy"])
def test_verbs_of_one_argument_take_variables(tf: Any, verb: str) -> None:
    f = getattr(relentropy, verb)
    x = np.array(P) / (2 if verb == "mutual_information" else 1)
    np.testing.assert_allclose(f(tf.Variable(x)), f(x), rtol=1e-14)


def test_the_tape_sees_variables(tf: Any) -> None:
    logits = tf.Variable(tf.zeros([2, 3], tf.float64))
    q = Logits(logits)  # made outside the tape
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(relative_entropy(tf.constant(P, tf.float64), q))
    np.testing.assert_allclose(tape.gradient(loss, logits), (1 / 3 - np.array(P)) / 2, rtol=1e-12)


def test_a_training_step_in_a_graph(tf: Any) -> None:
    logits = tf.Variable(tf.zeros([2, 3], tf.float64))
    target = tf.constant(P, tf.float64)

    @tf.function
    def step() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(relative_entropy(target, Logits(logits)))
        logits.assign_sub(2.0 * tape.gradient(loss, logits))
        return loss

    losses = [float(step()) for _ in range(300)]
    assert losses[0] == pytest.approx(2 * math.log(3) - sum(relentropy.entropy(P)))
    assert losses[-1] < 1e-2 * losses[0]
    assert min(losses) > 0


def test_any_batch_in_one_graph(tf: Any) -> None:
    some = tf.TensorSpec([None, None, 3], tf.float64)
    f = tf.function(relative_entropy, input_signature=[some, some])
    for shape in ((1, 2), (5, 1), (0, 2)):
        p, q = (tf.constant(np.broadcast_to(x[0], (*shape, 3))) for x in (P, Q))
        np.testing.assert_allclose(f(p, q), np.full(shape, D[0]), rtol=1e-14)


@pytest.mark.parametrize("name", ["relative_entropy", "cross_entropy", "jensen_shannon"])
def test_any_number_of_cells_in_one_graph(tf: Any, name: str) -> None:
    f, some = getattr(relentropy, name), tf.TensorSpec([None, None], tf.float64)
    graph = tf.function(lambda a, b: f(Logits(a), Logits(b)), input_signature=[some, some])
    for cells in (2, 5):
        a, b = np.eye(cells), np.arange(cells * cells, dtype=float).reshape(cells, cells)
        np.testing.assert_allclose(
            graph(tf.constant(a), tf.constant(b)), f(Logits(a), Logits(b)), rtol=1e-13
        )
    # The event axis does not broadcast, though nobody could know when the graph was made.
    with pytest.raises(tf.errors.InvalidArgumentError, match="numbers of cells"):
        graph(tf.zeros([2, 3], tf.float64), tf.zeros([2, 1], tf.float64))


def test_a_joint_in_a_graph(tf: Any) -> None:
    f = tf.function(
        relentropy.mutual_information, input_signature=[tf.TensorSpec([None, 2, 2], tf.float64)]
    )
    joint = tf.constant([[[0.5, 0.0], [0.0, 0.5]], [[0.25, 0.25], [0.25, 0.25]]], tf.float64)
    np.testing.assert_allclose(f(joint), [math.log(2), 0.0], atol=1e-16)


def test_a_tensor_of_unknown_rank_is_refused(tf: Any) -> None:
    f = tf.function(relative_entropy, input_signature=[tf.TensorSpec(None, tf.float64)] * 2)
    with pytest.raises(ValueError, match="unknown rank"):
        f(tf.constant(P, tf.float64), tf.constant(Q, tf.float64))


@pytest.mark.parametrize("name", ["relative_entropy", "jensen_shannon", "chernoff", "chi_square"])
def test_xla(tf: Any, name: str) -> None:
    f = getattr(relentropy, name)
    a, b = np.log(np.add(P, 1e-3)), np.log(Q)
    compiled = tf.function(lambda x, y: f(Logits(x), Logits(y)), jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled(tf.constant(a), tf.constant(b)), f(Logits(a), Logits(b)))


def test_autograph_has_nothing_to_convert(tf: Any, caplog: pytest.LogCaptureFixture) -> None:
    tf.get_logger().addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.WARNING, "tensorflow"):
            for name in ("relative_entropy", "renyi", "hellinger", "entropy", "kl_div"):
                f = getattr(relentropy, name)
                extra = {"entropy": 0, "renyi": 2}.get(name, 1)
                options = (2.0,) if name == "renyi" else ()
                arguments = [tf.constant(x, tf.float64) for x in (P, Q)][: 1 + min(extra, 1)]
                tf.function(lambda *xs, f=f, options=options: f(*xs, *options))(*arguments)
    finally:
        tf.get_logger().removeHandler(caplog.handler)
    assert "AutoGraph" not in caplog.text


def test_invalid_rows_are_nan_in_a_graph(tf: Any) -> None:
    bad = tf.constant([[0.5, 0.6, 0.0], [0.2, 0.3, 0.5]])
    for wrap in (Probs, lambda x: Probs(x, validate=True)):
        f = tf.function(lambda x, wrap=wrap: relative_entropy(wrap(x), tf.constant(Q)))
        got = f(bad).numpy()
        assert np.isnan(got[0])
        assert got[1] == pytest.approx(D[1], rel=1e-6)


def test_mixed_floats_take_the_wider_dtype(tf: Any) -> None:
    """TensorFlow itself refuses to mix them, and so could nobody be surprised."""
    value = relative_entropy(tf.constant(P, tf.float32), tf.constant(Q, tf.float64))
    assert value.dtype == tf.float64


def test_counts_of_a_dataset(tf: Any) -> None:
    seen = tf.math.bincount(tf.constant([0, 1, 1, 2, 2, 2]))
    assert seen.dtype == tf.int32
    assert float(relative_entropy(Counts(seen), Counts(seen))) == 0


@pytest.mark.parametrize("make", ["ragged", "sparse"])
def test_tensors_that_are_no_arrays_are_refused(tf: Any, make: str) -> None:
    x = tf.ragged.constant([[0.5, 0.5], [1.0]]) if make == "ragged" else tf.sparse.from_dense(P)
    with pytest.raises(TypeError, match=r"(?s)cannot read tensorflow.*TensorFlow"):
        relative_entropy(x, x)


def test_families_say_that_they_are_not_for_tensorflow(tf: Any) -> None:
    with pytest.raises(TypeError, match=r"scale takes arrays of NumPy, PyTorch or JAX.*tensorflow"):
        relentropy.Normal(0.0, tf.constant([1.0]))
    with pytest.raises(TypeError, match="log_prob takes arrays of NumPy, PyTorch or JAX"):
        relentropy.rl.kl_penalty(tf.constant([[-1.0]]), tf.constant([[-1.0]]), None)


@pytest.mark.parametrize("compiler", [False, True], ids=["graph", "XLA"])
@pytest.mark.parametrize("kind", [Probs, Logits])
def test_unknown_lengths_never_broadcast(tf: Any, kind: Any, compiler: bool) -> None:
    unknown = [tf.TensorSpec([None, None], tf.float64)] * 2
    f = tf.function(
        lambda p, q: relative_entropy(kind(p), kind(q)),
        input_signature=unknown,
        jit_compile=compiler,
    )
    p = tf.constant([[0.1, 0.2, 0.7]], tf.float64)
    assert float(f(p, p)[0]) == 0
    for cells in (1, 2, 4):
        q = tf.fill([1, cells], tf.constant(1 / cells, tf.float64))
        with pytest.raises(tf.errors.InvalidArgumentError):
            f(p, q)
        with pytest.raises(tf.errors.InvalidArgumentError):
            f(q, p)


def test_an_unknown_rank_is_refused_with_the_remedy(tf: Any) -> None:
    f = tf.function(relative_entropy, input_signature=[tf.TensorSpec(None)] * 2)
    with pytest.raises(ValueError, match=r"unknown rank; say how many axes.*TensorSpec"):
        f(tf.constant([0.5, 0.5]), tf.constant([0.5, 0.5]))
