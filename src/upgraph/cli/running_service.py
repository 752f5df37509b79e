"""What a service that runs on this machine was started with: its arguments, variables and working directory."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from upgraph.cli.serve import serve
from upgraph.errors import UserError
from upgraph.errors.problems.service import SERVICE_NOT_FOUND

_MAX_BYTES = 2 * 1024 * 1024
"""Largest arguments or variables; the kernel allows as much for both together by default."""


@dataclass(frozen=True, slots=True)
class Started:
    """How `upgraph serve` was started."""

    flags: Mapping[str, object]
    """Its arguments, as `upgraph serve` reads them."""
    variables: Mapping[str, str]
    directory: Path
    """What relative paths begin at."""


def started_with(process: int) -> Started:
    """What a process was started with; Linux shows it to the same user and to root.

    Raises:
        UserError: there is no such process, it may not be looked at, or it is no `upgraph serve`.
    """
    place = Path("/proc", str(process))
    try:
        words, variables = _texts(place / "cmdline"), _texts(place / "environ")
        directory = (place / "cwd").resolve(strict=True)
    except OSError as error:
        seen = f"process {process} cannot be looked at: {error.strerror}"
        raise UserError(SERVICE_NOT_FOUND, seen) from error
    if "serve" not in words:
        seen = f"process {process} is {' '.join(words)[:200] or 'a part of the kernel'!r}"
        raise UserError(SERVICE_NOT_FOUND, seen)
    arguments = words[words.index("serve") + 1 :]
    try:
        flags = serve.make_context("serve", arguments).params
    except click.ClickException as error:
        seen = f"process {process} has arguments that this version does not know: {error.message}"
        raise UserError(SERVICE_NOT_FOUND, seen) from error
    pairs = (text.partition("=") for text in variables)
    return Started(flags, {name: value for name, _, value in pairs}, directory)


def _texts(file: Path) -> list[str]:
    with file.open("rb") as source:
        content = source.read(_MAX_BYTES)
    return [os.fsdecode(text) for text in content.removesuffix(b"\0").split(b"\0")]
