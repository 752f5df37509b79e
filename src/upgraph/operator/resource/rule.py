"""One rule about a part of an UpdateService, once for the API server in CEL and once as a check here.

Only functions are used that every API server since Kubernetes 1.26 has and can reckon with: an amount is taken
apart by regular expressions, for example, since ``quantity()`` came later. To 1.25 the cost of ``split`` and ``find`` has no bound.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from upgraph.kube.objects import Object

T = TypeVar("T")

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
"""One label of a name of the DNS, in lower case (RFC 1123)."""
PORT = "0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
"""A number from 1 to 65535."""


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """One rule about a part of an UpdateService."""

    expression: str
    """The rule in CEL, about ``self``."""
    message: str
    """What is wrong and what to write instead, without the path of the part."""
    holds: Callable[[T], bool]
    """The same rule, about the part as it is read here."""

    @property
    def validation(self) -> Object:
        """The rule as an entry of ``x-kubernetes-validations``."""
        return {"rule": self.expression, "message": self.message}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A rule that an UpdateService breaks."""

    path: str
    """For example ``spec.exposure``."""
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def matching(pattern: str, what: str = "self") -> tuple[str, Callable[[str], bool]]:
    """That a text has a place which fits the pattern: in CEL, about ``what``, and as a check."""
    # In Python `$` also stands before a line end; for the API server it is the end alone.
    compiled = re.compile(pattern.replace("$", r"\Z"))
    return f"{what}.matches({quoted(pattern)})", lambda text: compiled.search(text) is not None


def quoted(pattern: str) -> str:
    """A raw string of CEL: what has a backslash here has one there."""
    return f"r'{pattern}'"


def fits(pattern: str, message: str) -> Rule[str]:
    """The rule that a text has a place which fits."""
    expression, holds = matching(pattern)
    return Rule(expression, message, holds)


def lacks(pattern: str, message: str) -> Rule[str]:
    """The rule that a text has no place which fits."""
    expression, matches = matching(pattern)
    return Rule(f"!{expression}", message, lambda text: not matches(text))


def where(pattern: str, wanted: str, message: str) -> Rule[str]:
    """The rule that a text which fits ``pattern`` fits ``wanted`` too."""
    (is_met, meets), (is_good, good) = matching(pattern), matching(wanted)
    return Rule(f"!{is_met} || {is_good}", message, lambda text: not meets(text) or good(text))
