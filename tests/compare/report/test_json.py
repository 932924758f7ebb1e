import json as standard

import pytest

from relentropy.compare.report import json

from .results import bell, result


def test_it_is_the_result():
    assert standard.loads(json.render(result())) == result()


def test_it_is_ascii_without_controls():
    text = json.render(result([bell("\x1b[31m\x7f\x9b列\ud800", 0.0)]))
    assert text.isascii()
    assert all(c == "\n" or c.isprintable() for c in text)
    assert standard.loads(text)["columns"][0]["name"] == "\x1b[31m\x7f\x9b列\ud800"


def test_infinity_never_reaches_the_output():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json.render(result(material=float("inf")))
