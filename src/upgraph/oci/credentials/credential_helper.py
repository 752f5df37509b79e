"""Asks a credential helper (``docker-credential-NAME get``) for the login of a host, or has it keep one.

The protocol is that of docker-credential-helpers: the host on standard input, a JSON object on standard
output; a status other than 0 with a text that begins "credentials not found" means that there is no login.
``store`` takes a login as JSON, ``erase`` a host. The program gets no terminal, a bounded time and a bounded output, and is ended with all that it started.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from upgraph.errors import RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.credentials.login import DOCKER_HUB, Login

HELPER_SECONDS = 20.0
"""Longest time for one answer; helpers of clouds ask a service over the network."""
MAX_OUTPUT_BYTES = 64 * 1024
"""Most of an answer that is read."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_NOT_FOUND = "credentials not found"
_HUB_SERVER = "https://index.docker.io/v1/"
"""Under this name docker keeps the login of Docker Hub in helpers."""
_SHOWN = 200


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    username: str = ""
    secret: str = ""


async def ask_helper(name: str, host: str, environment: Mapping[str, str]) -> Login | None:
    """The login that a helper has for a host; None if it has none.

    Args:
        name: what stands behind ``docker-credential-`` in the name of the program.
        host: host with port, as in ``credHelpers``.
        environment: of the program; its PATH is where the program is looked for.

    Raises:
        RemoteError: it could not be asked, or did not answer as it should.
    """
    call = _Call(_program(name, environment), "get", f"docker-credential-{name} get, asked for {host}")
    what = call.what
    status, output = await _run(call, _server(host), environment)
    if status:
        said = output.decode("utf-8", "replace").strip()
        if said.lower().startswith(_NOT_FOUND):
            return None
        raise _failure(f"{what}: it ended with status {status}{_reason(said)}")
    try:
        answer = msgspec.json.decode(output, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # The cause is cut off, and the answer not shown: both could hold the secret.
        raise _failure(f"{what}: its answer is not the JSON that was expected") from None
    return Login.of_pair(host, answer.username, answer.secret) if answer.username else None


async def tell_helper(name: str, login: Login, environment: Mapping[str, str]) -> None:
    """Have a helper keep a login.

    Args:
        name: as for :func:`ask_helper`.
        login: its key is the host.
        environment: as for :func:`ask_helper`.

    Raises:
        RemoteError: it could not be told, or refused.
    """
    given = {"ServerURL": _server(login.key), "Username": login.username, "Secret": login.password}
    await _say(name, "store", msgspec.json.encode(given).decode(), login.key, environment)


async def make_helper_forget(name: str, host: str, environment: Mapping[str, str]) -> None:
    """Have a helper remove the login of a host. Arguments and errors as for :func:`tell_helper`."""
    await _say(name, "erase", _server(host), host, environment)


async def _say(name: str, verb: str, text: str, host: str, environment: Mapping[str, str]) -> None:
    call = _Call(_program(name, environment), verb, f"docker-credential-{name} {verb}, told of {host}")
    status, output = await _run(call, text, environment)
    if status:
        said = output.decode("utf-8", "replace").strip()
        raise _failure(f"{call.what}: it ended with status {status}{_reason(said)}")


@dataclass(frozen=True, slots=True)
class _Call:
    program: str
    verb: str
    what: str
    """What messages call it."""


def _server(host: str) -> str:
    return _HUB_SERVER if host == DOCKER_HUB else host


def _program(name: str, environment: Mapping[str, str]) -> str:
    if not _NAME.fullmatch(name):
        raise _failure(f"{name[:_SHOWN]!r} is no name of a credential helper")
    path = shutil.which(f"docker-credential-{name}", path=environment.get("PATH", ""))
    if path is None:
        raise _failure(f"the program docker-credential-{name} is not in the PATH of this process")
    return path


async def _run(call: _Call, question: str, environment: Mapping[str, str]) -> tuple[int, bytes]:
    what = call.what
    try:
        process = await asyncio.create_subprocess_exec(
            call.program,
            call.verb,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise _failure(f"{what}: {error.strerror}") from error
    try:
        async with asyncio.timeout(HELPER_SECONDS):
            output = await _answer(process, question)
            if len(output) > MAX_OUTPUT_BYTES:
                raise _failure(f"{what}: its answer has more than {MAX_OUTPUT_BYTES} bytes")
            return await process.wait(), output
    except TimeoutError as error:
        raise _failure(f"{what}: no answer in {HELPER_SECONDS:g} seconds") from error
    finally:
        await _end(process)


async def _answer(process: Process, question: str) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a helper was started without pipes")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(question.encode())
        await process.stdin.drain()
    process.stdin.close()
    output = bytearray()
    while len(output) <= MAX_OUTPUT_BYTES and (part := await process.stdout.read(MAX_OUTPUT_BYTES)):
        output += part
    return bytes(output)


async def _end(process: Process) -> None:
    """End what is left of the helper and of whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # Wait also when we are being cancelled: a killed process is gone at once.
    await asyncio.shield(process.wait())


def _reason(said: str) -> str:
    if not said or said.startswith("{"):
        return ""
    line = said.splitlines()[0][:_SHOWN]
    return f" ({''.join(c if c.isprintable() else '?' for c in line)})"


def _failure(seen: str) -> RemoteError:
    return RemoteError(problems.CREDENTIAL_HELPER, seen)
