"""``upgraph release diff``: what is different between two releases."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from upgraph.cli.images import Opener
from upgraph.cli.output import FORMATS, Format, emit_document, output_option, print_table, printable
from upgraph.cli.release.opening import Opened, read_opened
from upgraph.cli.settings import access_options, configuration
from upgraph.payload import Change, Difference, compare

_EXAMPLES = """
\b
Examples:
  upgraph release diff registry.example:5000/ocp/release:4.18.1-x86_64 \\
      registry.example:5000/ocp/release:4.18.2-x86_64
  upgraph release diff oci:old:4.18.1 oci:new:4.18.2 -o json
"""
_SHOWN = 19
"""Characters of a digest in a table: the algorithm and twelve digits."""


@click.command(epilog=_EXAMPLES)
@click.argument("before", metavar="FROM")
@click.argument("after", metavar="TO")
@click.option("--arch", metavar="NAME", help="Image of an index to read. [default: amd64, or the first]")
@access_options
@output_option(FORMATS)
def diff(
    before: str, after: str, arch: str | None, output: Format, config: tuple[Path, ...], **flags: object
) -> None:
    """Compare metadata, components and manifests of two releases.

    Components are compared by digest, so a release and its copy in another registry are the same. Exit code 0
    whether or not there is a difference.
    """
    opener = Opener(configuration(config, flags))
    first, second = asyncio.run(_read(opener, before, after, arch))
    found = compare(first.payload, second.payload)
    if output is Format.TABLE:
        _show(first, second, found)
    else:
        sides = {"from": _side(first), "to": _side(second)}
        emit_document({**sides, "identical": found.is_empty, **asdict(found)}, output)


async def _read(opener: Opener, before: str, after: str, arch: str | None) -> tuple[Opened, Opened]:
    return await read_opened(opener, before, arch), await read_opened(opener, after, arch)


def _side(one: Opened) -> dict[str, str]:
    config = one.payload.member.config
    return {
        "name": one.payload.references.name,
        "image": one.pull_spec,
        "created": config.created,
        "platform": f"{config.os}/{config.architecture}",
        "version": one.payload.version,
    }


def _show(first: Opened, second: Opened, found: Difference) -> None:
    old, new = _side(first), _side(second)
    print_table([{"": key, "from": printable(old[key]), "to": printable(new[key])} for key in old])
    click.echo(f"Update from {printable(old['version'])}: {'yes' if found.can_update else 'no'}")
    if found.is_empty:
        click.echo("The releases are the same.")
        return
    for title, versions in (("added", found.previous_added), ("removed", found.previous_removed)):
        if versions:
            click.echo(f"Updates {title}: {', '.join(versions)}")
    _show_changes("Metadata", found.metadata)
    _show_changes("Versions", found.versions)
    _show_changes("Components", found.components)
    _show_changes("Manifests", found.manifests)


def _show_changes(title: str, changes: Sequence[Change]) -> None:
    if changes:
        rows = [
            {
                "what": _kind(change),
                title.lower(): printable(change.name),
                "from": _cut(change.before),
                "to": _cut(change.after),
            }
            for change in changes
        ]
        print_table(rows)


def _kind(change: Change) -> str:
    if change.before is None:
        return "added"
    return "removed" if change.after is None else "changed"


def _cut(value: str | None) -> str:
    if value is None:
        return "-"
    return value[:_SHOWN] if value.startswith("sha256:") else printable(value)
