"""How a command says that something went wrong."""

import logging

import click

from upgraph.cli.output import printable
from upgraph.errors import UpgraphError

INTERRUPTED = 130
UNEXPECTED = 1


def report(error: Exception) -> int:
    """Show an error on standard error; gives the exit code."""
    if isinstance(error, UpgraphError):
        click.echo(describe(error), err=True)
        return error.exit_code
    if isinstance(error, click.exceptions.Abort):
        return INTERRUPTED
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    logging.getLogger(__name__).critical(
        "an unexpected error ended the command; please report it", exc_info=error
    )
    return UNEXPECTED


def describe(error: UpgraphError) -> str:
    """What was seen, why it matters, what to do, and under which reference the documentation has it.

    What was seen may quote whoever is at fault, so it is shown on one line and moves no cursor.
    """
    return "\n".join(
        [
            f"{click.style('error:', fg='red', bold=True)} {printable(error.seen)}",
            f"  why it matters: {error.problem.why}",
            f"  what to do:     {printable(error.remedy)}",
            f"  reference:      {error.reference} (upgraph problem {error.reference})",
        ]
    )
