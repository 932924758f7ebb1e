"""``relentropy between P Q``: how far one distribution is from another, both ways, in words."""

import importlib
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relentropy.cli.options import logarithm_base
from relentropy.cli.streams import DataError, tell, without_trailing_spaces, write, writing

if TYPE_CHECKING:
    from relentropy.cli.between_answer import Answer
    from relentropy.cli.specification import Specified

_EXAMPLES = """\b
Examples:
  relentropy between 'Normal(0, 1)' 'StudentT(df=5)'
  relentropy between '[1/2, 1/2]' '[.7, .3]' --nats
  relentropy between '{rain: .2, sun: .8}' '{rain: .5, sun: .5}' --json
  relentropy between 'Mixture([.3, .7], [Normal(0, 1), Normal(3, 1)])' \\
    'Normal(2, 1.8)' --plot
"""
_EXAMPLE = "relentropy between 'Normal(0, 1)' 'StudentT(df=5)'"


class _Between(click.Command):
    """--plot may stand before P, which then is not its path."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for i, (here, after) in enumerate(pairwise([*args, "("])):
            if here == "--plot" and any(c in after for c in "([{"):
                args = [*args[:i], "--plot=", *args[i + 1 :]]
        return super().parse_args(ctx, args)


@click.command(
    cls=_Between,
    epilog=_EXAMPLES,
    context_settings={"max_content_width": 100},
)
@click.argument("distributions", nargs=-1, metavar="P Q")
@click.option(
    "--base",
    type=logarithm_base,
    metavar="B",
    help="Base of the logarithm: 2 for bits (the default), e for nats, 10, or another number.",
)
@click.option("--nats", is_flag=True, help="The same as --base e.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output, nothing else.")
@click.option(
    "--plot",
    is_flag=False,
    flag_value="",
    metavar="[PATH]",
    help="Draw P, Q and p log(p/q) into this .svg, .png or .pdf; without a path into between.svg.",
)
@click.option("--families", is_flag=True, help="List the families with their parameters.")
@click.option(
    "--width",
    type=click.IntRange(min=40),
    metavar="COLUMNS",
    help="Width of the text; otherwise that of the terminal.",
)
@click.option(
    "--quiet", "-q", is_flag=True, help="Only D(P||Q) and D(Q||P), a line each; or the JSON."
)
@click.pass_context
def between(ctx: click.Context, /, **options: Any) -> None:
    """Say how far two distributions P and Q are from each other.

    Each is a family with its parameters, a list of probabilities, or a mapping from names to
    probabilities. Quote it: the shell has its own use for brackets.

    The answer is the relative entropy, both ways: the extra bits that a draw of one costs when
    it is coded for the other. With it come how it was found, and the Jensen-Shannon divergence.

    Exit codes: 0 fine, 2 an error in the command, or a pair without an answer.
    """
    wanted = Wanted(**options)
    # Imported at the end of the work; if they are missing, that is better known now.
    importlib.import_module("rich")
    if wanted.plot is not None:
        importlib.import_module("matplotlib")
    if wanted.families:
        from relentropy.cli.specification import listing

        write(listing())
        return
    p_text, q_text = _two(ctx, wanted.distributions)
    base = wanted.logarithm_base()
    page = None if wanted.plot is None else _page(wanted.plot)
    from relentropy.cli.between_answer import Unit, find

    p, q = _read("P", p_text), _read("Q", q_text)
    if page is not None:
        from relentropy.cli.between_cells import require_drawable

        require_drawable(p, q)
    answer = find(p, q, Unit(base))
    if page is not None:
        _draw(answer, page)
    write(answer.json() if wanted.as_json else _report(answer, wanted))
    if page is not None and not wanted.quiet:
        tell(f"Wrote {page}.")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The command line, parsed."""

    distributions: tuple[str, ...]
    base: float | None
    nats: bool
    as_json: bool
    plot: str | None
    families: bool
    width: int | None
    quiet: bool

    def logarithm_base(self) -> float:
        if self.nats and self.base not in (None, math.e):
            raise click.UsageError(f"--nats means --base e, and --base is {self.base:g}: give one.")
        return math.e if self.nats else 2.0 if self.base is None else self.base


def _two(ctx: click.Context, given: tuple[str, ...]) -> tuple[str, str]:
    """P and Q as they were typed."""
    if len(given) == 2:
        return given[0], given[1]
    if len(given) > 2:
        raise click.UsageError(
            f"expected two distributions, got {len(given)} arguments: put each distribution in "
            f"quotes, as in {_EXAMPLE}.",
            ctx,
        )
    got = f"only {given[0]!r}" if given else "none"
    raise click.UsageError(
        f"expected two distributions, got {got}: type {_EXAMPLE}, or relentropy between "
        "--families to see what there is.",
        ctx,
    )


def _read(name: str, text: str) -> "Specified":
    from relentropy.cli.grammar import SpecificationError
    from relentropy.cli.specification import read, shown

    try:
        return read(text)
    except SpecificationError as error:
        raise DataError(f"{name}: {shown(text, error)}") from None


def _page(plot: str) -> Path:
    """Where the picture goes; that it cannot go there is found out before the work."""
    from relentropy.cli.between_picture import DEFAULT, KINDS, is_ours

    path = Path(plot or DEFAULT)
    if path.suffix.lower() not in KINDS:
        raise DataError(f"--plot: expected a name that ends in {', '.join(KINDS)}, got {plot}")
    if path.is_dir() or not path.parent.is_dir():
        what = f"{path} is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise DataError(f"--plot: {what}")
    if not plot and path.exists() and not is_ours(path):
        raise DataError(f"--plot: {path} is there already; name the picture, as in --plot=new.svg")
    return path


def _draw(answer: "Answer", path: Path) -> None:
    from relentropy.cli.between_picture import draw

    try:
        draw(answer, path)
    except OSError as error:
        raise DataError(f"--plot: cannot write {path}: {error.strerror}") from None


def _report(answer: "Answer", wanted: Wanted) -> str:
    if wanted.quiet:
        return "".join(f"{x.value!r}\n" for x in (answer.p_from_q, answer.q_from_p))
    from rich.console import Console

    from relentropy.cli import between_text

    console = Console(width=wanted.width, highlight=False, markup=False, emoji=False)
    # Rich empties standard output's buffer when a capture ends.
    with writing(), console.capture() as capture:
        between_text.render(answer, console)
    return without_trailing_spaces(capture.get())
