"""The settings of the service as options of a command."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from upgraph.cli.output import show_findings
from upgraph.service.configuration import SETTINGS, Configuration
from upgraph.service.origins import Resolved, resolve
from upgraph.service.setting import Setting

F = TypeVar("F", bound=Callable[..., Any])

CONFIG_VARIABLE = "UPGRAPH_CONFIG"
"""Environment variable with configuration files, separated as in PATH."""

ACCESS_SETTINGS = ("mirrors", "ca", "authfile", "authfile_search", "concurrency")
"""The settings that say how images are reached."""


def setting_options(*names: str) -> Callable[[F], F]:
    """Options for the named fields of the configuration, or for all of them, and ``--config``."""

    def decorate(function: F) -> F:
        decorated: F = _config_option()(function)
        for field in reversed(names or tuple(SETTINGS)):
            decorated = _option(field, SETTINGS[field])(decorated)
        return decorated

    return decorate


def access_options(function: F) -> F:
    """The options of commands that read images and ask for no other setting."""
    return setting_options(*ACCESS_SETTINGS)(function)


def in_force(
    config: tuple[Path, ...], flags: dict[str, object], environment: Mapping[str, str] = os.environ
) -> Resolved:
    """The configuration that flags, environment and files make together.

    Raises:
        UserError: a value cannot be read, a file is broken or has an unknown key.
    """
    files = config or tuple(
        Path(part) for part in environment.get(CONFIG_VARIABLE, "").split(os.pathsep) if part
    )
    found = resolve(flags, environment, files)
    show_findings(found.findings)
    return found


def configuration(
    config: tuple[Path, ...], flags: dict[str, object], environment: Mapping[str, str] = os.environ
) -> Configuration:
    """The values of :func:`in_force`."""
    return in_force(config, flags, environment).configuration


def _config_option() -> Callable[[F], F]:
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        multiple=True,
        metavar="FILE",
        help="TOML file with settings, named as the flags are. A later one is stronger. "
        f"[env: {CONFIG_VARIABLE}, several files separated by {os.pathsep}]",
    )


def _option(field: str, one: Setting) -> Callable[[F], F]:
    shown = one.show(one.default)
    suffix = f" [default: {shown}]" if shown and not one.is_switch else ""
    described = f"{one.help}{suffix} [env: {one.environment}]"
    if one.is_switch:
        return click.option(f"--{one.name}/--no-{one.name}", field, default=None, help=described)
    kind = click.Choice(one.choices) if one.choices else None
    return click.option(
        f"--{one.name}",
        field,
        default=None,
        type=kind,
        multiple=one.many,
        metavar=one.metavar,
        help=described,
    )
