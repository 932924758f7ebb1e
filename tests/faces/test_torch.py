"""RelativeEntropyLoss: the values of the definition, rows for the mean, a module like any other."""

import copy
import pickle
from typing import Any

import mpmath
import pytest
import torch

import relentropy
from relentropy.torch import RelativeEntropyLoss

P = [[[0.5, 0.25, 0.25], [0.0, 0.5, 0.5]], [[1.0, 0.0, 0.0], [0.1, 0.2, 0.7]]]
Q = [[[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]], [[0.25, 0.5, 0.25], [0.1, 0.2, 0.7]]]
ROWS = torch.tensor(
    # ½ log 2 - ¼ log 2; log 2; log 4; 0
    [
        [float(mpmath.log(2) / 4), float(mpmath.log(2))],
        [float(mpmath.log(4)), 0.0],
    ],
    dtype=torch.float64,
)


def pair(inputs: str = "probs", dtype: Any = torch.float64) -> tuple[Any, Any]:
    """P and Q, as what `inputs` says; logits with an offset of their own in each row."""
    p, q = torch.tensor(P, dtype=torch.float64), torch.tensor(Q, dtype=torch.float64)
    if inputs == "probs":
        return p.to(dtype), q.to(dtype)
    offset = torch.tensor([[[3.0], [-7.0]], [[0.5], [20.0]]]) * (inputs == "logits")
    return (p.log() + offset).to(dtype), (q.log() - offset).to(dtype)


@pytest.mark.parametrize("inputs", ["probs", "log_probs", "logits"])
def test_one_value_a_row_for_every_kind_of_input(inputs: str) -> None:
    value = RelativeEntropyLoss(inputs, reduction="none")(*pair(inputs))
    torch.testing.assert_close(value, ROWS, rtol=1e-12, atol=1e-15)


def test_the_default_is_logits_and_the_mean_over_all_rows() -> None:
    torch.testing.assert_close(RelativeEntropyLoss()(*pair("logits")), ROWS.mean())
    torch.testing.assert_close(RelativeEntropyLoss(reduction="sum")(*pair("logits")), ROWS.sum())


def test_the_two_sides_may_be_of_different_kinds() -> None:
    loss = RelativeEntropyLoss(("probs", "logits"), "none")
    torch.testing.assert_close(loss(pair("probs")[0], pair("logits")[1]), ROWS)
    loss = RelativeEntropyLoss(["logits", "probs"], "none")
    torch.testing.assert_close(loss(pair("logits")[0], pair("probs")[1]), ROWS)


def test_dim_and_base() -> None:
    loss = RelativeEntropyLoss("probs", "none", dim=1, base=2)
    p, q = (x.movedim(-1, 1) for x in pair())
    bits = torch.tensor([[0.25, 1.0], [2.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(loss(p, q), bits, rtol=1e-12, atol=0)


def test_p_is_first_as_in_mathematics() -> None:
    p, q = torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.25, 0.25, 0.5])
    loss = RelativeEntropyLoss("probs", base=2)
    assert loss(p, q) == 1
    assert loss(q, p) == float("inf")


def test_the_gradient_is_that_of_the_mean_over_rows() -> None:
    p, q = pair("logits")
    q.requires_grad_()
    RelativeEntropyLoss()(p, q).backward()
    expected = (torch.tensor(Q) - torch.tensor(P)).double() / 4
    torch.testing.assert_close(q.grad, expected, rtol=0, atol=1e-12)


def test_double_backward_gives_the_fisher_information() -> None:
    q = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)
    loss = RelativeEntropyLoss()
    hessian = torch.autograd.functional.hessian(lambda b: loss(pair("logits")[0][0, 0], b), q)
    softmax = q.softmax(-1)
    torch.testing.assert_close(hessian, softmax.diag() - softmax.outer(softmax))


