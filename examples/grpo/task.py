"""Two-digit addition, written out: "37+58=50+7+8+30=95;".

The prompt is "37+58=". The demonstrators regroup the addends into tens and units, in any order,
before they write the sum; the verifier reads the sum alone. So there are many right answers, and
a policy can drift from the way in which its demonstrators write without getting any better.
"""

import random
from collections.abc import Sequence

import torch
from torch import Tensor

ALPHABET = "0123456789+=;"
END = ALPHABET.index(";")
PROMPT_LENGTH = len("37+58=")
RESPONSE_LENGTH = len("30+7+50+8=195;")
LENGTH = PROMPT_LENGTH + RESPONSE_LENGTH

Pair = tuple[int, int]


def prompt(pair: Pair) -> str:
    """The question: (37, 58) is "37+58="."""
    return f"{pair[0]}+{pair[1]}="


def demonstration(pair: Pair, generator: torch.Generator) -> str:
    """One right answer: the tens and units in a random order, then the sum."""
    written = parts(pair)
    order = torch.randperm(len(written), generator=generator).tolist()
    return f"{'+'.join(written[i] for i in order)}={sum(pair)};"


def parts(pair: Sequence[int]) -> list[str]:
    """Tens and units, as far as there are any: (37, 50) is 30, 7, 50."""
    return [str(part) for x in pair for part in (x - x % 10, x % 10) if part]


def is_right(text: str) -> bool:
    """Whether the number between the last "=" and the first ";" is the sum that was asked for."""
    question, _, _ = text.partition("=")
    answer, end, _ = text.partition(";")
    said = answer.rpartition("=")[2]
    return end == ";" and said == str(sum(map(int, question.split("+"))))


def is_worked_out(text: str) -> bool:
    """Whether the answer regroups the numbers of the question as a demonstrator would."""
    question, *steps = text.partition(";")[0].split("=")
    asked = list(map(int, question.split("+")))
    return len(steps) == 2 and sorted(steps[0].split("+")) == sorted(parts(asked))


def encode(text: str, length: int) -> list[int]:
    """The text as tokens, filled up with the end sign."""
    return [ALPHABET.index(sign) for sign in text.ljust(length, ";")]


def decode(tokens: Tensor) -> list[str]:
    """A text for each row of tokens."""
    return ["".join(ALPHABET[token] for token in row) for row in tokens.tolist()]


def prompts(pairs: Sequence[Pair]) -> Tensor:
    """The questions as tokens, one a row."""
    return torch.tensor([encode(prompt(pair), PROMPT_LENGTH) for pair in pairs])


def demonstrations(pairs: Sequence[Pair], generator: torch.Generator) -> Tensor:
    """Questions with one right answer each, as tokens."""
    texts = [prompt(pair) + demonstration(pair, generator) for pair in pairs]
    return torch.tensor([encode(text, LENGTH) for text in texts])


def rewards(tokens: Tensor) -> Tensor:
    """1 for each row whose sum is right, else 0."""
    return torch.tensor([float(is_right(text)) for text in decode(tokens)])


def draw(pairs: Sequence[Pair], count: int, generator: torch.Generator) -> list[Pair]:
    """Some of the pairs, with replacement."""
    return [pairs[i] for i in torch.randint(len(pairs), (count,), generator=generator).tolist()]


def response_mask(responses: Tensor) -> Tensor:
    """True up to the first end sign and on it: what the policy chose."""
    ended = (responses == END).cumsum(-1)
    return (ended - (responses == END).long()) == 0


def split(seed: int, largest: int, held_out: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs of 10, ..., largest to learn from, and about twice `held_out` others.

    37+58 is never learnt where 58+37 is held out.
    """
    numbers = range(10, largest + 1)
    unordered = [(a, b) for a in numbers for b in numbers if a <= b]
    random.Random(seed).shuffle(unordered)
    hidden = set(unordered[:held_out])
    ordered = [(a, b) for a in numbers for b in numbers]
    return (
        [pair for pair in ordered if tuple(sorted(pair)) not in hidden],
        [pair for pair in ordered if tuple(sorted(pair)) in hidden],
    )
