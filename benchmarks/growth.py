"""How time grows with rows and with cells: ours, torch.compile and torch eager."""

import statistics
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.works import logits, usual_of_torch
from relentropy import Logits, relative_entropy

SHAPES = (
    *((rows, 32000) for rows in (1, 4, 16, 64, 256, 1024)),
    *((64, cells) for cells in (1000, 4000, 16000, 64000, 256000)),
)


def growth(scale: int, repeat: int) -> Iterator[str]:
    yield "| rows × cells, float32 | ours, µs a row | torch.compile | torch eager |"
    yield "|---|--:|--:|--:|"
    for rows, cells in SHAPES:
        if rows * cells * scale > SHAPES[5][0] * SHAPES[5][1]:
            continue
        ours, *others = turns(rows, cells, repeat)
        ratios = (
            statistics.median(t / o for t, o in zip(other, ours, strict=True)) for other in others
        )
        a_row = statistics.median(ours) * 1e6 / rows
        yield f"| {rows} × {cells} | {a_row:.1f} | {' | '.join(f'{r:.2f}' for r in ratios)} |"


def turns(rows: int, cells: int, repeat: int) -> list[list[float]]:
    import torch

    torch._dynamo.reset()
    p, q = (torch.from_numpy(x) for x in logits(rows, cells))
    compiled = torch.compile(usual_of_torch)
    runs: list[Any] = [
        lambda: relative_entropy(Logits(p), Logits(q)),
        lambda: compiled(p, q),
        lambda: usual_of_torch(p, q),
    ]
    times: list[list[float]] = [[], [], []]
    for turn in range(repeat + 1):
        for run, found in zip(runs, times, strict=True):
            start = time.perf_counter()
            run()
            if turn:
                found.append(time.perf_counter() - start)
    return times
