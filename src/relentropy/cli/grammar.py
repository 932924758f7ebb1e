"""The grammar of a specification such as ``Normal(0, 1)``, ``[1/3, 2/3]`` or ``{a: .5, b: .5}``.

Text becomes a tree of numbers, lists, mappings and calls; nothing is looked up or run. Numbers
may be written as arithmetic (``1/3``, ``2*pi``, ``10**-3``), which is done here in floats. Each
part of the tree knows where it stands in the text, so that an error can point at it.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

LONGEST = 100_000
"""Characters in a specification."""
DEEPEST = 20
"""Brackets within brackets."""

CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e, "inf": math.inf, "∞": math.inf}

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<number>(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+\-−]?\d+)?)
  | (?P<word>[^\W\d]\w*|∞)
  | (?P<string>"[^"]*"|'[^']*'|“[^”]*”|‘[^’]*’)
  | (?P<sign>\*\*|[-−+*/()\[\]{},:=])
    """,
    re.VERBOSE,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class Span(NamedTuple):
    """A part of the text."""

    start: int
    end: int


class SpecificationError(ValueError):
    """What is wrong with a specification, and where."""

    def __init__(self, message: str, at: Span) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True)
class Number:
    """A number; `source` is the text in which it stands."""

    value: float
    source: str = field(repr=False)
    at: Span

    def __str__(self) -> str:
        """As it was typed."""
        return " ".join(self.source[slice(*self.at)].split())


@dataclass(frozen=True)
class Many:
    """A list in square or round brackets."""

    items: list["Tree"]
    at: Span

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.items))}]"


@dataclass(frozen=True)
class Label:
    """A name of a cell: a word, a quoted text or a number."""

    value: str | float
    at: Span


@dataclass(frozen=True)
class Mapping:
    """Cells by name."""

    items: list[tuple[Label, "Tree"]]
    at: Span

    def __str__(self) -> str:
        return f"{{{', '.join(f'{label.value}: {value}' for label, value in self.items)}}}"


@dataclass(frozen=True)
class Call:
    """A name with arguments; `bare` where no brackets followed it."""

    name: str
    named: Span
    arguments: list["Tree"]
    keywords: list[tuple[Label, "Tree"]]
    bare: bool
    at: Span

    def __str__(self) -> str:
        if self.bare:
            return self.name
        parts = [str(x) for x in self.arguments]
        parts += [f"{label.value}={value}" for label, value in self.keywords]
        return f"{self.name}({', '.join(parts)})"


Tree = Number | Many | Mapping | Call


def parse(text: str) -> Tree:
    """The tree of a specification; a SpecificationError points at what cannot be read."""
    if len(text) > LONGEST:
        raise SpecificationError(
            f"{len(text):,} characters are too long; at most {LONGEST:,} are read",
            Span(LONGEST, LONGEST + 1),
        )
    parser = _Parser(text, _tokens(text))
    tree = parser.sum()
    if parser.kind != "end":
        if isinstance(tree, Call) and tree.bare:
            raise parser.unexpected(f'"(" after {tree.name}')
        raise parser.unexpected("an operator or the end")
    return tree


class _Token(NamedTuple):
    kind: str
    text: str
    at: Span


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise SpecificationError(_stranger(text[place]), Span(place, place + 1))
        place = match.end()
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(_Token(kind, match[kind].replace("−", "-"), Span(*match.span())))
    return [*found, _Token("end", "", Span(len(text), len(text) + 1))]


def _stranger(character: str) -> str:
    if character in "\"'“‘":
        return "this quote is never closed"
    what = {
        ".": "a dot belongs to a number; names have none",
        ";": "separate by commas",
        "%": "write a share instead of per cent: 0.5 for 50 %",
        "^": "write ** for a power",
        "·": "write * for a product",
        "×": "write * for a product",
        "∥": "give P and Q as two arguments",
        "‖": "give P and Q as two arguments",
        "|": "give P and Q as two arguments",
    }
    hint = what.get(character, "expected a name, a number, a list or a mapping")
    return f'"{character}" is not understood: {hint}'


