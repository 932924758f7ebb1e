import click
import pytest

from relentropy.cli.options import amount, column_names, confidence


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([], None),
        (["a"], ["a"]),
        (["a,b"], ["a", "b"]),
        (["a, b,"], ["a", "b"]),
        (['"price, net",tax'], ["price, net", "tax"]),
        (["price, net", "tax"], ["price, net", "tax"]),
        (["two words"], ["two words"]),
        ([""], [""]),
        ([","], [","]),
    ],
)
def test_columns(values, names):
    assert column_names(values) == names


@pytest.mark.parametrize("text", ["0", "1", "95", "-0.1", "nan", "inf", "x", ""])
def test_confidence_lies_between_0_and_1(text):
    with pytest.raises(click.BadParameter, match="between 0 and 1"):
        confidence(text)


def test_confidence_in_per_cent_is_answered_with_the_share():
    with pytest.raises(click.BadParameter, match=r"for 95 % type 0\.95"):
        confidence("95")
    assert confidence("0.95") == 0.95


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e999", "x", ""])
def test_an_amount_is_finite_and_not_negative(text):
    with pytest.raises(click.BadParameter, match="finite number"):
        amount(text)


def test_amount():
    assert amount("0") == 0
    assert amount("1e-3") == 0.001
