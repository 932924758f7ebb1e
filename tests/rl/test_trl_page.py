"""The page on TRL shows the recipe that test_trl.py tests."""

from tests.docs.pages import ROOT, blocks


def test_the_page_shows_the_recipe_as_it_is_tested() -> None:
    source = (ROOT / "examples" / "trl_grpo.py").read_text(encoding="utf-8")
    start, end = source.index("import torch"), source.index("# --- a tiny run")
    recipe = "\n".join(line for line in source[start:end].splitlines() if line[:5] != "# ---")
    shown = [block.text for block in blocks(ROOT / "docs" / "trl.md")]
    assert any(_squeezed(recipe) == _squeezed(text) for text in shown)


def _squeezed(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
