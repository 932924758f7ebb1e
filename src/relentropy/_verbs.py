"""The verbs."""
from relentropy._convert import prepare
from relentropy import _array
from relentropy._rules import rule_between
def relative_entropy(p, q, /, *, axis=-1, where=None, base=None):
    pair = prepare(p, q, axis=axis, where=where)
    xp = _array.namespace(pair.p.values)
    with _array.quiet(pair.p.values):
        value = rule_between(type(pair.p), type(pair.q)).function(pair.p, pair.q)
    if pair.valid is not None:
        value = xp.where(pair.valid, value, float("nan"))
    return value
