"""Two language-model heads, compared from hidden states, a block of tokens at a time.

Logits of all tokens are a hundred times the hidden states from which they come. Here they exist for
one block of tokens at a time (`relentropy._array.by_token_blocks`), and their gradients likewise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from relentropy import _array
from relentropy._array import Head
from relentropy._divergences import check_weight, jensen_shannon
from relentropy._labels import read_values
from relentropy._scalar import INF, log_softmax_at
from relentropy._verbs import entropy, log_of_base, relative_entropy
from relentropy.distributions.discrete import Logits

Array = Any
Direction = Literal["forward", "reverse"]
Quantity = Literal[
    "relative_entropy",
    "reverse_relative_entropy",
    "jensen_shannon",
    "entropy_p",
    "entropy_q",
    "token_log_prob_p",
    "token_log_prob_q",
]

BLOCK = 1 << 25
"""Logits of one head in work at once, unless `chunk` says how many tokens: 128 MiB of float32."""


class LinearDivergences(NamedTuple):
    """What `linear_divergences` was asked for, one value a token each; None for what it was not."""

    relative_entropy: Array | None = None
    """D(P||Q)."""
    reverse_relative_entropy: Array | None = None
    """D(Q||P)."""
    jensen_shannon: Array | None = None
    """w D(P||M) + (1-w) D(Q||M), M = wP + (1-w)Q."""
    entropy_p: Array | None = None
    """H(P)."""
    entropy_q: Array | None = None
    """H(Q)."""
    token_log_prob_p: Array | None = None
    """log P(token)."""
    token_log_prob_q: Array | None = None
    """log Q(token)."""


SIDES: Mapping[str, str] = {
    "relative_entropy": "pq",
    "reverse_relative_entropy": "pq",
    "jensen_shannon": "pq",
    "entropy_p": "p",
    "entropy_q": "q",
    "token_log_prob_p": "p",
    "token_log_prob_q": "q",
}
"""Whose logits a quantity is computed from."""


def linear_relative_entropy(
    hidden_p: Any,
    weight_p: Any,
    hidden_q: Any,
    weight_q: Any,
    /,
    *,
    bias_p: Any = None,
    bias_q: Any = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    direction: Direction = "forward",
    chunk: int | None = None,
    base: float | None = None,
) -> Array:
    """D(P||Q) of two language-model heads at each token, straight from the hidden states.

    Of each head, in this order,

        logits = softcap · tanh((hidden @ weight.T + bias) / softcap) / temperature

    without the tanh where there is no softcap; P and Q are their softmax. The logits exist for
    `chunk` tokens at a time, never for all, and neither do their gradients.

    Args:
        hidden_p: hidden states of P, (..., tokens, features), or (features,) for one token.
        weight_p: the last layer of P, (vocabulary, features), as `torch.nn.Linear.weight`.
        hidden_q: of Q, for the same tokens; its features may be another number.
        weight_q: of Q, for the same vocabulary in the same order.
        bias_p: (vocabulary,), added to the logits; -inf rules a cell out, softcap or not.
        bias_q: of Q.
        temperature: divides the logits of both; positive.
        softcap: bounds the logits of both, as Gemma's are; None for no bound.
        direction: "forward" for D(P||Q), "reverse" for D(Q||P).
        chunk: tokens in a block, at most; None for as many as make 2²⁵ logits of one head, which
            are 128 MiB of float32.
        base: base of the logarithm; nats by default, 2 for bits.

    Returns:
        One value a token, (..., tokens), in the framework of the arguments: float64 where one of
        them is, else float32. Half precision is widened before the product, so that logits are
        sums of exact products in float32. Exactly 0 for equal heads; +inf where P has mass and Q
        none; NaN for a row that is no distribution (NaN or +inf in it, or nothing but -inf),
        where NumPy raises. Gradients, on PyTorch and JAX, flow to hidden states, weights and biases
        of both heads, are summed in the dtype of the result, and cost nothing for a side that
        wants none. [Heads](../heads.md) has memory, time, and what compiles.

    Raises:
        TypeError: integers, mixed frameworks, arrays of TensorFlow or tinygrad.
        ValueError: shapes or devices that do not belong together, a temperature or softcap that is
            not positive, an unknown direction, a chunk below 1, a row that is no distribution on
            NumPy.

    Examples:
        >>> import numpy as np
        >>> from relentropy import linear_relative_entropy
        >>> rng = np.random.default_rng(0)
        >>> hidden, weight = rng.normal(size=(5, 8)), rng.normal(size=(1000, 8))
        >>> linear_relative_entropy(hidden, weight, hidden, weight).tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0]
        >>> linear_relative_entropy(hidden, weight, hidden / 2, weight, chunk=2).shape
        (5,)

    Source: Cover & Thomas, Elements of Information Theory, 2nd ed., eq. 2.26; Hsu et al., "Liger
    Kernel" (arXiv 2410.10989), section 3.2, for heads by blocks of tokens.
    """
    if direction not in ("forward", "reverse"):
        raise ValueError(f"direction is {direction!r}; expected 'forward', D(P||Q), or 'reverse'")
    (value,) = _quantities(
        ["relative_entropy" if direction == "forward" else "reverse_relative_entropy"],
        {"hidden_p": hidden_p, "weight_p": weight_p, "bias_p": bias_p},
        {"hidden_q": hidden_q, "weight_q": weight_q, "bias_q": bias_q},
        None,
        _Settings(temperature, softcap, base),
        chunk,
    )
    return value


def linear_divergences(
    hidden_p: Any,
    weight_p: Any,
    hidden_q: Any,
    weight_q: Any,
    /,
    *,
    of: Sequence[Quantity],
    tokens: Any = None,
    mixture_weight: float = 0.5,
    bias_p: Any = None,
    bias_q: Any = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    chunk: int | None = None,
    base: float | None = None,
) -> LinearDivergences:
    """Several quantities of two language-model heads from one pass over their logits.

    | in `of` | value at each token |
    |---|---|
    | "relative_entropy" | D(P‖Q) |
    | "reverse_relative_entropy" | D(Q‖P) |
    | "jensen_shannon" | w D(P‖M) + (1-w) D(Q‖M), M = wP + (1-w)Q, w = `mixture_weight` |
    | "entropy_p", "entropy_q" | H(P), H(Q) |
    | "token_log_prob_p", "token_log_prob_q" | log P(token), log Q(token) |

    What is not asked for is not computed; nor is the head that is in none of the quantities.

    Args:
        hidden_p: as the other arguments that are not here, as for `linear_relative_entropy`.
        weight_p: likewise.
        hidden_q: likewise.
        weight_q: likewise.
        of: the quantities wanted.
        tokens: for the last two, the tokens drawn: integers in 0 ... vocabulary - 1, (..., tokens).
        mixture_weight: w in [0, 1], of P in the mixture.
        bias_p: likewise.
        bias_q: likewise.
        temperature: likewise; of all quantities.
        softcap: likewise.
        chunk: likewise.
        base: likewise; of all quantities.

    Returns:
        A `LinearDivergences`, in which what was not asked for is None. Values and gradients are
        those of the verb of the name. log P(token) is -inf where the token is ruled out.

    Raises:
        TypeError: as `linear_relative_entropy`; tokens that are not integers.
        ValueError: likewise; an unknown or no quantity, tokens missing or not asked for, a token
            outside the vocabulary (padding such as -100 must be replaced by any token, and its
            value dropped), a mixture_weight outside [0, 1].

    Examples:
        >>> import numpy as np
        >>> from relentropy import linear_divergences
        >>> rng = np.random.default_rng(0)
        >>> hidden, weight = rng.normal(size=(5, 8)), rng.normal(size=(1000, 8))
        >>> found = linear_divergences(
        ...     hidden, weight, hidden / 2, weight, of=["entropy_p", "entropy_q"], base=2
        ... )
        >>> bool((found.entropy_p < found.entropy_q).all())
        True
        >>> found.relative_entropy is None
        True

    """
    names: list[str] = [of] if isinstance(of, str) else list(dict.fromkeys(of))
    unknown = [name for name in names if name not in SIDES]
    if unknown or not names:
        raise ValueError(
            f"of is {(unknown[0] if unknown else names)!r}; expected some of "
            f"{', '.join(map(repr, SIDES))}"
        )
    check_weight(mixture_weight)
    values = _quantities(
        names,
        {"hidden_p": hidden_p, "weight_p": weight_p, "bias_p": bias_p},
        {"hidden_q": hidden_q, "weight_q": weight_q, "bias_q": bias_q},
        tokens,
        _Settings(temperature, softcap, base, mixture_weight),
        chunk,
    )
    return LinearDivergences(**dict(zip(names, values, strict=True)))


class _Settings(NamedTuple):
    temperature: float
    softcap: float | None
    base: float | None
    mixture_weight: float = 0.5


def _quantities(
    of: Sequence[str],
    p: Mapping[str, Any],
    q: Mapping[str, Any],
    tokens: Any,
    settings: _Settings,
    chunk: int | None,
) -> tuple[Array, ...]:
    """The quantities of the two heads, checked and in blocks of tokens."""
    log_of_base(settings.base)
    _positive(settings.temperature, "temperature")
    if settings.softcap is not None:
        _positive(settings.softcap, "softcap")
    heads = dict(zip("pq", _checked_heads(p, q), strict=True))
    hidden, weight, _ = heads["p"]
    rows = _checked_tokens(of, tokens, hidden, weight.shape[0])
    sides = [side for side in heads if any(side in SIDES[name] for name in of)]
    values = _Values(tuple(of), "".join(sides), settings)
    xp = _array.namespace(hidden)
    flat = [
        Head(xp.reshape(h, (-1, h.shape[-1])), w, b) for h, w, b in map(heads.__getitem__, sides)
    ]
    most = max(1, BLOCK // weight.shape[0]) if chunk is None else _whole(chunk)
    with _array.quiet(hidden):
        found = _array.by_token_blocks(values, flat, rows, most, len(of))
    shaped = (xp.reshape(value, tuple(hidden.shape[:-1])) for value in found)
    return tuple(x[()] if _array.is_numpy(x) else x for x in shaped)


@dataclass(frozen=True)
class _Values:
    """The quantities of rows of logits. Equal where they are the same: JAX compiles them once."""

    of: tuple[str, ...]
    sides: str
    settings: _Settings

    def __call__(self, *given: Array) -> tuple[Array, ...]:
        logits, rows = given[: len(self.sides)], given[len(self.sides) :]
        z = {
            side: Logits(_logits(x, self.settings))
            for side, x in zip(self.sides, logits, strict=True)
        }
        return tuple(_VALUES[name](z, self.settings, *rows) for name in self.of)


def _logits(z: Array, settings: _Settings) -> Array:
    """Bounded and divided; a cell that is ruled out stays so."""
    xp = _array.namespace(z)
    if settings.softcap is not None:
        out = z == -INF
        bounded = settings.softcap * xp.tanh(xp.where(out, 0.0, z) / settings.softcap)
        z = xp.where(out, -INF, bounded)
    return z if settings.temperature == 1 else z / settings.temperature


def _token_log_prob(z: Logits, settings: _Settings, tokens: Array) -> Array:
    value = log_softmax_at(_array.namespace(z.values), z.values, tokens)
    return value if settings.base is None else value / log_of_base(settings.base)


_VALUES: Mapping[str, Callable[..., Array]] = {
    "relative_entropy": lambda z, s, *_: relative_entropy(z["p"], z["q"], base=s.base),
    "reverse_relative_entropy": lambda z, s, *_: relative_entropy(z["q"], z["p"], base=s.base),
    "jensen_shannon": lambda z, s, *_: jensen_shannon(
        z["p"], z["q"], weight=s.mixture_weight, base=s.base
    ),
    "entropy_p": lambda z, s, *_: entropy(z["p"], base=s.base),
    "entropy_q": lambda z, s, *_: entropy(z["q"], base=s.base),
    "token_log_prob_p": lambda z, s, tokens: _token_log_prob(z["p"], s, tokens),
    "token_log_prob_q": lambda z, s, tokens: _token_log_prob(z["q"], s, tokens),
}


def _checked_heads(*given: Mapping[str, Any]) -> list[Head]:
    """Hidden states, weight and bias of each head, as arrays that belong together."""
    read = [
        {name: x if x is None else _floating(x, name) for name, x in one.items()} for one in given
    ]
    arrays = {name: x for one in read for name, x in one.items() if x is not None}
    _array.namespace(*arrays.values())
    _one_device(arrays)
    heads = [Head(*one.values()) for one in read]
    for head, names in zip(heads, given, strict=True):
        _fit(head, *names)
    p, q = heads
    if p.weight.shape[0] != q.weight.shape[0]:
        raise ValueError(
            f"weight_p has {p.weight.shape[0]} rows and weight_q {q.weight.shape[0]}; expected one "
            "vocabulary in one order: if one is padded, cut it, "
            f"[:{min(p.weight.shape[0], q.weight.shape[0])}]"
        )
    if p.hidden.shape[:-1] != q.hidden.shape[:-1]:
        raise ValueError(
            f"hidden_p has shape {tuple(p.hidden.shape)} and hidden_q {tuple(q.hidden.shape)}; "
            "expected the same but for the last number: both heads at the same tokens"
        )
    return heads


def _floating(x: Any, name: str) -> Array:
    if _array.framework(x) is None:
        x = read_values(x, name)[0]
    _array.require_full_support(x, name)
    _array.require_floating(x, name)
    return x


def _one_device(given: Mapping[str, Array]) -> None:
    """JAX says so itself, where it knows."""
    (first, x), *others = given.items()
    if _array.framework(x) != "torch":
        return
    for name, y in others:
        if y.device != x.device:
            raise ValueError(
                f"{name} is on {y.device} and {first} on {x.device}; expected one device: "
                f"{name}.to({str(x.device)!r}) moves it"
            )


def _fit(head: Head, hidden_name: str, weight_name: str, bias_name: str) -> None:
    """The shapes of one head."""
    hidden, weight = tuple(head.hidden.shape), tuple(head.weight.shape)
    if len(weight) != 2 or weight[0] == 0:
        raise ValueError(
            f"{weight_name} has shape {weight}; expected (vocabulary, features), as "
            "torch.nn.Linear.weight"
        )
    vocabulary, features = weight
    if not hidden or hidden[-1] != features:
        turned = f": is it {weight_name}.T that you mean?" if hidden[-1:] == (vocabulary,) else ""
        raise ValueError(
            f"{hidden_name} has shape {hidden} and {weight_name} {weight}; expected "
            f"(..., tokens, {features}) and (vocabulary, {features}){turned}"
        )
    if head.bias is not None and tuple(head.bias.shape) != (vocabulary,):
        raise ValueError(
            f"{bias_name} has shape {tuple(head.bias.shape)}; expected ({vocabulary},), one number "
            f"for each row of {weight_name}"
        )


def _checked_tokens(of: Sequence[str], tokens: Any, hidden: Array, vocabulary: int) -> list[Array]:
    """The tokens in one axis, if there are any."""
    asked = [name for name in of if name.startswith("token")]
    if tokens is None and not asked:
        return []
    if tokens is None or not asked:
        raise ValueError(
            f"of has {asked[0]!r}, which needs tokens=..."
            if asked
            else "tokens are given, and nothing in of is about them; ask for 'token_log_prob_q'"
        )
    if _array.framework(tokens) is None:
        tokens = read_values(tokens, "tokens")[0]
    xp = _array.namespace(hidden, tokens)
    if not _array.is_integer(tokens):
        raise TypeError(f"tokens has dtype {_array.dtype_name(tokens)}; expected integers")
    if tuple(tokens.shape) != tuple(hidden.shape[:-1]):
        raise ValueError(
            f"tokens has shape {tuple(tokens.shape)} and hidden_p {tuple(hidden.shape)}; expected "
            f"{tuple(hidden.shape[:-1])}, one for each hidden state"
        )
    outside = xp.any((tokens < 0) | (tokens >= vocabulary))
    if _array.known(outside):
        raise ValueError(
            f"tokens has entries outside 0 ... {vocabulary - 1}; replace padding such as -100 by "
            "any token, and drop its value"
        )
    return [_array.positions_from(xp.reshape(tokens, (-1,)))]


def _positive(x: float, name: str) -> None:
    if not 0 < x < INF:
        raise ValueError(f"{name} is {x}; expected a positive number")


def _whole(chunk: int) -> int:
    if isinstance(chunk, bool) or not isinstance(chunk, int):
        raise TypeError(f"chunk is {chunk!r}; expected a whole number of tokens, or None")
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; expected at least 1 token, or None")
    return chunk
