"""Names of objects that commands write for clusters, as an option takes them."""

from collections.abc import Callable

import click

from upgraph.operator.resource.value_rules import OBJECT_NAME

_MAX_CHARACTERS = 240
"""Kubernetes takes 253; a number may follow."""


def object_name(kind: str) -> Callable[[click.Context, click.Parameter, str], str]:
    """The callback of an option: names that the API takes. Any other would be found out on the far side of a gap.

    Args:
        kind: of the object with its article, for messages.
    """

    def checked(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
        if len(name) > _MAX_CHARACTERS or not all(rule.holds(name) for rule in OBJECT_NAME):
            raise click.BadParameter(
                f"{name[:_MAX_CHARACTERS]!r} is no name of {kind}: clusters refuse it. Take small letters, digits,"
                f" '-' and '.', at most {_MAX_CHARACTERS}."
            )
        return name

    return checked