@dataclass
class _Parser:
    """Recursive descent: one method a kind of expression, the loosest first."""

    text: str
    tokens: list[_Token]
    place: int = 0
    opened: list[_Token] = field(default_factory=list)
    depth: int = 0

    @property
    def now(self) -> _Token:
        return self.tokens[self.place]

    @property
    def kind(self) -> str:
        """What comes: a sign itself, otherwise number, word, string or end."""
        return self.now.text if self.now.kind == "sign" else self.now.kind

    def take(self) -> _Token:
        token = self.now
        self.place += token.kind != "end"
        return token

    def unexpected(self, expected: str) -> SpecificationError:
        if self.kind == "end" and self.opened:
            opening = self.opened[-1]
            return SpecificationError(f'this "{opening.text}" is never closed', opening.at)
        got = f'"{self.now.text}"' if self.kind != "end" else "the end"
        return SpecificationError(f"expected {expected}, got {got}", self.now.at)

    def sum(self) -> Tree:
        return self._chain(self.product, "+", "-")

    def product(self) -> Tree:
        return self._chain(self.signed, "*", "/")

    def _chain(self, part: Callable[[], Tree], *signs: str) -> Tree:
        left = part()
        while self.kind in signs:
            sign = self.take()
            left = self._number(left, sign, part())
        return left

    def signed(self) -> Tree:
        signs = []
        while self.kind in ("+", "-"):
            signs.append(self.take())
        value = self.power()
        if not signs:
            return value
        if not isinstance(value, Number):
            raise _no_arithmetic(value, signs[-1])
        minus = sum(sign.text == "-" for sign in signs) % 2
        at = Span(signs[0].at.start, value.at.end)
        return Number(-value.value if minus else value.value, self.text, at)

    def power(self) -> Tree:
        base = self.atom()
        if self.kind != "**":
            return base
        sign = self.take()
        with _Deeper(self, sign.at):
            return self._number(base, sign, self.signed())

    def _number(self, left: Tree, sign: _Token, right: Tree) -> Number:
        for side in (left, right):
            if not isinstance(side, Number):
                raise _no_arithmetic(side, sign)
        assert isinstance(left, Number)
        assert isinstance(right, Number)
        at = Span(left.at.start, right.at.end)
        value = _calculated(left.value, sign.text, right.value, at)
        return Number(value, self.text, at)

    def atom(self) -> Tree:
        match self.kind:
            case "number":
                return self.number()
            case "word":
                return self.word()
            case "[" | "(":
                return self.many()
            case "{":
                return self.mapping()
        if self.kind == "string":
            raise SpecificationError("only names of cells go in quotes", self.now.at)
        raise self.unexpected("a value" if self.place else "a distribution")

    def number(self) -> Number:
        token = self.take()
        digits = token.text.replace("_", "")
        whole = digits.isdigit() and len(digits) < 16
        value = int(digits) if whole else float(digits)
        if value == math.inf:
            raise SpecificationError(
                f"{token.text} exceeds the largest number, 1.8e308; write inf for infinity",
                token.at,
            )
        return Number(value, self.text, token.at)

    def word(self) -> Tree:
        token = self.take()
        if self.kind != "(":
            if token.text in CONSTANTS:
                return Number(CONSTANTS[token.text], self.text, token.at)
            return Call(token.text, token.at, [], [], True, token.at)
        arguments: list[Tree] = []
        keywords: list[tuple[Label, Tree]] = []
        seen: set[str | float] = set()

        def argument() -> None:
            if self.kind == "word" and self.tokens[self.place + 1].text == "=":
                label = self.label()
                self.take()
                _require_new(label, seen)
                keywords.append((label, self.sum()))
                return
            if keywords:
                raise SpecificationError(
                    "a parameter without a name cannot follow one with a name", self.now.at
                )
            arguments.append(self.sum())

        end, _ = self.bracketed(argument)
        at = Span(token.at.start, end)
        return Call(token.text, token.at, arguments, keywords, False, at)

    def many(self) -> Tree:
        """A list; round brackets round one number only group."""
        opening = self.now
        items: list[Tree] = []
        end, commas = self.bracketed(lambda: items.append(self.sum()))
        at = Span(opening.at.start, end)
        if opening.text == "(" and len(items) == 1 and not commas:
            inner = items[0]
            if isinstance(inner, Number):
                return Number(inner.value, self.text, at)
            return inner
        return Many(items, at)

    def mapping(self) -> Mapping:
        start = self.now.at.start
        items: list[tuple[Label, Tree]] = []
        seen: set[str | float] = set()

        def pair() -> None:
            label = self.label()
            _require_new(label, seen)
            if self.kind != ":":
                raise self.unexpected(f'":" and a number after {label.value}')
            self.take()
            items.append((label, self.sum()))

        end, _ = self.bracketed(pair)
        return Mapping(items, Span(start, end))

    def label(self) -> Label:
        start = self.now.at.start
        minus = self.kind == "-" and self.take()
        token = self.now
        if token.kind == "number":
            value = self.number().value
            return Label(-value if minus else value, Span(start, token.at.end))
        if minus or token.kind not in ("word", "string"):
            raise self.unexpected("the name of a cell")
        self.take()
        return Label(token.text[1:-1] if token.kind == "string" else token.text, token.at)

    def bracketed(self, item: Callable[[], None]) -> tuple[int, int]:
        """Items up to the closing bracket; where it ends, and how many commas there were."""
        opening = self.take()
        closing, commas = _CLOSING[opening.text], 0
        self.opened.append(opening)
        with _Deeper(self, opening.at):
            while self.kind != closing:
                item()
                if self.kind == ",":
                    self.take()
                    commas += 1
                elif self.kind != closing:
                    raise self.unexpected(f'"," or "{closing}"')
        self.opened.pop()
        return self.take().at.end, commas


