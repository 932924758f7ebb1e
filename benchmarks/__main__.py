"""Everything in one table: ratios to every installed peer, in one run.

    python -m benchmarks [--quick] [--write]

A ratio is the median over the turns of a run, another's time over ours in the same turn, with its
quartiles. Memory is what the process grew by at most during one call. The error is the largest
relative one, against mpmath. --write keeps the table in benchmarks/RESULTS.md.
"""

import argparse
import importlib.metadata
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

# For rows of any size, so that what is asked of small ones is asked of the kernels too.
os.environ.setdefault("RELENTROPY_KERNELS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from benchmarks import heads
from benchmarks.growth import growth
from benchmarks.measure import Measured, measured
from benchmarks.works import NOISE, all_works

RESULTS = Path(__file__).with_name("RESULTS.md")
PACKAGES = ("numpy", "scipy", "torch", "jax", "numba", "dit")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="an eighth of the rows")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    parser.add_argument("--repeat", type=int, default=9, help="turns of everybody")
    options = parser.parse_args()
    scale = 8 if options.quick else 1
    lines = []
    for line in table(scale, options.repeat):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        RESULTS.write_text("\n".join([*head(options.quick), *lines]) + "\n", encoding="utf-8")


def table(scale: int, repeat: int) -> Iterator[str]:
    yield "| work | who | ms | ratio to ours | quartiles | MB | error |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for work in all_works(scale, repeat):
        for i, line in enumerate(measured(work)):
            yield shown(line, first=i == 0)
    yield ""
    yield from growth(scale, repeat)
    yield ""
    yield from heads.table((512 // scale, 131072, 1024))


def shown(line: Measured, first: bool) -> str:
    cells = (
        f"**{line.work}**" if first else "",
        line.who,
        f"{line.milliseconds:.3g}",
        f"{line.ratio:.2f}",
        "{:.2f} – {:.2f}".format(*line.quartiles),
        "" if line.megabytes is None else f"{line.megabytes:.0f}",
        "" if line.error is None else f"{line.error:.0e}",
    )
    return f"| {' | '.join(cells)} |"


def head(quick: bool) -> list[str]:
    found = {name: version(name) for name in PACKAGES}
    versions = ", ".join(f"{name} {v}" for name, v in found.items() if v)
    return [
        "# Results",
        "",
        f"`python -m benchmarks{' --quick' * quick} --write`, {time.strftime('%Y-%m-%d')},",
        f"on {os.cpu_count()} processors ({processor()}), Python {platform.python_version()}; "
        f"{versions}.",
        "",
        "A ratio is the median over the turns of a run, of another's time over ours in that turn;",
        "memory is what the process grew by at most during one call; the error is the largest",
        f"relative one, against mpmath. Logits of Q are those of P with a noise of {NOISE:.0e}.",
        *absent(found),
        "",
    ]


def absent(found: dict[str, str | None]) -> list[str]:
    missing = [name for name, v in found.items() if v is None]
    return [f"Not installed, so not measured: {', '.join(missing)}."] if missing else []


def version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor() -> str:
    described = Path("/proc/cpuinfo")
    if not described.exists():
        return platform.processor()
    names = [x for x in described.read_text().splitlines() if x.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()


if __name__ == "__main__":
    main()
