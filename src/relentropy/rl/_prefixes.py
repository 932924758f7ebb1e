"""The tree of prefixes: what may follow what, and the sequences as paths through it."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

Table = np.ndarray[Any, np.dtype[Any]]


def list_prefixes(vocabulary: int, length: int, end: int | None) -> list[tuple[int, ...]]:
    """Every sequence that is not finished, by length, then in the order of numbers."""
    if length < 1 or vocabulary < 2:
        raise ValueError(
            f"length is {length} and the vocabulary has {vocabulary}; expected at least 1 and 2"
        )
    if end is not None and end not in range(vocabulary):
        raise ValueError(f"end is {end}; expected a token, 0 to {vocabulary - 1}, or None")
    going_on = [v for v in range(vocabulary) if v != end]
    return [s for size in range(length) for s in itertools.product(going_on, repeat=size)]


@dataclass(frozen=True, eq=False)
class Tree:
    """The prefixes with what follows them, and the sequences as paths through them."""

    depths: Table  # (prefixes,)
    children: (
        Table  # (prefixes, V), the row of the longer prefix; -1 where the sequence is finished
    )
    states: Table  # (N, T), the row of the prefix before each token; 0 after the end
    tokens: Table  # (N, T); 0 after the end
    present: Table  # (N, T), False after the end

    @classmethod
    def of(cls, prefixes: list[tuple[int, ...]], vocabulary: int, length: int) -> "Tree":
        rows = {prefix: row for row, prefix in enumerate(prefixes)}
        longer = [[(*prefix, v) for v in range(vocabulary)] for prefix in prefixes]
        finished = [s for following in longer for s in following if s not in rows]
        states, tokens = (np.zeros((len(finished), length), int) for _ in range(2))
        present = np.arange(length) < np.array([[len(s)] for s in finished])
        for n, s in enumerate(finished):
            states[n, : len(s)] = [rows[s[:t]] for t in range(len(s))]
            tokens[n, : len(s)] = s
        children = np.array([[rows.get(s, -1) for s in following] for following in longer])
        depths = np.array([len(prefix) for prefix in prefixes])
        return cls(depths, children, states, tokens, present)

    def law(self, moves: Table) -> Table:
        """The probability of reaching each prefix by these next-token probabilities."""
        law = np.ones(len(moves))
        for row, following in enumerate(self.children):
            going_on = following >= 0
            law[following[going_on]] = law[row] * moves[row, going_on]
        return law

    def still_to_come(self, moves: Table, cost: Table) -> Table:
        """For each prefix and next token, the expected sum of the costs of the prefixes after."""
        ahead = np.zeros_like(moves)
        from_here = np.zeros(len(moves))
        for row in reversed(range(len(moves))):
            following = self.children[row]
            ahead[row] = np.where(following >= 0, from_here[following], 0.0)
            from_here[row] = cost[row] + moves[row] @ ahead[row]
        return ahead
