"""Results as the engine hands them over, made by hand: plain counts, plug-in figures."""

from itertools import pairwise
from math import log2
from typing import Any

import numpy as np


def direction(p: np.ndarray, q: np.ndarray, n: int, m: int, **more: Any) -> dict[str, Any]:
    """D(p‖q) in bits of two histograms, with the unseen cells smoothed by half a count."""
    unseen = float(p[q == 0].sum())
    smooth = (q * m + 0.5) / (m + 0.5 * len(q))
    value = float(sum(a * log2(a / b) for a, b in zip(p, smooth, strict=True) if a > 0))
    value = max(value, 0.0)
    half = 1.2 * (value / min(n, m)) ** 0.5 + 2 * len(p) / min(n, m)
    return {
        "value": None if unseen else value,
        "interval": [max(value - half, 0.0), value + half],
        "infinite": unseen > 0,
        "unseen_mass": unseen,
        "expected_unseen_mass": unseen / 8,
        "finite_value": value,
        "noise_floor": 1.5 * len(p) / min(n, m),
        "rows_to_notice": 4.32 / value if value else None,
        "method": "zhang-grabchak",
        **more,
    }


def column(
    name: str,
    cells: list[str],
    reference: list[float],
    current: list[float],
    *,
    kind: str = "numeric",
    rows: tuple[int, int] = (27004, 29425),
    **more: Any,
) -> dict[str, Any]:
    """A judged column from two lists of weights."""
    n, m = rows
    q = np.array(reference, float) / sum(reference)
    p = np.array(current, float) / sum(current)
    forward = direction(p, q, m, n)
    smooth = (q * n + 0.5) / (n + 0.5 * len(q))
    terms = [
        {
            "cell": label,
            "reference_mass": float(b),
            "current_mass": float(a),
            "bits": float(a * log2(a / s)) if a else 0.0,
        }
        for label, a, b, s in zip(cells, p, q, smooth, strict=True)
    ]
    terms.sort(key=lambda term: -abs(term["bits"]))
    low = forward["interval"][0]
    return {
        "name": name,
        "kind": kind,
        "current_from_reference": forward,
        "reference_from_current": direction(q, p, n, m),
        "jensen_shannon": forward["finite_value"] / 8,
        "drifted": low > 0.01,
        "p_value": 1e-9 if low > 0 else 0.4,
        "q_value": 1e-9 if low > 0 else 0.6,
        "rows_to_notice": forward["rows_to_notice"],
        "missing": {"reference": 0.0, "current": 0.0},
        "resolution": "100 bins hide at most 0.001 bit",
        "resolution_loss": 0.001,
        "histogram": [
            {"cell": label, "reference_mass": float(b), "current_mass": float(a)}
            for label, a, b in zip(cells, p, q, strict=True)
        ],
        "contributions": terms[:10]
        + (
            [
                {
                    "cell": "(other)",
                    "reference_mass": sum(t["reference_mass"] for t in terms[10:]),
                    "current_mass": sum(t["current_mass"] for t in terms[10:]),
                    "bits": sum(t["bits"] for t in terms[10:]),
                }
            ]
            if len(terms) > 10
            else []
        ),
        **more,
    }


def bell(name: str, shift: float, bins: int = 30, **more: Any) -> dict[str, Any]:
    """A numeric column: two normals, ``shift`` apart."""
    edges = np.linspace(-3, 3 + shift, bins + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    labels = [f"{20 * a + 60:.1f} to {20 * b + 60:.1f}" for a, b in pairwise(edges)]
    return column(
        name, labels, np.exp(-(middle**2) / 2), np.exp(-((middle - shift) ** 2) / 2), **more
    )


def result(columns: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """January against July, made up; ``columns`` or any key replaced."""
    carriers = ["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "AS", "F9", "YV"]
    if columns is None:
        columns = [
            bell("temp", 2.0),
            bell("dep_delay", 0.5, missing={"reference": 0.019, "current": 0.032}),
            column(
                "carrier",
                carriers,
                [172, 164, 154, 137, 103, 84, 59, 58, 37, 12, 12, 2, 2, 0],
                [183, 178, 160, 147, 104, 81, 62, 54, 38, 20, 9, 2, 2, 3],
                kind="categorical",
            ),
            column(
                "dest",
                [f"D{i:02d}" for i in range(30)],
                [max(60 - 3 * i, 0) for i in range(30)],
                [50 + 2 * (i % 5) for i in range(30)],
                kind="categorical",
            ),
            column("weekend", ["false", "true"], [75, 25], [71, 29], kind="boolean"),
            column("origin", ["EWR", "JFK", "LGA"], [36, 34, 30], [35, 35, 30], kind="categorical"),
            bell("engine_age", 0.05, rows=(300, 280)),
            bell("distance", 0.0),
        ]
    return {
        "schema": "relentropy.compare/1",
        "version": "0.1.0",
        "unit": "bit",
        "reference": "flights-january",
        "current": "flights-july",
        "rows": {"reference": 27004, "current": 29425},
        "material": 0.01,
        "confidence": 0.95,
        "false_discovery_rate": 0.05,
        "columns": sorted(columns, key=lambda c: -c["current_from_reference"]["interval"][0]),
        "keys": [
            {"name": "month", "reason": "no value in common: it defines the split"},
            {"name": "year", "reason": "one value, 2013, on both sides"},
        ],
        "skipped": [
            {"name": "gate", "reason": "only in flights-july"},
            {"name": "crew", "reason": "lists are not compared"},
        ],
        "notes": ["dep_time was read as a number"],
        **more,
    }
