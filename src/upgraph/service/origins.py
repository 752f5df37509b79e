"""Where settings come from, and which origin is the strongest: flags, environment, files, defaults.

What is misspelt in a file is an error; in the environment it can only be a warning, because not all that has
our prefix there is ours.
"""

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upgraph.errors import Finding, Severity, UserError
from upgraph.errors.problems.service import (
    CONFIGURATION_UNREADABLE,
    SETTING_UNKNOWN,
)
from upgraph.service.configuration import SETTINGS, Configuration
from upgraph.service.setting import PREFIX

MAX_FILE_BYTES = 1024 * 1024
"""Bytes of the largest configuration file."""

_CLOSE = 0.85
"""Likeness from which on one name is taken for another that is misspelt."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration, and where each of its values came from."""

    configuration: Configuration
    origins: Mapping[str, str]
    """By the name of the setting: ``default``, or which flag, variable or file."""
    findings: tuple[Finding, ...]
    """What looks like a setting and is none."""


def resolve(flags: Mapping[str, object], environment: Mapping[str, str], files: Iterable[Path]) -> Resolved:
    """Bring all origins together.

    Args:
        flags: values by the name of the field; None where a flag was not given.
        environment: the environment variables of the process.
        files: configuration files, later ones are stronger.

    Raises:
        UserError: a value cannot be read, a file is broken or has an unknown key.
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys((one.name for one in SETTINGS.values()), "default")
    fields = {one.name: field for field, one in SETTINGS.items()}
    for path in files:
        for name, given in read_toml(path).items():
            if name not in fields:
                raise _unknown(name, path)
            _set(values, origins, fields[name], given, f"file {path}")
    for field, one in SETTINGS.items():
        if one.environment in environment:
            _set(values, origins, field, environment[one.environment], f"variable {one.environment}")
    for field, given in flags.items():
        if given is not None and given != ():
            _set(values, origins, field, given, f"flag --{SETTINGS[field].name}")
    return Resolved(Configuration(**values), origins, tuple(_misspelt(environment)))


def _misspelt(environment: Mapping[str, str]) -> Iterator[Finding]:
    # No error: a Service of the name upgraph gives every pod around it variables of this prefix.
    known = [one.environment for one in SETTINGS.values()]
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            for close in difflib.get_close_matches(name, known, n=1, cutoff=_CLOSE):
                seen = f"the variable {name} is no setting and has no effect; did you mean {close}?"
                yield Finding(Severity.WARNING, SETTING_UNKNOWN, seen)


def _set(values: dict[str, Any], origins: dict[str, str], field: str, given: object, origin: str) -> None:
    values[field] = SETTINGS[field].value_of(given, origin)
    origins[SETTINGS[field].name] = origin


def read_toml(path: Path) -> Mapping[str, Any]:
    """The content of a TOML file.

    Raises:
        UserError: it cannot be read or is no TOML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise UserError(CONFIGURATION_UNREADABLE, f"{path} has more than {MAX_FILE_BYTES} bytes")
        return tomllib.loads(content.decode())
    except OSError as error:
        raise UserError(CONFIGURATION_UNREADABLE, f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(CONFIGURATION_UNREADABLE, f"{path} is no TOML: {error}") from error


def _unknown(name: str, path: Path) -> UserError:
    close = difflib.get_close_matches(name, [one.name for one in SETTINGS.values()], n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return UserError(SETTING_UNKNOWN, f"{path} has the key {name!r}, which is no setting{hint}")