class _Deeper:
    """One level further in."""

    def __init__(self, parser: _Parser, at: Span) -> None:
        self.parser, self.at = parser, at

    def __enter__(self) -> None:
        self.parser.depth += 1
        if self.parser.depth > DEEPEST:
            raise SpecificationError(f"nested more than {DEEPEST} deep", self.at)

    def __exit__(self, *_: object) -> None:
        self.parser.depth -= 1


def _require_new(label: Label, seen: set[str | float]) -> None:
    if label.value in seen:
        raise SpecificationError(f"{label.value} is given twice", label.at)
    seen.add(label.value)


def _no_arithmetic(what: Tree, sign: _Token) -> SpecificationError:
    hint = ""
    if isinstance(what, Call) and what.bare:
        constants = ", ".join(name for name in CONSTANTS if name.isascii())
        hint = f"; the named numbers are {constants}"
    return SpecificationError(
        f'"{sign.text}" goes with numbers only, not with {what}{hint}', what.at
    )


def _calculated(a: float, sign: str, b: float, at: Span) -> float:
    """Arithmetic in floats; whole numbers stay whole where they are exact."""
    try:
        value = _OPERATIONS[sign](float(a), float(b))
    except ZeroDivisionError:
        raise SpecificationError("this divides by 0", at) from None
    except OverflowError:
        value = math.inf
    if isinstance(value, complex) or math.isnan(value):
        raise SpecificationError("this is not a real number", at)
    if math.isinf(value) and not (math.isinf(a) or math.isinf(b)):
        raise SpecificationError(
            "this exceeds the largest number, 1.8e308; write inf for infinity", at
        )
    whole = isinstance(a, int) and isinstance(b, int) and sign != "/"
    return int(value) if whole and value.is_integer() and abs(value) < 2**53 else value


_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}
