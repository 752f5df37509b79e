"""What no cluster takes in the small parts of an UpdateService, wherever they stand: names, keys, amounts, taints.

Without these rules the API server would take such a resource, and refuse what is made of it. They are about the values as
JSON has them, so that :mod:`upgraph.operator.resource.conformity` finds them by the schema, as the API server does.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from upgraph.operator.resource.names import MAX_LABEL_CHARACTERS
from upgraph.operator.resource.quantity import FACTORS, amount
from upgraph.operator.resource.rule import LABEL, Rule, fits, matching, quoted

AMOUNT_PATTERN = r"^[+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?$"
"""What an amount that is written as text looks like."""
_QUALIFIED = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
_LABEL_KEY = rf"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{_QUALIFIED}"
_ANNOTATION_KEY = rf"^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?/)?{_QUALIFIED}"
_STANDARD_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_NUMBER = r"(0|[1-9][0-9]*|[*])"
_VERSION = rf"({_NUMBER}[.]{_NUMBER}[.]{_NUMBER}|({_NUMBER}[.])?[*])(-[0-9A-Za-z.*-]+)?([+][0-9A-Za-z.-]+)?"
_NO_UNITS = ("K", "ni", "ui", "mi", "ki")
"""What the short expression for units finds beside them."""
_OPERATORS = ("", "Exists", "Equal", "Lt", "Gt")
_EFFECTS = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")

_OBJECT_NAME = rf"^{LABEL}([.]{LABEL})*$"
_NO_OBJECT_NAME = "must be the name of an object: lower case letters, digits, - and . alone, with a letter or a digit at both ends"
OBJECT_NAME = (fits(_OBJECT_NAME, _NO_OBJECT_NAME),)
"""About the name of an object that a field refers to (RFC 1123 subdomain)."""

OBJECT_NAME_OR_NONE = (fits(f"^$|{_OBJECT_NAME}", _NO_OBJECT_NAME),)
"""About the name of an object in a field where Kubernetes takes an empty text for none, as it does for classes."""

NAMESPACE_NAME = (
    fits(
        rf"^{LABEL}$",
        "must be the name of a namespace: lower case letters, digits and - alone, with a letter or a digit at both ends",
    ),
)


def namespace_fault(name: str) -> str | None:
    """Why no cluster has a namespace of this name; None if one can."""
    if len(name) > MAX_LABEL_CHARACTERS:
        return f"has {len(name)} characters, the name of a namespace may have {MAX_LABEL_CHARACTERS}"
    return next((rule.message for rule in NAMESPACE_NAME if not rule.holds(name)), None)


DATA_KEY = (
    fits(
        "^([-_a-zA-Z0-9]|[.][-_a-zA-Z0-9])[-._a-zA-Z0-9]*$",
        "must be a key that a ConfigMap can have: letters, digits, -, _ and . alone, and not .. at its beginning",
    ),
)
"""About the key of a ConfigMap."""


def _keys_fit(pattern: str, message: str) -> Rule[Mapping[str, Any]]:
    expression, holds = matching(pattern, "key")
    return Rule(f"self.all(key, {expression})", message, lambda table: all(map(holds, table)))


LABEL_KEYS = (
    _keys_fit(
        _LABEL_KEY,
        "has a key that no label can have: NAME or DOMAIN/NAME, where NAME has at most 63 letters, digits, -, _ and ., "
        "and a letter or a digit at both ends",
    ),
)
"""About labels by their keys."""

_OWN_LABELS = ("app", "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by")
FREE_LABEL_KEYS: tuple[Rule[Mapping[str, Any]], ...] = (
    *LABEL_KEYS,
    Rule(
        " && ".join(f"!('{key}' in self)" for key in _OWN_LABELS),
        f"has a label by which the operator says whose an object is ({', '.join(_OWN_LABELS)}): take another key",
        lambda table: not table.keys() & set(_OWN_LABELS),
    ),
)
"""About labels beside those that the operator sets, by their keys."""

ANNOTATION_KEYS = (
    _keys_fit(
        _ANNOTATION_KEY,
        "has a key that no annotation can have: NAME or DOMAIN/NAME, where NAME has at most 63 letters, digits, -, _ "
        "and ., and a letter or a digit at both ends",
    ),
)
"""About annotations by their keys."""

LABEL_VALUE = (
    fits(
        r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
        "is a value that no label can have: at most 63 letters, digits, -, _ and ., with a letter or a digit at both ends",
    ),
)
"""About the value of a label or a taint."""

TAINT_KEY = (
    fits(
        rf"^$|{_LABEL_KEY}",
        "is a key that no taint can have: NAME or DOMAIN/NAME, where NAME has at most 63 letters, digits, -, _ and ., "
        "and a letter or a digit at both ends",
    ),
)

TOLERATION: tuple[Rule[Mapping[str, Any]], ...] = (
    Rule(
        f"!has(self.operator) || self.operator in {list(_OPERATORS)}",
        "operator must be Exists or Equal, or Lt or Gt where the cluster compares taints",
        lambda one: one.get("operator", "") in _OPERATORS,
    ),
    Rule(
        f"!has(self.effect) || self.effect in {list(_EFFECTS)}",
        "effect must be NoSchedule, PreferNoSchedule or NoExecute; without one all are tolerated",
        lambda one: one.get("effect", "") in _EFFECTS,
    ),
    Rule(
        "(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')",
        "needs a key, or operator: Exists, which without a key tolerates every taint",
        lambda one: bool(one.get("key")) or one.get("operator") == "Exists",
    ),
    Rule(
        "!has(self.value) || self.value == '' || !has(self.operator) || self.operator != 'Exists'",
        "operator Exists looks at no value: remove value, or choose operator: Equal",
        lambda one: not one.get("value") or one.get("operator") != "Exists",
    ),
    Rule(
        "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        "tolerationSeconds needs effect: NoExecute, as no other effect ends a pod that runs",
        lambda one: "tolerationSeconds" not in one or one.get("effect") == "NoExecute",
    ),
)
"""About one toleration."""

AN_AMOUNT = 'an amount that is not negative, as Kubernetes writes it: 500m, "0.5", 64Mi or 1Gi'
AMOUNT: tuple[Rule[object], ...] = (
    Rule(
        f"type(self) == int ? self >= 0 : self.matches({quoted(AMOUNT_PATTERN)})",
        f"must be {AN_AMOUNT}",
        lambda value: value >= 0 if isinstance(value, int) else _is_amount(value),
    ),
)
"""About a quantity in a field of its own: for one in a map the rule would cost too much (see :data:`RESOURCES`)."""

SIZE: tuple[Rule[object], ...] = (
    Rule(
        # The digits before an exponent are what can be nothing at all.
        "type(self) == int ? self != 0 : !self.matches(r'^[+]?[0.]+([^0-9.]|$)')",
        "must be more than nothing, for example 1Gi",
        lambda value: (
            value != 0 if isinstance(value, int) else not matching("^[+]?[0.]+([^0-9.]|$)")[1](str(value))
        ),
    ),
)
"""About the size of a volume."""


def _is_amount(value: object) -> bool:
    return isinstance(value, str) and matching(AMOUNT_PATTERN)[1](value)


RESOURCE_NAMES: tuple[Rule[Mapping[str, Any]], ...] = (
    Rule(
        f"self.all(key, key in {list(_STANDARD_RESOURCES)} || key.startsWith('hugepages-') || key.contains('/'))",
        "has a resource that no container can have: cpu, memory and ephemeral-storage are known, hugepages-SIZE, and "
        "DOMAIN/NAME of a device",
        lambda table: all(
            key in _STANDARD_RESOURCES or key.startswith("hugepages-") or "/" in key for key in table
        ),
    ),
)
"""About amounts by the resource."""


def _worth(quantity: str, *, otherwise: Decimal) -> str:
    """In CEL: the number that a quantity stands for; ``otherwise`` is how much its unit is if there is no such unit."""
    units = {**dict.fromkeys(_NO_UNITS, otherwise), **FACTORS}
    factors = ", ".join(f"'{suffix}': {float(factor)!r}" for suffix, factor in units.items())
    number = rf"double('0' + string({quantity}).find(r'\d*\.?\d+(\.?[eE][+-]?\d+)?'))"
    return f"{number} * {{{factors}}}[string({quantity}).find(r'[numkKMGTPE]i?$')]"


def _is_within(name: str, resources: Mapping[str, Any]) -> bool:
    request = amount(resources.get("requests", {}).get(name, "0"))
    limit = amount(resources.get("limits", {}).get(name, "Infinity"))
    # What is no amount is told by its pattern.
    return request is None or limit is None or request <= limit * Decimal("1.000001")


RESOURCES: tuple[Rule[Mapping[str, Any]], ...] = tuple(
    Rule(
        f"!has(self.requests) || !has(self.limits) || !('{name}' in self.requests) || !('{name}' in self.limits) || "
        # What is no amount is told by its pattern, and must neither fail nor be told here as well.
        # A request that is as much as the limit, in another unit, may come out a little larger.
        + _worth(f"self.requests['{name}']", otherwise=Decimal(0))
        + " <= "
        + _worth(f"self.limits['{name}']", otherwise=Decimal("1e99"))
        + " * 1.000001",
        f"requests {name} is more than limits {name}: no more can be reserved than may be used",
        partial(_is_within, name),
    )
    for name in _STANDARD_RESOURCES
)
"""About requests and limits together.

API servers before Kubernetes 1.34 take an amount, which is a number or a text, for a text of 3 MiB whatever ``maxLength``
says, and refuse the whole definition if one rule may cost too much. So the patterns here are as short as they can be, each is
used as seldom as possible, and no amount in a map is judged by a rule of its own: it has a ``pattern``.
"""

VERSION_LINE = (
    fits(
        rf"^[ \t]*({_VERSION})?[ \t\r]*(#[^\n]*)?$",
        "must be a version such as 4.18.3, or a pattern such as 4.18.*, 4.18.0-rc.* or 4.*+amd64",
    ),
)
"""About one entry of a list of versions. It costs most of what an API server allows a rule, as a list may be long."""

ALL: tuple[Rule[Any], ...] = (
    *OBJECT_NAME,
    *OBJECT_NAME_OR_NONE,
    *NAMESPACE_NAME,
    *DATA_KEY,
    *FREE_LABEL_KEYS,
    *ANNOTATION_KEYS,
    *LABEL_VALUE,
    *TAINT_KEY,
    *TOLERATION,
    *AMOUNT,
    *SIZE,
    *RESOURCE_NAMES,
    *RESOURCES,
    *VERSION_LINE,
)
"""Every rule of this module."""
