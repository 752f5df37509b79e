"""Whether an object fits the definition of its resource, beyond the types: lengths, patterns, words, numbers, values. Pure.

The API server judges by the same schema. Only those keywords are known that :mod:`upgraph.operator.resource.schema` writes; types
were judged when the object was read. Of rules those about values are known, which stand at many fields; rules about one part
are in :mod:`upgraph.operator.resource.rules`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from upgraph.kube.objects import Object
from upgraph.operator.resource import value_rules
from upgraph.operator.resource.rule import Fault, Rule

_Check = Callable[[Any, Any], str | None]


def misfits(schema: Object, value: Any, path: str) -> Iterator[Fault]:  # noqa: ANN401  # JSON
    """What of a value the schema does not allow.

    Args:
        schema: of the value.
        value: as JSON has it.
        path: of the value, for example ``spec.exposure``.
    """
    for keyword, check in _CHECKS.items():
        if keyword in schema and (said := check(schema[keyword], value)) is not None:
            yield Fault(path, said)
    if isinstance(value, Mapping):
        yield from _below(schema, value, path)
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from misfits(schema["items"], item, f"{path}[{number}]")


def _below(schema: Object, value: Mapping[str, Any], path: str) -> Iterator[Fault]:
    for name, inner in value.items():
        if (below := schema.get("properties", {}).get(name)) is not None:
            yield from misfits(below, inner, f"{path}.{name}")
        elif (free := schema.get("additionalProperties")) is not None:
            yield from misfits(free, inner, f"{path}[{name}]")


def _longest(most: int, value: object) -> str | None:
    if not isinstance(value, str) or len(value) <= most:
        return None
    return f"has {len(value)} characters, {most} are allowed"


def _shortest(least: int, value: object) -> str | None:
    # No text needs more than one.
    return "must not be empty" if isinstance(value, str) and len(value) < least else None


def _pattern(pattern: str, value: object) -> str | None:
    # In Python `$` also stands before a line end; for the API server it is the end alone.
    if not isinstance(value, str) or re.search(pattern.replace("$", r"\Z"), value):
        return None
    if pattern == value_rules.AMOUNT_PATTERN:
        return f"{value[:100]!r} must be {value_rules.AN_AMOUNT}"
    return f"{value[:100]!r} does not match {pattern}"


def _word(words: Sequence[str], value: object) -> str | None:
    return None if value in words else f"must be one of {', '.join(words)}"


def _least(least: int, value: object) -> str | None:
    return f"is {value}, at least {least} is needed" if isinstance(value, int) and value < least else None


def _most(most: int, value: object) -> str | None:
    return f"is {value}, at most {most} is allowed" if isinstance(value, int) and value > most else None


def _items(most: int, value: Sequence[object]) -> str | None:
    return f"has {len(value)} items, {most} are allowed" if len(value) > most else None


def _fewest(least: int, value: Sequence[object]) -> str | None:
    return "must not be empty" if len(value) < least else None


def _list_type(kind: str, value: Sequence[object]) -> str | None:
    twice = next((one for one in value if value.count(one) > 1), None) if kind == "set" else None
    return None if twice is None else f"names {twice!r} twice"


def _rules(validations: Sequence[Object], value: object) -> str | None:
    broken = (_RULES[one["rule"]] for one in validations if one["rule"] in _RULES)
    return next((rule.message for rule in broken if not rule.holds(value)), None)


_RULES: Mapping[str, Rule[Any]] = {rule.expression: rule for rule in value_rules.ALL}
_CHECKS: Mapping[str, _Check] = {
    "maxLength": _longest,
    "minLength": _shortest,
    "pattern": _pattern,
    "enum": _word,
    "minimum": _least,
    "maximum": _most,
    "maxItems": _items,
    "minItems": _fewest,
    "maxProperties": _items,
    "x-kubernetes-list-type": _list_type,
    "x-kubernetes-validations": _rules,
}
