"""The verdict of gpgv, which runs for each message as a process of its own and sees nothing else.

Its home is a private directory that holds the keyrings and nothing more, so no key and no setting of a person
takes part. Only status lines come back, into which no message can write. Limits of the kernel are set before
the message is handed over: a message that unpacks to more than it may ends gpgv, and that is a verdict too.
What was signed is read only after the verdict.

Why not a library: verifying is the one part of this program where a fault is worth an attack, and gpgv does
nothing else. It is one Debian package, and was right about every message that we could think of.
"""

import asyncio
import os
import resource
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from upgraph.errors import RemoteError, UserError
from upgraph.errors.problems.signing import GPGV_UNUSABLE
from upgraph.signing.judge import MAX_CONTENT_BYTES, refused_at_sight
from upgraph.signing.keyring import Keyring
from upgraph.signing.verdict import Judgement, read_status

PROGRAM = "gpgv"
JUDGE_SECONDS = 10.0
"""Longest time for one message; real ones take a few thousandths of a second."""
MAX_STATUS_BYTES = 64 * 1024
"""Bytes of the longest status; real ones have about 500."""
MAX_CPU_SECONDS = 5
"""Seconds of the processor for one message."""
MAX_MEMORY_BYTES = 512 * 1024 * 1024
"""Bytes of address space for one message."""

_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a directory of its own is made in it
_LIMITS = {
    resource.RLIMIT_FSIZE: MAX_CONTENT_BYTES,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_CPU: MAX_CPU_SECONDS,
    resource.RLIMIT_AS: MAX_MEMORY_BYTES,
}


class Gpgv:
    """Judges messages with gpgv. A context manager that removes what it wrote.

    Args:
        environment: variables of the process; only PATH is looked at.
        concurrency: most processes at a time; by default one for each processor.

    Raises:
        UserError: there is no gpgv, or no place for its home.
    """

    def __init__(self, environment: Mapping[str, str], *, concurrency: int | None = None) -> None:
        path = environment.get("PATH", os.defpath)
        program = shutil.which(PROGRAM, path=path)
        if program is None:
            raise UserError(GPGV_UNUSABLE, f"there is no {PROGRAM} in {path}")
        self._program = program
        self._turns = asyncio.Semaphore(concurrency or len(os.sched_getaffinity(0)))
        self._directory = _private_directory()
        self._home = Path(self._directory.name)
        self._rings: dict[str, Path] = {}
        self._numbers = count(1)

    def close(self) -> None:
        """Remove the private directory."""
        self._directory.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def version(self) -> str:
        """What the program says that it is, for example ``gpgv (GnuPG) 2.2.40``.

        Raises:
            RemoteError: it cannot be run.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                self._program, "--version", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env={"LC_ALL": "C"}
            )
            try:
                async with asyncio.timeout(JUDGE_SECONDS):
                    said = await process.stdout.read(MAX_STATUS_BYTES) if process.stdout else b""
                    code = await process.wait()
            finally:
                await _end(process)
        except (OSError, TimeoutError) as error:
            reason = str(error) or f"no answer within {JUDGE_SECONDS:g} s"
            raise RemoteError(GPGV_UNUSABLE, f"{self._program} cannot be run: {reason}") from error
        if code:
            raise RemoteError(GPGV_UNUSABLE, f"{self._program} --version ended with the code {code}")
        return said.decode(errors="replace").partition("\n")[0]

    async def judge(self, message: bytes, ring: Keyring) -> Judgement:
        """See :meth:`SignatureJudge.judge`."""
        refused = refused_at_sight(message)
        if refused is not None:
            return refused
        content = self._home / f"content-{next(self._numbers)}"
        async with self._turns:
            try:
                status, returncode = await self._run(message, self._file_of(ring), content)
                outcome, evidence = read_status(status, returncode)
                if evidence is None:
                    return Judgement(outcome)
                return Judgement(outcome, evidence, content.read_bytes())
            except OSError as error:
                seen = f"{self._program} cannot be run: {error.strerror or error}"
                raise RemoteError(GPGV_UNUSABLE, seen, retryable=True) from error
            finally:
                content.unlink(missing_ok=True)

    def _file_of(self, ring: Keyring) -> Path:
        known = self._rings.get(ring.identity)
        if known is None:
            known = self._rings[ring.identity] = self._home / f"ring-{len(self._rings) + 1}.gpg"
            known.write_bytes(ring.content)
        return known

    async def _run(self, message: bytes, ring: Path, content: Path) -> tuple[bytes, int]:
        home = ("--homedir", str(self._home), "--keyring", str(ring))
        quiet = ("--status-fd", "1", "--log-file", os.devnull, "--output", str(content), "-")
        process = await asyncio.create_subprocess_exec(
            self._program,
            *home,
            *quiet,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd=self._home,
            env={"LC_ALL": "C"},
        )
        try:
            # It waits for the message, so nothing has happened yet that the limits would come too late for.
            _limit(process.pid)
            async with asyncio.timeout(JUDGE_SECONDS):
                return await _talk(process, message)
        except TimeoutError:
            return b"", -1
        finally:
            await _end(process)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    # What it said and nobody read would keep its end from being noticed.
    while process.stdout is not None and await process.stdout.read(MAX_STATUS_BYTES):
        pass
    await process.wait()


def _private_directory() -> tempfile.TemporaryDirectory[str]:
    # A container may have a root that cannot be written and still have shared memory.
    for place in (None, _SHARED_MEMORY):
        with suppress(OSError):
            return tempfile.TemporaryDirectory(prefix="upgraph-gpgv-", dir=place)
    seen = f"gpgv needs a private directory, and neither the directory for temporary files nor {_SHARED_MEMORY} can be written"
    raise UserError(GPGV_UNUSABLE, seen, remedy="Make /tmp or /dev/shm writable, or set TMPDIR.")


def _limit(pid: int) -> None:
    for kind, most in _LIMITS.items():
        with suppress(ProcessLookupError):
            resource.prlimit(pid, kind, (most, most))


async def _talk(process: Process, message: bytes) -> tuple[bytes, int]:
    """Hand the message over; gives the status lines and the exit code, negative if there are too many lines."""
    if process.stdin is None or process.stdout is None:
        raise OSError("gpgv has no input or no output")
    async with asyncio.TaskGroup() as group:
        group.create_task(_feed(process.stdin, message))
        status = bytearray()
        while len(status) <= MAX_STATUS_BYTES and (piece := await process.stdout.read(MAX_STATUS_BYTES)):
            status += piece
        if len(status) > MAX_STATUS_BYTES:
            return b"", -1
    return bytes(status), await process.wait()


async def _feed(writer: asyncio.StreamWriter, message: bytes) -> None:
    # What gpgv does not want to read is no error; its verdict counts.
    with suppress(BrokenPipeError, ConnectionResetError):
        writer.write(message)
        await writer.drain()
    with suppress(BrokenPipeError, ConnectionResetError):
        writer.close()
        await writer.wait_closed()
