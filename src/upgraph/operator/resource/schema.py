"""Pieces of a structural schema, as definitions of resources hold them (OpenAPI v3 with the extensions of Kubernetes).

Every text, list and table has a longest length: the API server estimates what a rule in CEL may cost at worst from these
numbers, and refuses a definition whose rules it cannot bound. Before Kubernetes 1.34 it does not heed the length of an amount.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from upgraph.kube.objects import Object
from upgraph.operator.resource import value_rules
from upgraph.operator.resource.rule import Rule

MAX_OBJECT_NAME_CHARACTERS = 253
"""Longest name of an object (RFC 1123 subdomain)."""


def text(description: str, longest: int, *, rules: Sequence[Rule[str]] = (), **more: object) -> Object:
    """A text of at most ``longest`` characters; ``more`` are fields of the schema such as ``pattern``."""
    return _ruled({"description": description, "type": "string", "maxLength": longest, **more}, rules)


def choice(description: str, values: Sequence[str], default: str) -> Object:
    """One of a few words."""
    return {"description": description, "type": "string", "enum": list(values), "default": default}


def object_name(description: str) -> Object:
    """The name of an object that the resource refers to."""
    return text(description, MAX_OBJECT_NAME_CHARACTERS, rules=value_rules.OBJECT_NAME)


def object_name_or_none(description: str) -> Object:
    """The name of an object that the resource refers to; empty as Kubernetes writes that there is none."""
    return text(description, MAX_OBJECT_NAME_CHARACTERS, rules=value_rules.OBJECT_NAME_OR_NONE)


def moment(description: str) -> Object:
    """A time in RFC 3339."""
    return {"description": description, "type": "string", "format": "date-time"}


def whole(description: str, *, wide: bool = False, **more: object) -> Object:
    """A whole number, of 64 bits if ``wide``; ``more`` are fields of the schema such as ``minimum``."""
    return {"description": description, "type": "integer", "format": "int64" if wide else "int32", **more}


def switch(description: str, **more: object) -> Object:
    """True or false."""
    return {"description": description, "type": "boolean", **more}


def quantity(description: str, *, rules: Sequence[Rule[Any]] = ()) -> Object:
    """An amount as Kubernetes writes it: ``500m``, ``1Gi``."""
    return _ruled(_number_or_text(description), (*value_rules.AMOUNT, *rules))


def quantity_in_a_map(description: str) -> Object:
    """An amount as Kubernetes writes it, without rules in CEL: API servers before 1.34 find them too costly in a map."""
    return {**_number_or_text(description), "minimum": 0, "pattern": value_rules.AMOUNT_PATTERN}


def listed(description: str, item: Object, most: int, **more: object) -> Object:
    """A list of at most ``most`` items; ``more`` are fields of the schema such as ``x-kubernetes-list-type``."""
    return {"description": description, "type": "array", "items": item, "maxItems": most, **more}


def mapping(description: str, value: Object, most: int, *, rules: Sequence[Rule[Any]] = ()) -> Object:
    """Values of one kind by free names, at most ``most``."""
    schema: Object = {
        "description": description,
        "type": "object",
        "additionalProperties": value,
        "maxProperties": most,
    }
    return _ruled(schema, rules)


def table(
    description: str,
    properties: Mapping[str, Object],
    *,
    required: Sequence[str] = (),
    rules: Sequence[Rule[Any]] = (),
) -> Object:
    """Fields with names of their own."""
    schema: Object = {"description": description, "type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    return _ruled(schema, rules)


def anything(description: str) -> Object:
    """What another definition describes: it is kept as it is, and judged where it is used."""
    return {"description": description, "type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _number_or_text(description: str) -> Object:
    return {
        "description": description,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "maxLength": 64,
        "x-kubernetes-int-or-string": True,
    }


def _ruled(schema: Object, rules: Sequence[Rule[Any]]) -> Object:
    if rules:
        schema["x-kubernetes-validations"] = [rule.validation for rule in rules]
    return schema
