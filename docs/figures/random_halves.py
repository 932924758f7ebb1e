"""How often `relentropy compare` finds drift where there is none: random halves of the example.

Prints the figures quoted in docs/compare.md (4 minutes on one core):

    python docs/figures/random_halves.py
"""

import pandas as pd

from relentropy.compare import Comparison, example_paths, tables

SEEDS = 100


def halves(month: pd.DataFrame, seed: int) -> Comparison:
    """One random cut, compared."""
    half = month.sample(frac=0.5, random_state=seed)
    return tables(half, month.drop(half.index), rng=seed)


def main() -> None:
    """Cut both months again and again."""
    months = [pd.read_parquet(path) for path in example_paths()]
    found = [halves(month, seed) for month in months for seed in range(SEEDS)]
    columns = [column for result in found for column in result.columns]
    above = [
        column.current_from_reference.finite_value > column.current_from_reference.noise_floor
        for column in columns
    ]
    print(f"{len(found)} cuts, {len(columns):,} columns")
    print(f"called drifted: {sum(column.drifted for column in columns)}")
    print(f"p-value at most 0.05: {sum(c.p_value <= 0.05 for c in columns) / len(columns):.1%}")
    print(f"above the noise floor: {sum(above) / len(columns):.1%}")


if __name__ == "__main__":
    main()
