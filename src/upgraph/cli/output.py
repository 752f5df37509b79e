"""How commands print: as a table for people, as JSON or YAML for programs."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import click
import msgspec

from upgraph.errors import Finding, Severity, encodable

F = TypeVar("F", bound=Callable[..., Any])


class Format(StrEnum):
    """A form of output."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    DOT = "dot"
    TEXT = "text"
    SARIF = "sarif"


FORMATS = (Format.TABLE, Format.JSON, Format.YAML)


def output_option(formats: Sequence[Format]) -> Callable[[F], F]:
    """The option ``-o`` with the forms that a command has; the first is the default."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice([one.value for one in formats]),
        default=formats[0].value,
        callback=lambda _context, _parameter, value: Format(value),
        show_default=True,
        help="Form of the output.",
    )


def show_findings(findings: Iterable[Finding]) -> None:
    """Print on standard error what was found wrong and did not stop the work."""
    for finding in findings:
        if finding.severity is not Severity.INFO:
            seen = printable(str(finding))
            click.echo(f"{finding.severity.name.lower()}: {seen} [{finding.reference}]", err=True)


def emit(rows: Sequence[Mapping[str, object]], form: Format) -> None:
    """Print rows of the same keys."""
    if form in (Format.TABLE, Format.WIDE):
        print_table(rows)
    else:
        emit_document(rows, form)


def emit_document(document: object, form: Format) -> None:
    """Print a document as JSON or YAML."""
    if form is Format.YAML:
        # Here, because the process that serves imports this module as well.
        import yaml  # noqa: PLC0415

        plain = msgspec.to_builtins(document)
        yaml.safe_dump(plain, sys.stdout, sort_keys=False, allow_unicode=True, width=100)
    else:
        encoded = msgspec.json.format(_encoded(document), indent=2)
        sys.stdout.write(encoded.decode() + "\n")


def _encoded(document: object) -> bytes:
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        # Names on a disk may be no UTF-8, which JSON cannot say.
        return msgspec.json.encode(_encodable(msgspec.to_builtins(document)))


def _encodable(value: object) -> object:
    if isinstance(value, dict):
        return {encodable(str(key)): _encodable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    return encodable(value) if isinstance(value, str) else value


def printable(text: str) -> str:
    """Text from elsewhere, which must not move the cursor or begin a line of its own."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _cell(value: object) -> str:
    # Whatever is shown may come from elsewhere; a cell of ours may have several lines.
    return "\n".join(map(printable, str(value).split("\n")))


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows as a table; lines are folded on a terminal only."""
    # Here, because most commands print no table, and rich takes a tenth of a second to load.
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in rows[0] if rows else ():
        table.add_column(printable(name.upper()), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = 10_000
    console.print(table)
