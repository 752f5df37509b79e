"""``upgraph doctor``: why the service cannot read its sources, and what mends it."""

import asyncio
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import cast

import click

from upgraph.cli.output import Format, emit_document, output_option, printable
from upgraph.cli.running_service import started_with
from upgraph.cli.settings import configuration, setting_options
from upgraph.service.doctor import Check, Diagnosis, Result, diagnosis_of, examine

FOUND = 3
"""Exit code if a check failed."""

_WIDE = 10_000
"""Columns where nobody looks: lines are for programs then."""
_NARROW = 40
"""Fewest columns of a text."""
_COLOURS = {Result.OK: "green", Result.WARNING: "yellow", Result.ERROR: "red"}
_EXAMPLES = """
\b
Examples:
  upgraph doctor --config /etc/upgraph/upgraph.toml
  upgraph doctor --releases docker://registry.example:5000/ocp/release \\
      --graph-data /srv/graph-data \\
      --ca /etc/pki/registry.pem --authfile /run/secrets/pull-secret.json
  upgraph doctor --config upgraph.toml --only tls --only login
  kubectl -n openshift-update-service exec deployment/NAME -- upgraph doctor --running 1

Exit codes: 0 nothing fails (there may be warnings), 2 the configuration cannot be used, 3 a check failed.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("place", required=False, metavar="[BUNDLE]")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Run the checks of this name, and those that they need. Can be given several times.",
)
@click.option(
    "--running",
    type=click.IntRange(min=1),
    metavar="PID",
    help="Take arguments, variables and working directory of the `upgraph serve` that is this process; 1 in a container. "
    "What is given here as well is stronger.",
)
@output_option((Format.TEXT, Format.JSON, Format.YAML))
@setting_options()
def doctor(
    *,
    place: str | None,
    only: tuple[str, ...],
    running: int | None,
    output: Format,
    config: tuple[Path, ...],
    **flags: object,
) -> int:
    """Check every step on the way to the sources of the service.

    Give what you give to `upgraph serve`, by flags, variables or files, or --running, and run it where the service runs. For each
    source: proxy, name, connection, certificates, clock, login, listing, one release; graph data is read and checked;
    addresses, state directory and limits of this machine are looked at. Nothing is changed. For everything that is
    wrong it prints what was seen, why it matters, what mends it, and how to check that it is mended.
    """
    flags["bundle"] = place or flags["bundle"]
    with _as_started(running, config, flags) as (files, settings, environment):
        chosen = configuration(files, settings, environment)
        diagnosis = diagnosis_of(asyncio.run(examine(chosen, environment, only=only)))
    if output is Format.TEXT:
        show(diagnosis)
    else:
        emit_document(diagnosis, output)
    return FOUND if diagnosis.result is Result.ERROR else 0


@contextmanager
def _as_started(
    running: int | None, config: tuple[Path, ...], flags: dict[str, object]
) -> Iterator[tuple[tuple[Path, ...], dict[str, object], Mapping[str, str]]]:
    """The configuration files, flags and variables that count, in the directory where relative paths begin."""
    if running is None:
        yield config, flags, os.environ
        return
    started = started_with(running)
    of_service = dict(started.flags)
    place, files = of_service.pop("place"), of_service.pop("config")
    of_service["bundle"] = place or of_service["bundle"]
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    with chdir(started.directory):
        yield config or cast("tuple[Path, ...]", files), of_service | given, started.variables


def show(diagnosis: Diagnosis) -> None:
    """Print checks for people, and how to run some of them again."""
    show_checks(diagnosis)
    if diagnosis.result is not Result.OK:
        click.echo("upgraph doctor --only NAME takes the same flags, variables and files as this call.")


def show_checks(diagnosis: Diagnosis) -> None:
    """Print checks for people, those of one subject together."""
    width = max((len(check.name) for check in diagnosis.checks), default=0)
    subjects = dict.fromkeys(check.subject for check in diagnosis.checks)
    for subject in subjects:
        click.secho(printable(subject), bold=True)
        for check in diagnosis.checks:
            if check.subject == subject:
                _show_check(check, width)
        click.echo()
    counts = ", ".join(f"{number} {result}" for result, number in diagnosis.counts.items())
    click.echo(f"{len(diagnosis.checks)} checks: {counts}")


def _show_check(check: Check, width: int) -> None:
    word = click.style(f"{check.result.value:8}", fg=_COLOURS.get(check.result), bold=bool(check.reference))
    indent = " " * (width + 13)
    _show_text(f"  {word} {check.name:{width}}  ", check.seen, indent)
    if not check.reference:
        return
    _show_text(f"{indent}why it matters: ", check.why, f"{indent}  ")
    _show_text(f"{indent}what to do: ", check.remedy, f"{indent}  ")
    _show_commands(check.repair, indent)
    click.echo(f"{indent}how to check it:")
    _show_commands(check.verify, indent)
    click.echo(f"{indent}reference: {check.reference}")


def _show_text(label: str, text: str, indent: str) -> None:
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDE
    lines = textwrap.wrap(
        printable(text), max(_NARROW, columns - len(indent)), break_long_words=False, break_on_hyphens=False
    )
    click.echo(label + f"\n{indent}".join(lines))


def _show_commands(commands: Sequence[str], indent: str) -> None:
    # Never broken into lines: they are meant to be copied.
    for command in commands:
        click.echo(f"{indent}  $ {printable(command)}")
