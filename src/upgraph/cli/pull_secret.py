"""``upgraph pull-secret``: the logins that a cluster pulls with, in a file or in the cluster itself."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from upgraph.cli.cluster_access import cluster_options
from upgraph.cli.output import FORMATS, Format, emit, output_option, printable
from upgraph.cli.passwords import ask_password
from upgraph.cli.pull_secret_place import Place, opened
from upgraph.errors import UserError
from upgraph.errors.problems.credentials import NOTHING_TO_CHANGE, PULL_SECRET, UNCONFIRMED
from upgraph.errors.problems.oci import AUTH_FILE
from upgraph.oci import (
    AuthDocument,
    Login,
    RegistryKey,
    difference,
    login_of,
    normal_key,
    read_document,
    shown,
)

F = TypeVar("F", bound=Callable[..., Any])

_SECRET = "openshift-config/pull-secret"  # noqa: S105  # a name, not a secret


@click.group(
    epilog="""
\b
Examples:
  upgraph pull-secret show
  upgraph pull-secret append --registry registry.example:5000=mirror
"""
)
def pull_secret() -> None:
    """Show and change the logins that a cluster pulls images with."""


def _place_options(function: F) -> F:
    """Where the pull secret is."""
    decorated: F = click.option(
        "--secret",
        default=_SECRET,
        show_default=True,
        metavar="NAMESPACE/NAME",
        help="Which Secret of the cluster; its type is kubernetes.io/dockerconfigjson.",
    )(function)
    return click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")(
        cluster_options(decorated)
    )


def _login_options(function: F) -> F:
    """Which logins."""
    decorated: F = click.option("-y", "--yes", is_flag=True, help="Write without asking; for scripts.")(
        function
    )
    decorated = click.option(
        "--password-stdin", is_flag=True, help="Read the password of the one --registry from standard input."
    )(decorated)
    decorated = click.option(
        "--from",
        "source",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Take all logins of a file that `upgraph registry login`, podman or docker has written.",
    )(decorated)
    return click.option(
        "--registry",
        "registries",
        multiple=True,
        metavar="HOST[/PATH]=USER",
        help="A login; its password is asked for. Can be given several times.",
    )(decorated)


@pull_secret.command(
    epilog="""
\b
Examples:
  upgraph pull-secret show
  upgraph pull-secret show pull-secret.json -o json
  upgraph pull-secret show --kubeconfig site.kubeconfig --secret harbour/mirror-login
"""
)
@_place_options
@output_option(FORMATS)
def show(
    file: Path | None, kubeconfig: Path | None, context: str | None, secret: str, output: Format
) -> None:
    """Show which registries have a login, and for whom. Passwords and tokens are never shown.

    FILE is a pull secret on this machine. Without FILE it is the Secret of the cluster that kubectl would talk to.
    """
    if file is not None and not file.exists():
        raise UserError(AUTH_FILE, f"{file} is not there")
    with opened(file, secret, kubeconfig=kubeconfig, context=context) as place:
        rows = [
            {"registry": printable(one.registry), "user": printable(one.user), "login": one.login.value}
            for one in shown(place.document)
        ]
    emit(rows, output)


@pull_secret.command(
    epilog="""
\b
Examples:
  upgraph pull-secret append --registry registry.example:5000=mirror
  upgraph pull-secret append --from auth.json --kubeconfig site.kubeconfig --yes
  upgraph pull-secret append --registry registry.example:5000=mirror pull-secret.json
"""
)
@_place_options
@_login_options
def append(  # noqa: PLR0913  # each is an option of the command
    *,
    file: Path | None,
    kubeconfig: Path | None,
    context: str | None,
    secret: str,
    registries: tuple[str, ...],
    source: Path | None,
    password_stdin: bool,
    yes: bool,
) -> None:
    """Add logins to a pull secret, or change those that it has; all others stay as they are.

    FILE is a pull secret on this machine. Without FILE it is the Secret of the cluster that kubectl would talk to.
    The difference is shown, without passwords, before anything is written.
    """
    logins = _logins(registries, from_input=password_stdin)
    given = _given(source, logins)
    with opened(file, secret, kubeconfig=kubeconfig, context=context) as place:
        changed = place.document
        for key, entry in given.entries.items():
            if normal_key(key) in given.logins:
                changed = changed.with_entry(key, entry)
        _write(place, changed, yes=yes)


@pull_secret.command(
    epilog="""
\b
Examples:
  upgraph pull-secret replace --from pull-secret.json
  upgraph pull-secret replace --from auth.json --kubeconfig site.kubeconfig --yes
"""
)
@_place_options
@_login_options
def replace(  # noqa: PLR0913  # each is an option of the command
    *,
    file: Path | None,
    kubeconfig: Path | None,
    context: str | None,
    secret: str,
    registries: tuple[str, ...],
    source: Path | None,
    password_stdin: bool,
    yes: bool,
) -> None:
    """Put other logins in the place of all that a pull secret has.

    FILE is a pull secret on this machine. Without FILE it is the Secret of the cluster that kubectl would talk to.
    The difference is shown, without passwords, before anything is written.
    """
    given = _given(source, _logins(registries, from_input=password_stdin))
    with opened(file, secret, kubeconfig=kubeconfig, context=context) as place:
        _write(place, AuthDocument(place.document.path, given.text), yes=yes)


def _logins(registries: tuple[str, ...], *, from_input: bool) -> list[Login]:
    if from_input and len(registries) != 1:
        raise click.UsageError("--password-stdin goes with one --registry")
    return [_login(text, from_input=from_input) for text in registries]


def _login(text: str, *, from_input: bool) -> Login:
    host, _, user = text.partition("=")
    if not user:
        raise click.UsageError(f"--registry is HOST[/PATH]=USER, not {text!r}")
    key = RegistryKey.parse(host)
    return login_of(key, user, ask_password(f"{printable(user)} at {key}", from_input=from_input))


def _given(source: Path | None, logins: list[Login]) -> AuthDocument:
    """The logins that were given, as a document.

    Raises:
        UserError: there are none, or the file cannot be read.
    """
    if source is not None and not source.exists():
        raise UserError(NOTHING_TO_CHANGE, f"{source} is not there")
    given = AuthDocument(Path("--registry")) if source is None else read_document(source)
    for login in logins:
        given = given.with_login(login)
    if not given.logins:
        raise UserError(NOTHING_TO_CHANGE, f"{source} has no login" if source else "no login was given")
    for key in given.entries:
        if normal_key(key) not in given.logins:
            click.echo(f"passed over: {printable(key)}, whose login is not in the file", err=True)
    return given


def _write(place: Place, changed: AuthDocument, *, yes: bool) -> None:
    """Show the difference, and write it if somebody agrees.

    Raises:
        UserError: nobody agrees, or there would be no login left.
        RemoteError: the cluster refuses the change.
    """
    differences = difference(place.document, changed)
    if not changed.logins:
        raise UserError(PULL_SECRET, f"{place.name} would have no login")
    if not differences:
        click.echo(f"{place.name} has these logins already; nothing was changed")
        return
    click.echo(place.name)
    for one in differences:
        click.echo(f"  {printable(str(one))}")
    if not yes:
        _confirm(place.name)
    place.write(changed)
    click.echo(f"changed {place.name}")


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        raise UserError(UNCONFIRMED, f"{name} was not changed, as there is no terminal to ask at")
    if not click.confirm("Write this?", err=True):
        seen = f"{name} was not changed, as the answer was no"
        raise UserError(UNCONFIRMED, seen, remedy="Call the command again with the logins that are right.")
