"""The programs ``graph-builder``, ``policy-engine`` and ``metadata-helper``: the flags and files of the originals, our service."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from upgraph import __version__
from upgraph.cli.serve import serve_configuration
from upgraph.service.cincinnati import Option, Translation
from upgraph.service.configuration import Configuration
from upgraph.service.log import start_logging
from upgraph.service.origins import read_toml

_log = logging.getLogger(__name__)

Translate = Callable[[Mapping[str, str], Mapping[str, Any]], Translation]


def program(
    name: str,
    help_text: str,
    options: Sequence[Option],
    translate: Translate,
    run: Callable[[Configuration], None] = serve_configuration,
) -> click.Command:
    """A command with the flags of one of the originals.

    Args:
        name: name of the program.
        help_text: what it does.
        options: its keys.
        translate: gives our configuration for its flags and file.
        run: serves under that configuration until the process is told to end.
    """

    def serve(config: Path | None, verbose: int, **given: str | None) -> None:
        flags = {option.key: value for option in options if (value := given[_field(option)]) is not None}
        if verbose:
            flags["verbosity"] = "v" * verbose
        translation = translate(flags, read_toml(config) if config else {})
        chosen = translation.configuration
        start_logging(chosen.log_format, chosen.log_level)
        for warning in translation.warnings:
            _log.warning("%s", warning)
        run(chosen)

    command: click.Command = click.command(name, help=help_text)(serve)
    command.params += [
        click.Option(
            ["-c", "config"],
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="PATH",
            help="TOML file.",
        ),
        click.Option(["-v", "verbose"], count=True, help="More log lines: -v info, -vv debug."),
        *(_flag(option) for option in options if option.key != "verbosity"),
        click.Option(["--verbosity", _field(options[0])], hidden=True),
    ]
    return click.version_option(__version__, "-V", "--version", prog_name=name)(command)


def _field(option: Option) -> str:
    return option.key.replace(".", "_")


def _flag(option: Option) -> click.Option:
    note = "" if option.has_effect else "No effect. "
    default = f"[default: {option.default}]" if option.default else ""
    return click.Option([*option.flags, _field(option)], help=f"{note}{default}", metavar="VALUE")
