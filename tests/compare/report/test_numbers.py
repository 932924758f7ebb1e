import pytest

from relentropy.compare.report import numbers


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0, "0.0000"),
        (3.14159, "3.1416"),
        (4e-5, "<0.0001"),
        (5e-5, "0.0001"),
        (1234.5, "1,234.5000"),
    ],
)
def test_fixed_lines_up_and_says_when_it_rounds_to_nothing(x, text):
    assert numbers.fixed(x) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0, "0"),
        (3.14159, "3.14"),
        (0.0123456, "0.0123"),
        (123456.7, "123,000"),
        (1e-6, "0.00000100"),
        (1.234e-9, "1.23e-09"),
        (0.999999, "1.00"),
        (11.04, "11.0"),
    ],
)
def test_figures_keep_three_significant_digits(x, text):
    assert numbers.figures(x) == text


@pytest.mark.parametrize(("x", "text"), [(0.01, "0.01"), (0.5, "0.5"), (20, "20"), (0, "0")])
def test_a_chosen_number_has_no_idle_digits(x, text):
    assert numbers.chosen(x) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [(0, "0 %"), (1, "100 %"), (1e-9, "<0.1 %"), (1 - 1e-9, ">99.9 %"), (0.1234, "12.3 %")],
)
def test_only_nothing_is_none_and_only_all_is_all(x, text):
    assert numbers.share(x) == text


@pytest.mark.parametrize(("x", "text"), [(0.95, "95 %"), (0.999, "99.9 %"), (0.05, "5 %")])
def test_a_chosen_share_is_shown_as_it_was_chosen(x, text):
    assert numbers.percent(x) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (None, "–"),
        (0.3, "1"),
        (1.2, "2"),
        (99.5, "100"),
        (1234, "1,200"),
        (123456, "120,000"),
        (5.06e6, "5.1 million"),
        (52e9, "52 billion"),
        (1e18, "–"),
    ],
)
def test_rows_are_rounded_to_what_an_estimate_knows(x, text):
    assert numbers.about(x) == text


@pytest.mark.parametrize(("x", "text"), [(0.5, "+0.5000"), (-0.5, "−0.5000"), (-1e-9, "0.0000")])
def test_signs(x, text):
    assert numbers.signed(x) == text


@pytest.mark.parametrize(
    ("material", "decimals"), [(0.01, 4), (0.00693, 4), (1e-5, 7), (0, 4), (2, 4)]
)
def test_decimals_show_what_matters(material, decimals):
    assert numbers.decimals_for(material) == decimals
