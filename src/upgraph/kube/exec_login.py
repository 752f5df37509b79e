"""Asks the program that a kubeconfig names for a token (client-go credential plugins, ``exec``).

lightkube runs such programs itself, but only for old versions of the protocol and without a limit of time.
"""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from upgraph.errors import UserError
from upgraph.errors.problems.kube import KUBECONFIG

LOGIN_SECONDS = 60.0
"""Longest time for one program; some open a browser and wait for a person."""
MAX_OUTPUT_BYTES = 1024 * 1024
"""Most of its answer that is taken."""

_VERSIONS = frozenset(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1"))


class _Variable(msgspec.Struct):
    name: str
    value: str = ""


class _Exec(msgspec.Struct):
    apiVersion: str  # noqa: N815  # the name of the field in the file
    command: str
    args: list[str] = []
    env: list[_Variable] = []


class _Status(msgspec.Struct):
    token: str = ""


class _Answer(msgspec.Struct):
    status: _Status


@dataclass(frozen=True, slots=True)
class ExecLogin:
    """A program that gives a token."""

    version: str
    command: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, given: object, file: Path) -> "ExecLogin":
        """The program that a user of a kubeconfig names.

        Args:
            given: what stands under ``exec``.
            file: the kubeconfig; a command with a slash begins in its directory.

        Raises:
            UserError: it is not complete, or of an unknown version.
        """
        try:
            found = msgspec.convert(given, _Exec)
        except msgspec.ValidationError as error:
            raise UserError(KUBECONFIG, f"{file}: exec: {error}") from None
        if found.apiVersion not in _VERSIONS:
            raise UserError(KUBECONFIG, f"{file}: exec: the version {found.apiVersion[:100]!r} is not known")
        program = found.command
        if "/" in program:
            program = str(file.absolute().parent / program)
        variables = tuple((one.name, one.value) for one in found.env)
        return cls(found.apiVersion, (program, *found.args), variables)


def run_login(call: ExecLogin, environment: Mapping[str, str], *, server: str) -> str:
    """Run a program and take the token from its answer.

    Args:
        call: the program. It may talk to a person on standard error.
        environment: of this process.
        server: the address of the cluster, for the error.

    Raises:
        UserError: it cannot be run, does not end in time, or gives no token.
    """
    asked = {"apiVersion": call.version, "kind": "ExecCredential", "spec": {"interactive": False}}
    variables = {
        **environment,
        **dict(call.variables),
        "KUBERNETES_EXEC_INFO": msgspec.json.encode(asked).decode(),
    }
    what = f"{os.path.basename(call.command[0])}, asked for a token for {server}"  # noqa: PTH119  # a text
    try:
        done = subprocess.run(  # noqa: S603  # the kubeconfig of the user names it
            call.command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=LOGIN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(KUBECONFIG, f"{what}: no answer in {LOGIN_SECONDS:g} s") from None
    except OSError as error:
        raise UserError(KUBECONFIG, f"{what}: {error.strerror}") from error
    if done.returncode:
        raise UserError(KUBECONFIG, f"{what}: it ended with status {done.returncode}")
    return _token(done.stdout, what)


def _token(output: bytes, what: str) -> str:
    if len(output) > MAX_OUTPUT_BYTES:
        raise UserError(KUBECONFIG, f"{what}: its answer has more than {MAX_OUTPUT_BYTES} bytes")
    try:
        token = msgspec.json.decode(output, type=_Answer).status.token
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # The cause is cut off: it could quote a part of a token.
        raise UserError(KUBECONFIG, f"{what}: its answer is no ExecCredential") from None
    if not token:
        raise UserError(KUBECONFIG, f"{what}: its answer has no token; client certificates are not supported")
    return token
