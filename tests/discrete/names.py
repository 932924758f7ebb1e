"""Names of the verbs, for tests that ask the same of each."""

LOGARITHMIC = [
    "relative_entropy",
    "cross_entropy",
    "jeffreys",
    "jensen_shannon",
    "chernoff",
    "bhattacharyya",
]
"""Verbs on a pair whose value has a unit, and so a base."""

PAIR_VERBS = [*LOGARITHMIC, "hellinger", "total_variation", "chi_square"]