def test_gradcheck_of_both_sides() -> None:
    a = torch.tensor([[0.1, 0.7, -0.3], [1.0, -1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([[0.4, 0.2, 0.9], [0.0, 0.3, -2.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(RelativeEntropyLoss(), (a, b))
    assert torch.autograd.gradgradcheck(RelativeEntropyLoss(), (a, b))


class TestMasks:
    def test_rows_of_which_nothing_is_left_count_for_nothing(self) -> None:
        p, q = pair("logits")
        p[0, 1], q[1, 0] = float("nan"), float("inf")
        q.requires_grad_()
        mask = torch.tensor([[True, False], [False, True]])
        value = RelativeEntropyLoss()(p, q, where=mask[..., None])
        value.backward()
        torch.testing.assert_close(value, (ROWS[0, 0] + ROWS[1, 1]) / 2)
        assert bool((q.grad[~mask] == 0).all())
        expected = (torch.tensor(Q) - torch.tensor(P)).double()[mask] / 2
        torch.testing.assert_close(q.grad[mask], expected, rtol=0, atol=1e-12)

    def test_without_a_reduction_such_rows_are_0(self) -> None:
        mask = torch.tensor([[True, True], [False, True]])
        value = RelativeEntropyLoss("probs", "none")(*pair(), where=mask[..., None])
        torch.testing.assert_close(value, ROWS * mask, rtol=1e-12, atol=0)

    def test_cells_are_dropped_and_the_rest_is_renormalised(self) -> None:
        cells = torch.tensor([[True, True, False], [False, False, False]])
        p, q = pair()
        value = RelativeEntropyLoss("probs", "sum")(p[0], q[0], where=cells)
        # (2/3, 1/3) against (1/2, 1/2); the second row has no cell
        expected = mpmath.log(2) - mpmath.log(3) + 2 * mpmath.log(2) / 3
        assert value.item() == pytest.approx(float(expected), rel=1e-12)

    @pytest.mark.parametrize("inputs", ["probs", "log_probs", "logits"])
    def test_a_mask_of_rows_still_asks_whether_rows_are_distributions(self, inputs: str) -> None:
        p, q = pair(inputs)
        p[0, 0] = float("nan") if inputs == "logits" else p[0, 0] + 0.1
        mask = torch.ones(2, 2, 1, dtype=torch.bool)
        value = RelativeEntropyLoss(inputs, "none")(p, q, where=mask)
        assert value.isnan().tolist() == [[True, False], [False, False]]

    def test_dim_with_a_mask(self) -> None:
        p, q = (x.movedim(-1, 1) for x in pair())
        mask = torch.tensor([[True, False], [True, True]])
        value = RelativeEntropyLoss("probs", dim=1)(p, q, where=mask[:, None])
        torch.testing.assert_close(value, ROWS[mask].mean())

    def test_a_mask_broadcasts_and_counts_every_row_that_it_keeps(self) -> None:
        mask = torch.tensor([[True], [False]])  # the second row of each batch is padding
        value = RelativeEntropyLoss("probs")(*pair(), where=mask)
        torch.testing.assert_close(value, ROWS[:, 0].mean())

    def test_the_mean_of_no_rows_is_nan_and_its_gradient_0(self) -> None:
        p, q = pair("logits")
        q.requires_grad_()
        value = RelativeEntropyLoss()(p, q, where=torch.zeros(2, 2, 1, dtype=torch.bool))
        value.backward()
        assert value.isnan()
        assert not q.grad.any()


class TestEdges:
    def test_infinite_where_q_lacks_what_p_has(self) -> None:
        p, q = torch.tensor([[0.5, 0.5], [0.5, 0.5]]), torch.tensor([[1.0, 0.0], [0.5, 0.5]])
        assert RelativeEntropyLoss("probs", "none")(p, q).tolist() == [float("inf"), 0]
        assert RelativeEntropyLoss("probs")(p, q) == float("inf")

    def test_a_row_that_is_no_distribution_is_nan(self) -> None:
        p = torch.tensor([[0.5, 0.6], [0.5, 0.5]])
        value = RelativeEntropyLoss("probs", "none")(p, torch.tensor([0.5, 0.5]))
        assert value.isnan().tolist() == [True, False]

    def test_no_nan_gradient_at_zeros(self) -> None:
        p = torch.tensor([[0.0, 1.0, 0.0]], requires_grad=True)
        q = torch.tensor([[0.0, 0.5, 0.5]], requires_grad=True)
        RelativeEntropyLoss("probs")(p, q).backward()
        assert q.grad.tolist() == [[1.0, -1.0, 1.0]]
        assert p.grad.tolist() == [[0.0, 0.0, 0.0]]

    def test_close_logits_in_float32_are_not_rounded_away(self) -> None:
        torch.manual_seed(0)
        a = 3 * torch.randn(8, 1000)
        b = a + 1e-4 * torch.randn(8, 1000)
        exact = RelativeEntropyLoss(reduction="none")(a.double(), b.double())
        value = RelativeEntropyLoss(reduction="none")(a, b)
        assert value.dtype == torch.float32
        torch.testing.assert_close(value.double(), exact, rtol=1e-5, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_accumulated_in_float32(dtype: Any) -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 16, 4096).to(dtype)
    b.requires_grad_()
    value = RelativeEntropyLoss()(a, b)
    value.backward()
    assert value.dtype == torch.float32
    assert b.grad.dtype == dtype
    exact = RelativeEntropyLoss()(a.double(), b.detach().double())
    torch.testing.assert_close(value.detach().double(), exact, rtol=1e-5, atol=0)


def test_under_autocast() -> None:
    torch.manual_seed(0)
    layer, x = torch.nn.Linear(8, 5), torch.randn(3, 8)
    target = torch.tensor([[0.0, 0.25, 0.25, 0.5, 0.0]]).expand(3, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(x)
        value = RelativeEntropyLoss(("probs", "logits"))(target, output)
    value.backward()
    assert output.dtype == torch.bfloat16
    assert value.dtype == torch.float32
    exact = RelativeEntropyLoss(("probs", "logits"))(target.double(), output.detach().double())
    assert value.item() == pytest.approx(exact.item(), rel=1e-5)
    assert bool(layer.weight.grad.isfinite().all())


class TestAsAModule:
    loss = RelativeEntropyLoss(("probs", "logits"), "sum", dim=1, base=2)

    def test_it_is_printed_with_what_it_does(self) -> None:
        assert repr(RelativeEntropyLoss()) == (
            "RelativeEntropyLoss(inputs='logits', reduction='mean')"
        )
        assert repr(self.loss) == (
            "RelativeEntropyLoss(inputs=('probs', 'logits'), reduction='sum', dim=1, base=2)"
        )

    def test_copies_and_pickles(self) -> None:
        for other in (copy.deepcopy(self.loss), pickle.loads(pickle.dumps(self.loss))):
            assert repr(other) == repr(self.loss)
            x = torch.randn(2, 3, 4)
            assert other(x.softmax(1), x.flip(1)) == self.loss(x.softmax(1), x.flip(1))

    def test_it_has_no_state(self) -> None:
        assert not self.loss.state_dict()
        assert not list(self.loss.parameters())
        model = torch.nn.ModuleDict({"layer": torch.nn.Linear(2, 2), "loss": self.loss})
        assert set(model.state_dict()) == {"layer.weight", "layer.bias"}
        model.load_state_dict(model.state_dict())

    def test_compiled_without_a_break_in_the_graph(self) -> None:
        a, b = pair("logits")
        b.requires_grad_()
        mask = torch.tensor([[True, False], [True, True]])[..., None]
        loss = RelativeEntropyLoss()
        compiled = torch.compile(loss, fullgraph=True, backend="aot_eager", dynamic=False)
        value, expected = compiled(a, b, where=mask), loss(a, b, where=mask)
        torch.testing.assert_close(value, expected, rtol=1e-12, atol=0)
        (slope,) = torch.autograd.grad(value, b)
        torch.testing.assert_close(slope, torch.autograd.grad(expected, b)[0])

    def test_torch_func(self) -> None:
        a, b = pair("logits")
        loss = RelativeEntropyLoss()
        values = torch.func.vmap(torch.func.vmap(loss))(a, b)
        torch.testing.assert_close(values, ROWS, rtol=1e-12, atol=1e-15)
        slopes = torch.func.vmap(torch.func.grad(loss, argnums=1))(a[0], b[0])
        torch.testing.assert_close(slopes, (torch.tensor(Q) - torch.tensor(P)).double()[0])
        assert torch.func.functional_call(loss, {}, (a, b)) == loss(a, b)

    def test_training_drives_it_to_0(self) -> None:
        torch.manual_seed(0)
        layer, x = torch.nn.Linear(4, 3), torch.randn(64, 4)
        target = torch.nn.Linear(4, 3)(x).detach()
        loss, optimizer = RelativeEntropyLoss(), torch.optim.LBFGS(layer.parameters(), max_iter=100)

        def closure() -> Any:
            optimizer.zero_grad()
            value = loss(target, layer(x))
            value.backward()
            return value

        before = closure().item()
        optimizer.step(closure)
        assert before > 0.1
        assert 0 <= closure().item() < 1e-6


def test_the_face_is_reached_by_name() -> None:
    assert relentropy.torch.RelativeEntropyLoss is RelativeEntropyLoss
    assert "torch" not in relentropy.__all__


class TestErrors:
    @pytest.mark.parametrize("inputs", ["log_prob", ("probs",), ("probs", "logit"), None, 3])
    def test_unknown_inputs(self, inputs: Any) -> None:
        with pytest.raises(ValueError, match=r"expected 'logits', 'log_probs' or 'probs', or a pa"):
            RelativeEntropyLoss(inputs)

    def test_batchmean_is_the_mean_here(self) -> None:
        with pytest.raises(ValueError, match=r"'mean' is the mean over rows here.*write 'mean'"):
            RelativeEntropyLoss(reduction="batchmean")

    def test_none_as_a_reduction(self) -> None:
        with pytest.raises(ValueError, match=r"reduction is None.*write 'none'"):
            RelativeEntropyLoss(reduction=None)

    def test_labels_of_classes(self) -> None:
        with pytest.raises(TypeError, match=r"p has dtype torch.int64.*one_hot"):
            RelativeEntropyLoss()(torch.tensor([0, 1]), torch.zeros(2, 2))

    def test_what_is_no_tensor(self) -> None:
        with pytest.raises(TypeError, match="q is Logits; expected a tensor"):
            RelativeEntropyLoss()(torch.zeros(2), relentropy.Logits(torch.zeros(2)))

    def test_lengths_that_differ(self) -> None:
        with pytest.raises(ValueError, match="p has 3 cells along the event axis and q has 2"):
            RelativeEntropyLoss()(torch.zeros(3), torch.zeros(2))

    def test_a_mask_of_numbers(self) -> None:
        with pytest.raises(TypeError, match="where has dtype float32; expected bool: where != 0"):
            RelativeEntropyLoss()(torch.zeros(2, 3), torch.zeros(2, 3), where=torch.ones(2, 1))


@pytest.mark.parametrize("base", [-1, 0, 1])
def test_a_base_is_looked_at_when_the_module_is_made(base: float) -> None:
    with pytest.raises(ValueError, match="base must be positive, finite and not 1"):
        RelativeEntropyLoss(base=base)
