"""What the service needs of its own machine: addresses, a directory, open files, a certificate."""

import asyncio
import errno
import os
import resource
import shlex
import socket
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from upgraph.errors.problems.doctor import DISK_LOW, FILES_LIMIT, PAYLOAD_DOUBTFUL
from upgraph.errors.problems.service import (
    CERTIFICATE_ENDING,
    LISTEN_FAILED,
    SIGNATURES_UNREADABLE,
    STATE_UNWRITABLE,
)
from upgraph.oci import Repository
from upgraph.service.answering.clients import Limits
from upgraph.service.answering.face import FILES_KEPT, LISTENERS
from upgraph.service.answering.own_certificate import ENDING_SECONDS, shown_by
from upgraph.service.answering.tls import Certificate
from upgraph.service.configuration import SETTINGS, Configuration, address
from upgraph.service.doctor.check import Outcome, Outcomes, Result, Step
from upgraph.service.doctor.ports import holder
from upgraph.syntax.certificate import day

LOW_DISK_BYTES = 256 * 1024 * 1024
"""Free bytes below which a disk counts as nearly full: two graphs and what is known of their images."""
MAX_COUNTED = 10_000
"""Entries of a directory that are counted."""
_LISTENING = ("listen", "status_listen", "builder_listen", "graph_data_listen")
_LOCAL_NAMES = frozenset({"localhost", "ip6-localhost"})


def machine_steps(configuration: Configuration) -> tuple[Step, ...]:
    """The steps that need nothing but this machine."""
    steps = [
        _step("listen", where, partial(listen, where, SETTINGS[field].name))
        for field in _LISTENING
        if (where := getattr(configuration, field))
    ]
    if configuration.tls_cert is not None and configuration.tls_key is not None:
        chain, key = configuration.tls_cert, configuration.tls_key
        steps.append(_step("certificate", str(chain), lambda: certificate(chain, key), _file(chain)))
    if (kept := configuration.served_signatures) is not None:
        steps.append(_step("signatures", str(kept), lambda: signatures(kept), _file(kept)))
    if configuration.state_dir is not None:
        directory = configuration.state_dir
        words = _file(directory) | {"user": str(os.geteuid())}
        steps.append(_step("state-dir", str(directory), lambda: state_directory(directory), words))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    steps.append(_step("open-files", "this process", lambda: open_files(hard)))
    return tuple(steps)


def payload_step(repository: str, origin: str) -> Step:
    """The step that looks at where clusters are told to pull from."""
    return _step("payload", repository, lambda: payload(repository, origin))


def _step(
    name: str, subject: str, look: Callable[[], Outcomes], words: Mapping[str, str] | None = None
) -> Step:
    port = {"port": subject.rpartition(":")[2]} if name == "listen" else {}
    return Step(name, subject, lambda: asyncio.to_thread(look), words={**port, **(words or {})})


def _file(path: Path) -> dict[str, str]:
    return {"file": shlex.quote(str(path))}


def listen(where: str, setting: str) -> Outcomes:
    """Whether an address can be listened on; a service of ours that already does is well."""
    host, port = address(where)
    if port == 0:
        return (Outcome(f"--{setting} {where}: a free port is taken at the start"),)
    try:
        _bind(host, port)
    except OSError as error:
        return (_held(where, setting, port, error),)
    return (Outcome(f"--{setting} {where} is free"),)


def _bind(host: str, port: int) -> None:
    if host == "::" and not socket.has_dualstack_ipv6():
        host = "0.0.0.0"  # noqa: S104 - asked for by whoever configured it
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # Not listening: a client that came now would be lost.
        held.bind((host, port))


def _held(where: str, setting: str, port: int, error: OSError) -> Outcome:
    if error.errno != errno.EADDRINUSE:
        reason = error.strerror or str(error)
        return Outcome(f"--{setting} {where}: {reason}", Result.ERROR, LISTEN_FAILED)
    found = holder(port)
    if found is not None and found.is_ours:
        return Outcome(f"--{setting} {where} is held by {found}: the service runs")
    by = str(found) if found else "a process that this user may not see"
    return Outcome(f"--{setting} {where} is held by {by}", Result.ERROR, LISTEN_FAILED)


