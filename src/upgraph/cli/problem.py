"""``upgraph problem``: what a reference in a log or an error means, where there is no web to look it up."""

import difflib

import click

from upgraph.errors import UserError
from upgraph.errors.problems import every_problem
from upgraph.errors.problems.service import PROBLEM_UNKNOWN


@click.command(
    epilog="""
\b
Examples:
  upgraph problem
  upgraph problem listing-shrunk
"""
)
@click.argument("reference", required=False)
def problem(reference: str | None) -> None:
    """Explain the problem with this REFERENCE, or list all of them."""
    known = {one.reference: one for problems in every_problem().values() for one in problems}
    if reference is None:
        width = max(map(len, known))
        for one in known.values():
            click.echo(f"{one.reference:{width}}  {one.title}")
        return
    if reference not in known:
        close = difflib.get_close_matches(reference, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UserError(PROBLEM_UNKNOWN, f"no problem has the reference {reference!r}{hint}")
    one = known[reference]
    click.echo(f"{one.title}\n\nWhy it matters: {one.why}\n\nWhat to do: {one.remedy}")
