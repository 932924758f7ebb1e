"""The report as one page: no request to anywhere, no JavaScript needed, printable.

The template escapes everything it is given. A content security policy allows the page's own
style sheet and script by their hashes and nothing else, so that even a value that slipped
through could neither run nor call home.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from relentropy.compare.report import drawing, numbers, sentences
from relentropy.compare.report.scale import Scale
from relentropy.compare.report.verdict import Verdict
from relentropy.compare.report.view import Cell, Column, read

_PAGE = Path(__file__).parent / "page"

# A card is some 15 kB: beyond this many columns the page would no longer open at once.
CARDS_SHOWN = 200
CATEGORIES_SHOWN = 12


def render(result: Mapping[str, Any]) -> str:
    """The page of ``result`` as text, to be saved as UTF-8."""
    view = read(result)
    style, script = _asset("page.css"), _asset("page.js")
    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        fixed=lambda x: numbers.fixed(x, sentences.table_decimals(view)),
        figures=numbers.figures,
        share=numbers.share,
        about=numbers.about,
        prose=lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%"),
        signed=lambda x: numbers.signed(x, sentences.table_decimals(view)),
    )
    axis = drawing.Axis(Scale(view.columns, view.material), view.material)
    return environment.get_template("page.html.j2").render(
        view=view,
        say=sentences,
        numbers=numbers,
        axis=axis,
        drawing=drawing,
        decimals=sentences.table_decimals(view),
        tally=[(v, len(view.having(v))) for v in Verdict if view.having(v)],
        cards=view.columns[:CARDS_SHOWN],
        categories=_categories,
        histogram=lambda column: drawing.histogram(view, column.shape),
        columns_word=sentences.plural,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _asset(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """The hash by which a content security policy knows an inline element."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _categories(column: Column) -> list[Cell]:
    """The leading cells, the others together, and the odd ones."""
    named = list(column.shape)
    rest = named[CATEGORIES_SHOWN:] + [cell for cell in column.histogram if cell.rest]
    if len(rest) > 1:
        together = Cell(
            label="(other)",
            reference=sum(cell.reference for cell in rest),
            current=sum(cell.current for cell in rest),
            odd=True,
            rest=True,
        )
        rest = [together]
    odd = [cell for cell in column.histogram if cell.odd and not cell.rest]
    return [*named[:CATEGORIES_SHOWN], *rest, *odd]
