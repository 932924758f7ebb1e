import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relentropy.compare.visible import shorten, visible, visible_lines


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("temp", "temp"),
        ("two words", "two words"),
        ("Ünïcode 列 🙂", "Ünïcode 列 🙂"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("no\u00a0break", r"no\xa0break"),
        ("lone \ud800 half", r"lone \ud800 half"),
        ("", '""'),
        (" padded ", '" padded "'),
        (7, "7"),
    ],
)
def test_what_cannot_be_seen_is_escaped(raw, shown):
    assert visible(raw) == shown


def test_a_long_text_keeps_both_ends():
    text = visible("start" + "x" * 10**6 + "end", limit=40)
    assert len(text) == 40
    assert text.startswith("start")
    assert text.endswith("end")
    assert "…" in text


def test_shorten_keeps_what_fits():
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abc…fg"


def test_lines_of_our_own_messages_stay_lines():
    assert visible_lines("no file a\x07b\nhere: c") == "no file a\\x07b\nhere: c"


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_a_terminal_would_obey_is_left(raw):
    shown = visible(raw, 60)
    assert len(shown) <= 60
    assert shown
    assert {unicodedata.category(c) for c in shown}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    shown.encode("utf-8")
