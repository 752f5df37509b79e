"""``upgraph config``: what is configured, and where each value comes from."""

from pathlib import Path

import click

from upgraph.cli.output import FORMATS, Format, emit, output_option
from upgraph.cli.settings import in_force, setting_options
from upgraph.service.configuration import SETTINGS


@click.group(
    epilog="""
\b
Examples:
  upgraph config show
"""
)
def config() -> None:
    """Show the configuration."""


@config.command(
    epilog="""
\b
Examples:
  upgraph config show --config /etc/upgraph/upgraph.toml
  UPGRAPH_LISTEN=:8081 upgraph config show -o json
"""
)
@setting_options()
@output_option(FORMATS)
def show(config: tuple[Path, ...], output: Format, **flags: object) -> None:
    """Print the configuration that is in force, with passwords masked.

    Takes the same flags, environment and files as `upgraph serve`.
    """
    found = in_force(config, flags)
    rows = [
        {
            "setting": one.name,
            "value": one.show(getattr(found.configuration, field)),
            "origin": found.origins[one.name],
        }
        for field, one in SETTINGS.items()
    ]
    emit(rows, output)
