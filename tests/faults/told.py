"""Words about a fault whose test is a text of its own and no row of a table, for the page of faults."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])

_KEY = "told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What users are told of a fault. Texts are Markdown, and become a row of the page of faults."""

    fault: str
    """What is wrong, as a user would say it."""
    seen: str
    """The reference that the status port and the log name, or what else tells of it."""
    clients: str
    """What clients see."""
    heals: str
    """What ends it."""


def told(*, fault: str, seen: str, clients: str, heals: str) -> Callable[[T], T]:
    """Put the fault that a test tries on the page of faults, in the section of the ``FAMILY`` of its module."""

    def note(test: T) -> T:
        test.__dict__[_KEY] = Told(fault=fault, seen=seen, clients=clients, heals=heals)
        return test

    return note


def told_in(module: ModuleType) -> Iterator[Told]:
    """All that is told in a module, in the order in which it stands there."""
    for value in vars(module).values():
        members = vars(value).values() if isinstance(value, type) else (value,)
        for member in members:
            noted = getattr(member, "__dict__", {}).get(_KEY)
            if isinstance(noted, Told) and getattr(member, "__module__", "") == module.__name__:
                yield noted
