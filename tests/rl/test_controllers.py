"""The coefficient follows its formula and no NaN; the reference is a copy that follows slowly."""

import collections
import math
import pickle
from typing import Any, NamedTuple

import numpy as np
import pytest

from relentropy.rl.controllers import AdaptiveCoefficient, FixedCoefficient, ReferencePolicy


def adaptive(initial: float = 0.1, **changes: Any) -> AdaptiveCoefficient:
    settings: dict[str, Any] = {"target": 2.0, "horizon": 100, "bounds": (0.01, 1.0)}
    return AdaptiveCoefficient(initial, **(settings | changes))


# --- coefficients ---------------------------------------------------------------------------------


def test_the_published_formula() -> None:
    # e = clip(2.2/2 - 1, ±.2) = .1; then clip(9/2 - 1) = .2; then clip(0 - 1) = -.2
    coefficient = adaptive()
    assert coefficient.update(2.2, 50) == pytest.approx(0.1 * (1 + 0.1 * 0.5), rel=1e-15)
    assert coefficient.update(9.0, 10) == pytest.approx(0.105 * (1 + 0.2 * 0.1), rel=1e-15)
    assert coefficient.update(0.0, 10) == pytest.approx(0.1071 * (1 - 0.2 * 0.1), rel=1e-15)


def test_at_the_target_it_rests_and_without_samples_too() -> None:
    coefficient = adaptive()
    assert coefficient.update(2.0, 100) == 0.1
    assert coefficient.update(50.0, 0) == 0.1


@pytest.mark.parametrize(("kl", "bound"), [(1e9, 1.0), (0.0, 0.01)])
def test_nothing_winds_up_at_a_bound(kl: float, bound: float) -> None:
    coefficient = adaptive()
    for _ in range(500):
        coefficient.update(kl, 100)
    assert coefficient.value == bound
    other_side = 0.0 if kl else 1e9
    factor = 1.2 if other_side else 0.8
    assert coefficient.update(other_side, 100) == pytest.approx(bound * factor, rel=1e-15)


def test_a_batch_larger_than_the_horizon_counts_as_one_horizon() -> None:
    assert adaptive().update(0.0, 10_000) == pytest.approx(0.08, rel=1e-15)
    assert adaptive().update(100.0, 10_000) == pytest.approx(0.12, rel=1e-15)


def test_infinite_divergence_is_the_largest_error() -> None:
    assert adaptive().update(math.inf, 100) == adaptive().update(1e6, 100) == 0.1 * 1.2


def test_it_holds_a_policy_at_the_target() -> None:
    # A drift that falls as the coefficient grows: kl = .5/β, so that the target asks for β = .25.
    coefficient = adaptive(horizon=50)
    for _ in range(400):
        coefficient.update(0.5 / coefficient.value, 10)
    assert coefficient.value == pytest.approx(0.25, rel=1e-6)


def test_any_framework_s_number_is_read(xp: Any) -> None:
    expected = adaptive().update(2.5, 10)
    assert adaptive().update(xp.array(2.5), xp.array(10.0)) == expected
    assert adaptive().update(xp.array([2.5], "float32"), 10) == expected
    assert isinstance(adaptive().update(xp.array(2.5)), float)
    assert FixedCoefficient(0.3).update(xp.array(2.5)) == 0.3
    for controller in (adaptive(), FixedCoefficient(0.1)):
        with pytest.raises(ValueError, match=r"kl has shape \(2,\); expected a single number"):
            controller.update(xp.array([2.5, 1.0]))
        with pytest.raises(ValueError, match="kl is nan"):
            controller.update(xp.array(math.nan))
        assert controller.value == 0.1