def certificate(chain: Path, key: Path) -> Outcomes:
    """Whether certificate and key of the service can be used, and for how long.

    Raises:
        UserError: they cannot.
    """
    shown = shown_by(Certificate(chain, key).context)
    if shown is None or shown.not_after is None:
        return (Outcome(f"{chain} and its key can be used"),)
    seen = f"{chain} is for {', '.join(shown.names) or shown.subject} until {day(shown.not_after)}"
    now = datetime.now(UTC)
    if shown.not_before is not None and shown.not_before > now:
        seen = f"{seen}, and begins on {day(shown.not_before)} only, while our clock says {day(now)}"
        return (Outcome(seen, Result.ERROR, CERTIFICATE_ENDING),)
    left = (shown.not_after - now).total_seconds()
    if left >= ENDING_SECONDS:
        return (Outcome(seen),)
    return (Outcome(seen, Result.ERROR if left <= 0 else Result.WARNING, CERTIFICATE_ENDING),)


def signatures(directory: Path) -> Outcomes:
    """Whether the directory of signatures can be read."""
    try:
        with os.scandir(directory) as entries:
            number = sum(1 for _ in islice(entries, MAX_COUNTED + 1))
    except OSError as error:
        seen = f"--signatures {directory} cannot be read by user {os.geteuid()}: {error.strerror}"
        return (Outcome(seen, Result.ERROR, SIGNATURES_UNREADABLE),)
    shown = f"more than {MAX_COUNTED:,}" if number > MAX_COUNTED else f"{number:,}"
    return (Outcome(f"--signatures {directory} has {shown} entries"),)


def state_directory(directory: Path, *, low: int = LOW_DISK_BYTES) -> Outcomes:
    """Whether the state directory can be written, and what room it has. It is not made here.

    Args:
        directory: what --state-dir names.
        low: free bytes below which the disk counts as nearly full.
    """
    place = next((one for one in (directory, *directory.parents) if one.exists()), directory)
    try:
        with tempfile.TemporaryFile(dir=place):
            status = os.statvfs(place)
    except OSError as error:
        seen = f"--state-dir {directory}: {place} cannot be written by user {os.geteuid()}: {error.strerror}"
        return (Outcome(seen, Result.ERROR, STATE_UNWRITABLE),)
    free = status.f_bavail * status.f_frsize
    is_new = "" if place == directory else ", and is made at the start"
    seen = f"--state-dir {directory} can be written{is_new}; {free // 1024**2:,} MiB are free"
    return (Outcome(seen) if free >= low else Outcome(seen, Result.WARNING, DISK_LOW),)


def open_files(hard: int) -> Outcomes:
    """Whether the hard limit of open files allows all connections that a listener takes."""
    if hard == resource.RLIM_INFINITY:
        return (Outcome("the hard limit of open files is none"),)
    wanted = Limits().connections * LISTENERS + FILES_KEPT
    each = max(1, min(Limits().connections, (hard - FILES_KEPT) // LISTENERS))
    seen = f"the hard limit of open files is {hard:,}: each listener takes {each:,} connections"
    return (Outcome(seen) if hard >= wanted else Outcome(seen, Result.WARNING, FILES_LIMIT),)


def payload(repository: str, origin: str) -> Outcomes:
    """Whether clusters may be able to pull from where they are told to. Nothing is contacted.

    Args:
        repository: ``host[:port]/path``, as in pull specs.
        origin: who says so.
    """
    host = Repository.parse(f"docker://{repository}").host
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]")
    seen = f"clusters are told to pull from {repository} ({origin})"
    if name in _LOCAL_NAMES or name.startswith("127.") or name == "::1" or name.endswith(".localhost"):
        return (Outcome(f"{seen}, which is their own machine", Result.WARNING, PAYLOAD_DOUBTFUL),)
    return (Outcome(seen),)
