"""``relentropy compare REFERENCE CURRENT``: has the data moved, where, and how sure is that?"""

import importlib
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from relentropy.cli.options import amount, column_names, confidence
from relentropy.cli.progress import progress_bar
from relentropy.cli.streams import DataError, tell, without_trailing_spaces, write, writing

_EXAMPLES = """\b
Examples:
  relentropy compare --example
  relentropy compare january.parquet july.parquet --html report.html
  relentropy compare 'train/*.csv' serving.db::requests --fail-above 0.1
"""


@click.command(epilog=_EXAMPLES, context_settings={"max_content_width": 100})
@click.argument("reference", required=False)
@click.argument("current", required=False)
@click.option("--example", is_flag=True, help="Compare two months of flights that ship with this.")
@click.option("--html", type=click.Path(path_type=Path), help="Write one self-contained page.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output, nothing else.")
@click.option(
    "--fail-above",
    type=amount,
    metavar="X",
    help="Exit 1 if the interval of a column lies above X (in the unit of the output).",
)
@click.option(
    "--columns",
    multiple=True,
    metavar="A,B",
    help="Only these columns. Repeat it for names with commas: each value is one name.",
)
@click.option(
    "--hide-values",
    multiple=True,
    metavar="COLUMN",
    help="Keep the values of this column out of every output. Repeatable.",
)
@click.option(
    "--bits/--nats", "bits", default=True, help="The unit of the output.", show_default=True
)
@click.option(
    "--material",
    type=amount,
    default=0.01,
    metavar="BITS",
    show_default=True,
    help="A move below this many bits a row does not matter.",
)
@click.option(
    "--confidence",
    type=confidence,
    default=0.95,
    metavar="SHARE",
    show_default=True,
    help="Confidence of the intervals.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the permutations; the same seed gives the same report.",
)
@click.option(
    "--allow-extensions",
    is_flag=True,
    help="Let DuckDB download extensions it lacks. Otherwise nothing is downloaded.",
)
@click.option(
    "--width",
    type=click.IntRange(min=40),
    metavar="COLUMNS",
    help="Width of the report; otherwise that of the terminal.",
)
@click.option(
    "--quiet", "-q", is_flag=True, help="Say only what is wrong; with --json, nothing but the JSON."
)
@click.pass_context
def compare(ctx: click.Context, /, **options: Any) -> None:
    """Say how far CURRENT has moved from REFERENCE, column by column.

    Both are tables: Parquet, CSV, JSON lines, Arrow or NumPy files, a folder or a quoted glob of
    these, or a table of a database as file.db::table.

    For each column the report says how many extra bits a row of CURRENT costs when it is coded
    with REFERENCE's code (their relative entropy) and the reverse, with an interval, the noise
    floor, and where the difference lies.

    Exit codes: 0 fine, 1 above the limit of --fail-above, 2 usage or data error.
    """
    wanted = Wanted(**options)
    # Imported at the end of the work; if they are missing, that is better known now.
    importlib.import_module("rich")
    if wanted.html is not None:
        importlib.import_module("jinja2")
    reference, current = _sides(ctx, wanted)
    if wanted.html is not None:
        _check_page(wanted.html, reference, current)
    result = _compare(wanted, reference, current)
    if wanted.html is not None:
        _write_page(wanted.html, result, quiet=wanted.quiet)
    if wanted.as_json:
        from relentropy.compare.report import json

        write(json.render(result))
    if not wanted.quiet:
        _report(wanted, result)
    ctx.exit(_judge(wanted, result))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The command line, parsed."""

    reference: str | None
    current: str | None
    example: bool
    html: Path | None
    as_json: bool
    fail_above: float | None
    columns: tuple[str, ...]
    hide_values: tuple[str, ...]
    bits: bool
    material: float
    confidence: float
    seed: int
    allow_extensions: bool
    width: int | None
    quiet: bool


def _sides(ctx: click.Context, wanted: Wanted) -> tuple[str, str]:
    """The two tables to compare."""
    if wanted.example:
        if wanted.reference is not None:
            raise click.UsageError("--example brings its own tables: leave out the two names.")
        from relentropy.compare import example_paths

        reference, current = map(str, example_paths())
        if not wanted.quiet:
            by_hand = shlex.join(["relentropy", "compare", reference, current])
            tell(f"The example that ships with relentropy. By hand:\n  {by_hand}\n")
        return reference, current
    if wanted.reference is None or wanted.current is None:
        got = "none" if wanted.reference is None else f"only {wanted.reference!r}"
        raise click.UsageError(
            f"expected two tables, got {got}: type relentropy compare REFERENCE CURRENT, "
            "or relentropy compare --example to see what it does.",
            ctx,
        )
    return wanted.reference, wanted.current


def _check_page(page: Path, reference: str, current: str) -> None:
    """Find out now, not after minutes of work, that the page cannot be written."""
    if page.is_dir():
        raise DataError(
            f"--html: {page} is a folder; name a file in it, such as {page}/report.html"
        )
    if not page.parent.is_dir():
        raise DataError(f"--html: there is no folder {page.parent}; make it first")
    if any(page.exists() and Path(s).exists() and page.samefile(s) for s in (reference, current)):
        raise DataError(f"--html: {page} is one of the tables to compare; name another file")
    try:
        if page.exists():
            page.open("ab").close()
        else:
            page.open("xb").close()
            page.unlink()
    except OSError as error:
        raise DataError(f"--html: cannot write {page}: {error.strerror}") from None


def _compare(wanted: Wanted, reference: str, current: str) -> dict[str, Any]:
    from relentropy.compare import InputError, tables

    try:
        with progress_bar(not wanted.quiet) as progress:
            comparison = tables(
                reference,
                current,
                columns=column_names(wanted.columns),
                unit="bit" if wanted.bits else "nat",
                material=wanted.material,
                confidence=wanted.confidence,
                hide_values=wanted.hide_values,
                allow_extensions=wanted.allow_extensions,
                progress=progress,
                rng=wanted.seed,
            )
    except InputError as error:
        raise DataError(f"{error}{_hint(wanted.columns)}") from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise DataError(f"{where}{error.strerror or error}") from None
    return comparison.to_dict()


def _hint(columns: tuple[str, ...]) -> str:
    """For who mixed the two ways to name columns."""
    if len(columns) > 1 and any("," in name for name in columns):
        return "\n--columns is repeated, so each value is one whole name, commas included."
    return ""


def _write_page(page: Path, result: Mapping[str, Any], *, quiet: bool) -> None:
    from relentropy.compare.report import html

    content = html.render(result)
    try:
        page.write_text(content, encoding="utf-8", newline="\n")
    except OSError as error:
        raise DataError(f"--html: cannot write {page}: {error.strerror}") from None
    if not quiet:
        tell(f"Wrote {page} ({len(content) / 1000:,.0f} kB).")


def _report(wanted: Wanted, result: Mapping[str, Any]) -> None:
    """The report for people: on standard output, or in one sentence beside the JSON."""
    if wanted.as_json:
        from relentropy.compare.report import sentences, view

        tell(sentences.headline(view.read(result)))
        return
    from rich.console import Console

    from relentropy.compare.report import text

    console = Console(width=wanted.width, highlight=False, markup=False, emoji=False)
    # Rich empties standard output's buffer when a capture ends.
    with writing(), console.capture() as capture:
        text.render(result, console)
        if wanted.html is None and sys.stdout.isatty():
            console.print("\nEvery column with its histograms: add --html report.html", style="dim")
    write(without_trailing_spaces(capture.get()))


def _judge(wanted: Wanted, result: Mapping[str, Any]) -> int:
    """The exit code; what is above the limit, or beyond judging, is named even under --quiet."""
    if wanted.fail_above is None:
        return 0
    from relentropy.compare.report import sentences, view

    seen = view.read(result)
    above = [column for column in seen.columns if column.forward.low > wanted.fail_above]
    for column in above:
        tell(
            f"Above {wanted.fail_above:g} {seen.unit}s a row: {column.name}, "
            f"interval {sentences.span(column.forward)}"
        )
    aside = {entry["name"]: entry["reason"] for entry in [*result["keys"], *result["skipped"]]}
    if aside:
        tell(f"Not judged: {', '.join(aside)}. The report says why.")
    judged = {column["name"] for column in result["columns"]}
    asked = column_names(wanted.columns) or []
    lost = [n for n in asked if n in aside and not any(j.startswith(f"{n} (") for j in judged)]
    if above or not lost:
        return 1 if above else 0
    reasons = "; ".join(f"{name}: {aside[name]}" for name in lost)
    raise DataError(f"a column that --columns asks for could not be judged: {reasons}")