def test_a_tensor_that_wants_a_gradient_is_read_in_silence(torch_backend: Any) -> None:
    kl = torch_backend.array(2.5).requires_grad_()
    assert adaptive().update(kl, 10) == adaptive().update(2.5, 10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"initial": 0.0}, "initial is 0 and bounds"),
        ({"initial": math.nan}, "initial is nan"),
        ({"target": 0.0}, "target is 0; expected a finite number above 0"),
        ({"target": math.inf}, "target is inf"),
        ({"horizon": -1}, "horizon is -1"),
        ({"bounds": (0.0, 1.0)}, r"bounds\[0\] is 0"),
        ({"bounds": (1.0, 0.01)}, r"initial is 0.1 and bounds is \(1, 0.01\)"),
        ({"max_error": 1.0}, "max_error is 1; expected less than 1"),
    ],
)
def test_settings_out_of_range(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adaptive(**changes)


@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
def test_a_fixed_coefficient_is_finite_and_not_negative(value: float) -> None:
    with pytest.raises(ValueError, match="expected a finite coefficient"):
        FixedCoefficient(value)


@pytest.mark.parametrize("count", [-1, math.nan, math.inf])
def test_counts_out_of_range(count: float) -> None:
    for controller in (adaptive(), FixedCoefficient(0.1)):
        with pytest.raises(ValueError, match="count is"):
            controller.update(1.0, count)


def test_a_coefficient_continues_from_a_checkpoint() -> None:
    first = adaptive()
    first.update(9.0, 30)
    saved = pickle.loads(pickle.dumps(first.state_dict()))
    second, fixed = adaptive(), FixedCoefficient(0.1)
    second.load_state_dict(saved)
    fixed.load_state_dict(saved)
    assert second.update(9.0, 30) == first.update(9.0, 30)
    assert fixed.value == saved["value"]
    narrow = adaptive(bounds=(0.01, 0.1))
    narrow.load_state_dict(saved)
    assert narrow.value == 0.1
    with pytest.raises(ValueError, match=r"no 'value', only \['beta'\]"):
        second.load_state_dict({"beta": 1.0})
    with pytest.raises(ValueError, match="value is nan"):
        second.load_state_dict({"value": math.nan})


# --- the reference --------------------------------------------------------------------------------


class Pair(NamedTuple):
    weight: Any
    bias: Any


def tree(xp: Any, shift: float = 0.0) -> dict[str, Any]:
    """Every kind of container, a counter, and nothing."""
    return {
        "layers": [
            Pair(xp.array([1.0 + shift, 2.0 + shift]), xp.array([[3.0 + shift]], "float32")),
            (xp.array([4.0 + shift]),),
        ],
        "steps": xp.array([7 + round(shift)], "int32"),
        "nothing": None,
    }


def numbers(xp: Any, parameters: Any) -> list[float]:
    (first, (second,)), steps = parameters["layers"], parameters["steps"]
    arrays = [*first, second, steps]
    return [float(v) for x in arrays for v in xp.numpy(x).ravel()]


def test_every_nth_update_is_taken(xp: Any) -> None:
    reference = ReferencePolicy(tree(xp), every=3)
    changed = [reference.update(tree(xp, float(step))) for step in range(1, 8)]
    assert changed == [False, False, True, False, False, True, False]
    assert numbers(xp, reference.parameters) == [7.0, 8.0, 9.0, 10.0, 13.0]


def test_without_a_rule_the_reference_stays(xp: Any) -> None:
    reference = ReferencePolicy(tree(xp))
    assert not any(reference.update(tree(xp, 1.0)) for _ in range(5))
    assert numbers(xp, reference.parameters) == [1.0, 2.0, 3.0, 4.0, 7.0]


def test_the_moving_average_and_its_period(xp: Any) -> None:
    each = ReferencePolicy(tree(xp), moving_average=0.75)
    assert each.update(tree(xp, 1.0))
    assert each.update(tree(xp, 1.0))
    assert numbers(xp, each.parameters) == [1.4375, 2.4375, 3.4375, 4.4375, 8.0]
    second = ReferencePolicy(tree(xp), moving_average=0.75, every=2)
    assert not second.update(tree(xp, 1.0))
    assert second.update(tree(xp, 1.0))
    assert numbers(xp, second.parameters) == [1.25, 2.25, 3.25, 4.25, 8.0]


def test_containers_and_dtypes_are_the_policy_s(xp: Any) -> None:
    reference = ReferencePolicy(tree(xp), moving_average=0.5)
    reference.update(tree(xp, 1.0))
    got = reference.parameters
    assert isinstance(got["layers"][0], Pair)
    assert isinstance(got["layers"][1], tuple)
    assert got["nothing"] is None
    assert [xp.dtype_of(x) for x in got["layers"][0]] == ["float64", "float32"]
    assert xp.dtype_of(got["steps"]) == "int32"
    assert all(xp.is_native(x) for x in got["layers"][0])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_slow_average_of_halves_does_not_stall(xp: Any, dtype: str) -> None:
    decay, steps = 0.999, 500
    policy = {"w": xp.array([2.0], dtype)}
    reference = ReferencePolicy({"w": xp.array([1.0], dtype)}, moving_average=decay)
    for _ in range(steps):
        reference.update(policy)
    expected = 2 - decay**steps
    assert xp.dtype_of(reference.parameters["w"]) == dtype
    assert xp.numpy(reference.state_dict()["parameters"]["w"])[0] == pytest.approx(expected, 1e-5)
    # Half a unit in the last place of bfloat16 between 1 and 2.
    assert xp.numpy(reference.parameters["w"])[0] == pytest.approx(expected, abs=2**-8 + 1e-4)


def test_a_policy_that_is_written_to_in_place_leaves_the_reference_alone() -> None:
    for rule in ({}, {"every": 1}, {"moving_average": 0.0}):
        policy = {"w": np.ones(3), "n": np.array([1])}
        reference = ReferencePolicy(policy, **rule)
        reference.update(policy)
        policy["w"] += 5.0
        policy["n"] += 5
        assert reference.parameters["w"].tolist() == [1.0, 1.0, 1.0]
        assert reference.parameters["n"].tolist() == [1]


def test_a_module_trains_on_and_the_reference_follows_without_gradients(torch_backend: Any) -> None:
    torch = torch_backend.module
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    start = {name: x.clone() for name, x in module.state_dict().items()}
    reference = ReferencePolicy(module.state_dict(), every=2)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for step in range(2):
        optimizer.zero_grad()
        module(torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]])).square().sum().backward()
        optimizer.step()
        if step == 0:
            assert not reference.update(module.state_dict())
            assert all(bool((reference.parameters[k] == start[k]).all()) for k in start)
    assert reference.update(dict(module.named_parameters()) | dict(module.named_buffers()))
    assert isinstance(reference.parameters, collections.OrderedDict)
    assert not any(x.requires_grad for x in reference.parameters.values())
    other = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    other.load_state_dict(reference.parameters)
    x = torch.ones(3, 2)
    assert bool((other.eval()(x) == module.eval()(x)).all())
    assert int(reference.parameters["1.num_batches_tracked"]) == 2


