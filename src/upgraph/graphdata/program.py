"""Runs another program once, with limits on its time and its output, and nothing of our environment but PATH."""

import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

MAX_COMPLAINT_BYTES = 2000
"""Bytes of what a program says on standard error that are looked at."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a run."""

    output: bytes
    status: int
    complaint: str
    """What it said on standard error, in one line."""
    fault: str | None
    """Why its output cannot be used, whatever its status; None: it can."""


class Program:
    """A program that is given its input whole and whose output is taken whole.

    Args:
        path: the program.
        environment: its variables, beside PATH.
    """

    def __init__(self, path: str, environment: Mapping[str, str]) -> None:
        self._path = path
        self._environment = {"PATH": os.environ.get("PATH", os.defpath), **environment}

    def run(self, arguments: tuple[str, ...], asked: bytes, *, limit: int, seconds: float) -> Ended:
        """Run it in the root directory.

        Args:
            arguments: what it is called with.
            asked: its standard input.
            limit: most bytes of output.
            seconds: longest time; it is killed after that.
        """
        # Both lie in memory and have room for everything, so the program and we never wait for each other.
        with _in_memory(asked) as source, _in_memory() as complaints:
            try:
                process = subprocess.Popen(  # noqa: S603 - the callers choose every argument
                    (self._path, *arguments),
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    env=self._environment,
                    cwd="/",
                )
            except OSError as error:
                return Ended(b"", -1, "", f"{self._path} cannot be started: {error.strerror}")
            output, is_late = _read(process, limit, seconds)
            fault = f"{self._path} did not end within {seconds:g} s" if is_late else None
            if len(output) > limit:
                fault = f"{self._path} gives more than {limit} bytes"
            complaints.seek(0)
            complaint = complaints.read(MAX_COMPLAINT_BYTES).decode(errors="replace")
            return Ended(output, process.returncode, " ".join(complaint.split()), fault)


def _read(process: subprocess.Popen[bytes], limit: int, seconds: float) -> tuple[bytes, bool]:
    """Its output, one byte beyond the limit at most, and whether it was killed for taking too long."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        with process:
            output = process.stdout.read(limit + 1) if process.stdout else b""
            if len(output) > limit:
                process.kill()
    finally:
        timer.cancel()
        timer.join()
    return output, late.is_set()


def _in_memory(content: bytes = b"") -> BinaryIO:
    file = os.fdopen(os.memfd_create("upgraph"), "w+b")
    file.write(content)
    file.seek(0)
    return file
