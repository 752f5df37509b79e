"""``upgraph registry``: log in to a registry and out of it, and find out why an image cannot be pulled."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from upgraph.cli.doctor import FOUND, show_checks
from upgraph.cli.output import Format, emit_document, output_option, printable
from upgraph.cli.passwords import ask_password, ask_username
from upgraph.cli.settings import configuration, setting_options
from upgraph.errors import UserError
from upgraph.errors.problems.credentials import LOGIN_INPUT
from upgraph.oci import (
    Access,
    RegistryKey,
    check_login,
    default_place,
    forget_login,
    login_of,
    parse_image_name,
    save_login,
)
from upgraph.service.doctor import Result, diagnosis_of, examine_image

F = TypeVar("F", bound=Callable[..., Any])


@click.group(
    epilog="""
\b
Examples:
  upgraph registry login registry.example:5000
  upgraph registry check registry.example:5000/ocp/release:4.18.1-x86_64
"""
)
def registry() -> None:
    """Log in to registries, and test the way to an image."""


def _place_options(function: F) -> F:
    """Which registry, and in which file its login is."""
    decorated: F = click.option(
        "-a",
        "--to",
        "--registry-config",
        "place",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="File with the login. By default the one that podman writes: what REGISTRY_AUTH_FILE names, otherwise"
        " $XDG_RUNTIME_DIR/containers/auth.json.",
    )(function)
    decorated = click.option(
        "--registry", "named", metavar="HOST", help="The same as REGISTRY, as oc has it."
    )(decorated)
    return click.argument("registry", required=False, metavar="[REGISTRY[/PATH]]")(decorated)


@registry.command(
    epilog="""
\b
Examples:
  upgraph registry login registry.example:5000
  upgraph registry login registry.example:5000/ocp --username mirror --password-stdin < password
  upgraph registry login registry.example:5000 --ca registry.pem --to /etc/upgraph/auth.json
"""
)
@_place_options
@click.option("-u", "--username", metavar="NAME", help="Who logs in. Asked for on a terminal.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from standard input; a line break at its end is left out.",
)
@click.option(
    "--auth-basic",
    metavar="NAME:PASSWORD",
    help="Both together, as oc has it. Other users of this machine can see it while the command runs.",
)
@click.option("--skip-check", is_flag=True, help="Save the login without showing it to the registry.")
@setting_options("ca")
def login(  # noqa: PLR0913  # each is an option of the command
    *,
    registry: str | None,
    named: str | None,
    place: Path | None,
    username: str | None,
    auth_basic: str | None,
    config: tuple[Path, ...],
    password_stdin: bool,
    skip_check: bool,
    **flags: object,
) -> None:
    """Show a user name and a password to a registry, and keep them if it accepts them.

    Only the entry of this registry is changed; everything else in the file stays as it is. The file is replaced as a
    whole and only its owner can read it. Where the file names a credential helper for the registry, the helper gets
    the login. With a PATH the login counts for repositories below it. docker+http://HOST is a registry without TLS.
    """
    key = _key(registry, named)
    user, password = _login_input(key, username, auth_basic, from_input=password_stdin)
    given = login_of(key, user, password)
    if not skip_check:
        chosen = configuration(config, flags)
        access = Access.of(os.environ, search=False, ca=chosen.ca)
        if not asyncio.run(check_login(key, given, access)):
            click.echo(f"{key} does not ask for a login, so it could not be tried", err=True)
    kept = asyncio.run(save_login(place or default_place(os.environ, os.getuid()), given, os.environ))
    click.echo(f"Saved credentials for {key} into {kept}")


@registry.command(
    epilog="""
\b
Examples:
  upgraph registry logout registry.example:5000
  upgraph registry logout registry.example:5000/ocp --to /etc/upgraph/auth.json
"""
)
@_place_options
def logout(registry: str | None, named: str | None, place: Path | None) -> None:
    """Remove the login of a registry from a file, or from the credential helper that the file names.

    Everything else in the file stays as it is. Logins of paths below the registry are logins of their own.
    """
    key = _key(registry, named)
    kept = asyncio.run(forget_login(place or default_place(os.environ, os.getuid()), key, os.environ))
    click.echo(f"Removed credentials for {key} from {kept}")


@registry.command(
    epilog="""
\b
Examples:
  upgraph registry check registry.example:5000/ocp/release:4.18.1-x86_64
  upgraph registry check registry.example:5000/ocp/release --authfile auth.json --ca registry.pem

Exit codes: 0 nothing fails (there may be warnings), 2 the name or a setting cannot be used, 3 a check failed.
"""
)
@click.argument("image", metavar="IMAGE")
@output_option((Format.TEXT, Format.JSON, Format.YAML))
@setting_options("ca", "authfile", "authfile_search", "mirrors")
def check(image: str, output: Format, config: tuple[Path, ...], **flags: object) -> int:
    """Test every step of the way to an IMAGE: proxy, name, connection, certificate, clock, login, manifest, blob.

    Without a tag or a digest the way ends at the permission to read the repository. What `upgraph doctor` does for
    all sources of a service, this does for one image.
    """
    name = parse_image_name(image)
    chosen = configuration(config, flags)
    diagnosis = diagnosis_of(asyncio.run(examine_image(name, chosen, os.environ)))
    if output is Format.TEXT:
        show_checks(diagnosis)
    else:
        emit_document(diagnosis, output)
    return FOUND if diagnosis.result is Result.ERROR else 0


def _key(registry: str | None, named: str | None) -> RegistryKey:
    if (registry is None) == (named is None):
        raise click.UsageError("name one registry: upgraph registry login HOST[:PORT][/PATH]")
    return RegistryKey.parse(registry or named or "")


def _login_input(
    key: RegistryKey, username: str | None, auth_basic: str | None, *, from_input: bool
) -> tuple[str, str]:
    """The user name and the password.

    Raises:
        UserError: they are given twice, or cannot be asked for.
    """
    if auth_basic is None:
        user = username or ask_username(str(key), can_ask=not from_input and sys.stdin.isatty())
        return user, ask_password(f"{printable(user)} at {key}", from_input=from_input)
    if username is not None or from_input:
        raise click.UsageError("--auth-basic goes without --username and --password-stdin")
    user, colon, password = auth_basic.partition(":")
    if not colon:
        raise UserError(LOGIN_INPUT, f"{key}: --auth-basic has no colon between user name and password")
    return user, password
