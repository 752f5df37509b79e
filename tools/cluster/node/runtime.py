"""Containers by ``crun``: a root of their own over the files of an image, their start, their signals, their end."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.node.programs import ProgramError, run
from tools.cluster.node.specification import NotStartableError

START_SECONDS = 60.0
"""Longest time until a container runs."""
_LOOK_SECONDS = 0.01
KILLED = 137
"""Exit code of a container that was killed (128 and the number of the signal)."""
MAX_OUTPUT_BYTES = 16 * 1024
"""Most that is kept of what a command in a container prints."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container ended."""

    exit_code: int
    fault: str = ""
    """Why it never ran."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command inside a container ended, and what it printed."""

    exit_code: int
    text: str


class Runtime:
    """Runs containers.

    Args:
        directory: an existing empty one, for its own account of them and for their roots.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._made = 0

    def new_identifier(self) -> str:
        """A name that no other container has or had."""
        self._made += 1
        return f"container-{self._made}"

    def home(self, identifier: str) -> Path:
        """The directory that belongs to a container."""
        return self._directory / identifier

    def root(self, identifier: str) -> Path:
        """Where the files of a container are while it has them."""
        return self.home(identifier) / "root"

    async def prepare(self, identifier: str, image: Path) -> None:
        """Lay a writable directory over the files of an image.

        Raises:
            ProgramError: the machine does not let us.
        """
        home = self.home(identifier)
        for name in ("changes", "work", "root"):
            (home / name).mkdir(parents=True)
        # A new file in a directory that the image brings has to be possible for whom the image allows it.
        shutil.copymode(image, home / "changes")
        layers = f"lowerdir={image},upperdir={home}/changes,workdir={home}/work"
        await run("mount", "-t", "overlay", "overlay", "-o", layers, str(home / "root"))

    async def start(self, identifier: str, configuration: dict[str, object], log: Path) -> "RunningContainer":
        """Start a container that was prepared.

        Args:
            identifier: its name.
            configuration: for the runtime.
            log: the file that gets what it prints.

        Raises:
            NotStartableError: it does not start.
        """
        home = self.home(identifier)
        (home / "config.json").write_text(json.dumps(configuration))
        pid_file, words = home / "pid", home / "words"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *self._crun(f"--log={words}"),
                "run",
                f"--bundle={home}",
                f"--pid-file={pid_file}",
                identifier,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            async with asyncio.timeout(START_SECONDS):
                pid = await _pid(process, pid_file)
        except TimeoutError as error:
            raise NotStartableError("CreateContainerError", "the runtime does not start it") from error
        finally:
            if not pid_file.exists() and process.returncode is None:
                process.kill()
                await process.wait()
        return RunningContainer(identifier, process, pid, words, self)

    async def execute(self, identifier: str, command: Sequence[str], seconds: float) -> Said:
        """Run a command inside a container. Who gives up waiting ends it.

        Raises:
            TimeoutError: it has not ended in time.
        """
        self._made += 1
        pid_file = self.home(identifier) / f"command-{self._made}"
        process = await asyncio.create_subprocess_exec(
            *self._crun(),
            "exec",
            f"--pid-file={pid_file}",
            identifier,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(seconds):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                _kill(process, pid_file)
                await process.wait()
        return Said(process.returncode or 0, output[:MAX_OUTPUT_BYTES].decode(errors="replace"))

    async def remove(self, identifier: str) -> None:
        """Forget a container that has ended, with its files."""
        with suppress(ProgramError):
            # Of a container that was killed together with its runtime.
            await run(*self._crun(), "delete", "--force", identifier)
        if self.root(identifier).is_mount():
            await run("umount", "--lazy", str(self.root(identifier)))
        await asyncio.to_thread(shutil.rmtree, self.home(identifier), ignore_errors=True)

    def _crun(self, *options: str) -> tuple[str, ...]:
        return ("crun", f"--root={self._directory / 'crun'}", "--cgroup-manager=disabled", *options)


def _kill(process: asyncio.subprocess.Process, pid_file: Path) -> None:
    """End a command in a container: without it, the runtime that waits for it ends too, and not the other way round."""
    if text := _text(pid_file):
        with suppress(ProcessLookupError):
            os.kill(int(text), signal.SIGKILL)
    else:
        process.kill()


async def _pid(process: asyncio.subprocess.Process, file: Path) -> int | None:
    """The first process of a container; None if it has ended before it could be seen."""
    while process.returncode is None:
        if text := _text(file):
            return int(text)
        await asyncio.sleep(_LOOK_SECONDS)
    return None


def _text(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


class RunningContainer:
    """A container that was started."""

    def __init__(
        self,
        identifier: str,
        process: asyncio.subprocess.Process,
        pid: int | None,
        words: Path,
        runtime: Runtime,
    ) -> None:
        self.identifier = identifier
        self._process = process
        self._words = words
        self._runtime = runtime
        self._handle: int | None = None
        if pid is not None:
            with suppress(ProcessLookupError):
                self._handle = os.pidfd_open(pid)

    async def wait(self) -> Ended:
        """Wait for its end. It may be waited for by several."""
        code = await self._process.wait()
        return Ended(code, _text(self._words))

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its first process, if it lives."""
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    async def stop(self, number: signal.Signals, grace_seconds: float) -> Ended:
        """Ask it to end, and kill it when the grace is over."""
        self.send(number)
        try:
            async with asyncio.timeout(grace_seconds):
                return await self.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> Ended:
        """Kill it."""
        self.send(signal.SIGKILL)
        return await self.wait()

    async def execute(self, command: Sequence[str], seconds: float) -> Said:
        """See :meth:`Runtime.execute`."""
        return await self._runtime.execute(self.identifier, command, seconds)

    async def close(self) -> None:
        """Kill it if it lives, and forget it with its files."""
        await self.kill()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        await self._runtime.remove(self.identifier)
