"""One setting: what it is called in flags, environment and files, what it means, and how its text is read.

Flags, the configuration file, `config show` and the reference page are all made from these descriptions,
so none of them can forget one.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from upgraph.errors import UserError
from upgraph.errors.problems.service import SETTING_INVALID

_DURATION = re.compile(r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})

T = TypeVar("T")

PREFIX = "UPGRAPH_"
"""How the names of all environment variables begin."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The description of one setting."""

    name: str
    """Name in files, and behind ``--`` as a flag: kebab-case."""
    read: Callable[[str], Any]
    """From text to value; raises ValueError with what is wrong."""
    default: Any
    metavar: str
    """What kind of value it takes, as help shows it."""
    help: str
    many: bool = False
    """Whether it can be given several times."""
    is_joined: bool = False
    """Whether one value may hold several, separated by commas, wherever it is given: no single one can have a comma."""
    choices: tuple[str, ...] = ()

    @property
    def environment(self) -> str:
        """Name of the environment variable."""
        return PREFIX + self.name.replace("-", "_").upper()

    @property
    def is_switch(self) -> bool:
        """Whether the flag takes no value."""
        return self.read is switch

    def value_of(self, given: object, origin: str) -> object:
        """The value of what was given in a flag, the environment or a file.

        Raises:
            UserError: it cannot be read; the message names ``origin``.
        """
        try:
            if self.many:
                return tuple(self.read(_text(item)) for item in self._single(given))
            return self.read(_text(given))
        except ValueError as error:
            raise UserError(SETTING_INVALID, f"{origin}: {self.name} is {given!r}, but {error}") from error

    def _single(self, given: object) -> Iterable[object]:
        items = _items(given)
        if not self.is_joined:
            return items
        parts = [_items(_text(item)) for item in items]
        if not all(parts):
            # A variable of a shell that is empty must not take a requirement away.
            raise ValueError("a value is needed")
        # What is named twice is meant once.
        return dict.fromkeys(one for part in parts for one in part)

    def show(self, value: object) -> str:
        """A value as text that can be given again, with passwords in addresses masked."""
        if value is None:
            return ""
        if isinstance(value, tuple):
            return ", ".join(map(_shown, value))
        return _shown(value)


def setting(
    default: T,
    read: Callable[[str], T],
    help_text: str,
    *,
    metavar: str = "TEXT",
    choices: Sequence[str] = (),
) -> T:
    """A field of a configuration that takes one value."""
    about = {"read": read, "metavar": metavar, "help": help_text, "many": False, "choices": tuple(choices)}
    return field(default=default, metadata=about)


def settings(
    read: Callable[[str], T], help_text: str, *, metavar: str = "TEXT", is_joined: bool = False
) -> tuple[T, ...]:
    """A field of a configuration that can be given several times."""
    about = {"read": read, "metavar": metavar, "help": help_text, "many": True, "is_joined": is_joined}
    return field(default=(), metadata=about)


def settings_of(configuration: type) -> Mapping[str, Setting]:
    """The settings of a configuration class by the name of their field, in the order of the class."""
    return {
        one.name: Setting(name=one.name.replace("_", "-"), default=one.default, **one.metadata)
        for one in fields(configuration)
    }


def text(value: str) -> str:
    """Any text but an empty one."""
    if not value.strip():
        raise ValueError("a value is needed")
    return value.strip()


def masked(value: str) -> str:
    """A text in which user and password of an address, and values of its query, do not show."""
    without_user = re.sub(r"(?<=://)[^/\s]*@", "***@", value)
    return re.sub(r"(://[^?\s]*)\?[^\s]*", r"\1?***", without_user)


def optional_text(value: str) -> str | None:
    """Any text; an empty one is no value."""
    return value.strip() or None


def a_path(value: str) -> Path:
    """A path."""
    return Path(text(value)).expanduser()


def optional_path(value: str) -> Path | None:
    """A path; an empty one is no value."""
    return Path(value).expanduser() if value.strip() else None


def switch(value: str) -> bool:
    """Yes or no."""
    lowered = value.strip().lower()
    if lowered not in _TRUE | _FALSE:
        raise ValueError("true or false is expected")
    return lowered in _TRUE


def seconds(value: str) -> float:
    """A time of more than nothing: ``300``, ``300s``, ``5m`` or ``1h30m``; a bare number is seconds."""
    match = _DURATION.fullmatch(value.strip())
    if match is None or not value.strip():
        raise ValueError("a time such as 300s, 5m or 1h30m is expected")
    total = sum(float(amount) * _UNITS[unit] for unit, amount in match.groupdict().items() if amount)
    if total <= 0:
        raise ValueError("a time above zero is expected")
    return total


def optional_seconds(value: str) -> float | None:
    """A time as :func:`seconds`; empty or ``off`` is none."""
    try:
        return None if value.strip().lower() in {"", "off"} else seconds(value)
    except ValueError as error:
        raise ValueError(f"{error}; off for none") from error


def between(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def read(value: str) -> int:
        if not re.fullmatch(r"\d{1,9}", value.strip()) or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high} is expected")
        return int(value)

    return read


def share(value: str) -> float:
    """A number from 0 to 1."""
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError("a number from 0 to 1 is expected")
    return number


def one_of(*choices: str) -> Callable[[str], str]:
    """One of a few words."""

    def read(value: str) -> str:
        if value.strip().lower() not in choices:
            raise ValueError(f"one of {', '.join(choices)} is expected")
        return value.strip().lower()

    return read


def _items(given: object) -> Sequence[object]:
    if isinstance(given, str):
        return [item.strip() for item in re.split(r"[,\n]", given) if item.strip()]
    return given if isinstance(given, (list, tuple)) else [given]


def _text(given: object) -> str:
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, (str, int, float)):
        return str(given)
    raise ValueError("a text or a number is expected")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return masked(f"{value:g}" if isinstance(value, float) else str(value))
