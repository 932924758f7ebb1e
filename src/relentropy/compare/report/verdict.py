"""What is said of a column in one word."""

from enum import Enum


class Verdict(Enum):
    """Five answers, in the order of how much they ask for attention."""

    DRIFTED = "drifted"
    BORDERLINE = "borderline"
    SLIGHT = "slight"
    UNCLEAR = "unclear"
    STEADY = "steady"

    @property
    def rank(self) -> int:
        """0 for what asks for most attention."""
        return list(Verdict).index(self)

    def meaning(self, material: str, confidence: str) -> str:
        """The word in a sentence; ``material`` is the limit with its unit, such as "0.01 bit"."""
        return {
            Verdict.DRIFTED: f"moved by more than {material} a row, and not by chance",
            Verdict.BORDERLINE: f"moved, not by chance; perhaps by more than {material}",
            Verdict.SLIGHT: f"moved, not by chance, but by less than {material}",
            Verdict.UNCLEAR: f"no move seen, but more than {material} is not ruled out: "
            "more rows would tell",
            Verdict.STEADY: f"no move seen; {confidence} sure that any is below {material}",
        }[self]


def verdict(
    *, drifted: bool, low: float, high: float, significant: bool, material: float
) -> Verdict:
    """The word for one column.

    ``drifted`` is the engine's own decision and is never overruled; the other words tell apart
    what it leaves open: was a move seen, and could it matter?
    """
    if drifted:
        return Verdict.DRIFTED
    if significant:
        return Verdict.BORDERLINE if high > material else Verdict.SLIGHT
    return Verdict.UNCLEAR if high > material else Verdict.STEADY