def test_a_jitted_step_that_reuses_the_policy_s_memory(jax_backend: Any) -> None:
    jax = jax_backend.module
    step = jax.jit(lambda p: {"w": p["w"] + 1.0}, donate_argnums=0)
    policy = {"w": jax.numpy.zeros(4)}
    reference = ReferencePolicy(policy, every=2)
    policy = step(policy)
    assert reference.parameters["w"].tolist() == [0.0] * 4
    reference.update(policy)
    reference.update(policy)
    policy = step(policy)
    assert reference.parameters["w"].tolist() == [1.0] * 4


@pytest.mark.parametrize("rule", [{"every": 3}, {"moving_average": 0.9}, {}])
def test_the_reference_continues_from_a_checkpoint(xp: Any, rule: dict[str, Any]) -> None:
    first = ReferencePolicy(tree(xp), **rule)
    for step in range(4):
        first.update(tree(xp, float(step)))
    second = ReferencePolicy(tree(xp, 99.0), **rule)
    second.load_state_dict(first.state_dict())
    assert numbers(xp, second.parameters) == numbers(xp, first.parameters)
    for step in range(4, 9):
        assert first.update(tree(xp, float(step))) == second.update(tree(xp, float(step)))
    assert numbers(xp, second.parameters) == numbers(xp, first.parameters)


def test_a_checkpoint_keeps_the_precision_of_the_average(torch_backend: Any) -> None:
    policy = {"w": torch_backend.array([2.0], "bfloat16")}
    start = {"w": torch_backend.array([1.0], "bfloat16")}
    whole = ReferencePolicy(start, moving_average=0.999)
    for _ in range(20):
        whole.update(policy)
    parts = ReferencePolicy(start, moving_average=0.999)
    for _ in range(20):
        saved = parts.state_dict()
        parts = ReferencePolicy(start, moving_average=0.999)
        parts.load_state_dict(saved)
        parts.update(policy)
    assert bool(
        (parts.state_dict()["parameters"]["w"] == whole.state_dict()["parameters"]["w"]).all()
    )


def test_a_loaded_checkpoint_is_a_copy() -> None:
    reference = ReferencePolicy({"w": np.zeros(2)}, every=1)
    saved = {"steps": 1, "parameters": {"w": np.ones(2)}}
    reference.load_state_dict(saved)
    saved["parameters"]["w"] += 1.0  # type: ignore[index]
    assert reference.parameters["w"].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="no 'steps'"):
        reference.load_state_dict({"parameters": {"w": np.ones(2)}})


def test_a_tree_that_does_not_fit_is_named(xp: Any) -> None:
    reference = ReferencePolicy({"a": [xp.array([1.0])]}, every=1)
    cases = [
        (
            {"a": [xp.array([1.0])], "b": xp.array([1.0])},
            r"parameters\['b'\]: the reference has no",
        ),
        ({"a": []}, r"parameters\['a'\]\[0\]: it is missing"),
        ({"a": [xp.array([1.0, 2.0])]}, r"parameters\['a'\]\[0\] has shape \(2,\)"),
        ({"a": [xp.array([1.0], "float32")]}, r"dtype (torch\.)?float32; expected \(1,\)"),
    ]
    for wrong, message in cases:
        with pytest.raises(ValueError, match=message):
            reference.update(wrong)
    assert reference.update({"a": [xp.array([2.0])]}), "a refused tree is no step"


def test_another_framework_is_refused(torch_backend: Any) -> None:
    reference = ReferencePolicy({"a": torch_backend.array([1.0])})
    with pytest.raises(ValueError, match="is of numpy; expected torch"):
        reference.update({"a": np.ones(1)})


@pytest.mark.parametrize("wrong", [object(), {"a": 1.0}, {"a": ["text"]}])
def test_only_arrays_are_parameters(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"parameters.* is \w+; expected .*module.state_dict\(\)"):
        ReferencePolicy(wrong)


def test_no_parameters_at_all() -> None:
    with pytest.raises(ValueError, match="holds no array"):
        ReferencePolicy({"a": None})


@pytest.mark.parametrize("every", [0, -1, 1.5, True])
def test_every_is_a_whole_number(every: Any) -> None:
    with pytest.raises(ValueError, match="every is"):
        ReferencePolicy({"w": np.ones(1)}, every=every)


@pytest.mark.parametrize("weight", [-0.1, 1.0, math.nan])
def test_the_weight_of_an_average_is_below_one(weight: float) -> None:
    with pytest.raises(ValueError, match="moving_average is"):
        ReferencePolicy({"w": np.ones(1)}, moving_average=weight)
