"""The scale on which the intervals of all columns stand, in the terminal and on the page."""

from collections.abc import Sequence
from math import ceil, log1p

from relentropy.compare.report.view import Column


class Scale:
    """Even up to the amount that matters, logarithmic beyond: 0 at 0, 1 at the largest end.

    So the columns near the limit stay apart even beside one that moved a thousand times as far.
    """

    def __init__(self, columns: Sequence[Column], material: float) -> None:
        ends = [max(c.forward.high, c.forward.noise_floor) for c in columns]
        self.knee = material or 0.01
        self.end = max([*ends, 10 * self.knee])

    def at(self, amount: float) -> float:
        """The place of ``amount``, in [0, 1]."""
        place = log1p(max(amount, 0.0) / self.knee) / log1p(self.end / self.knee)
        return min(place, 1.0)

    def ticks(self, most: int) -> list[float]:
        """At most about ``most`` amounts to label: 0, the knee, the tenfold of it and so on."""
        amounts = [0.0]
        while (following := self.knee * 10.0 ** (len(amounts) - 1)) <= self.end:
            amounts.append(following)
        kept = amounts[:: ceil(len(amounts) / most)]
        if len(kept) > 1 and self.at(kept[1]) < 1 / most:
            kept.remove(0.0)
        return kept
