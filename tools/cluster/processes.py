"""The programs of a cluster, as the process that uses it sees them; they live and end with ``supervisor.py``."""

import json
import select
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import msgspec

from tools.cluster import supervisor

STARTING_SECONDS = 20.0
"""Longest wait for the namespaces."""
ANSWER_SECONDS = supervisor.STOP_SECONDS + 10.0
"""Longest wait for an answer: ending a program is the longest thing that can be asked for."""
END_SECONDS = 60.0
"""Longest wait until all programs have ended."""
KILL = 0.0
"""Seconds for :meth:`Processes.stop`: no time at all."""


class ProcessError(RuntimeError):
    """A program of a cluster cannot be started or has ended; the text holds the last it said."""


class _Answer(msgspec.Struct):
    """A line of the first process; which fields it has depends on what was asked."""

    pid: int = 0
    status: int = 0
    ended: dict[str, int] = {}
    failed: str = ""


class Processes:
    """Programs in a network and a process tree of their own.

    Threads may share it.

    Args:
        requests: where the first process of the tree reads.
        answers: what it writes.
        logs: an existing folder for what all of them have to say.
    """

    def __init__(self, requests: IO[str], answers: IO[str], logs: Path) -> None:
        self._requests = requests
        self._answers = answers
        self._logs = logs
        self._one_at_a_time = threading.Lock()
        self.pid = self._answer(STARTING_SECONDS).pid
        """Of the first process of the tree: the namespaces are found by it."""

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program, with this environment and nothing else.

        Raises:
            ProcessError: it runs already or cannot be started.
        """
        words = {"name": name, "command": list(command), "environment": dict(environment)}
        self._ask({"do": "start", **words, "log": str(self.log(name))})

    def stop(self, name: str, seconds: float = supervisor.STOP_SECONDS) -> int:
        """End a program; after these seconds it is killed. Gives its exit status, below 0 a signal.

        Raises:
            ProcessError: there is no program of this name.
        """
        return self._ask({"do": "stop", "name": name, "seconds": seconds}).status

    def check(self) -> None:
        """Make sure that all programs run.

        Raises:
            ProcessError: one has ended.
        """
        for name, status in self._ask({"do": "ended"}).ended.items():
            raise ProcessError(f"{name} has ended with {status}. Its last words:\n{self.last_words(name)}")

    def close(self) -> None:
        """Stop all programs, the youngest first, and wait for their end. It may be said twice."""
        with suppress(OSError):
            self._requests.close()
        if not self._answers.closed:
            # Its end is the end of the first process; a deadline is enough, since who waits for us may kill it.
            select.select([self._answers], [], [], END_SECONDS)

    def log(self, name: str) -> Path:
        """Where a program writes what it has to say."""
        return self._logs / f"{name}.log"

    def last_words(self, name: str, *, lines: int = 20) -> str:
        """The end of the log of a program."""
        log = self.log(name)
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    def _ask(self, request: Mapping[str, object]) -> _Answer:
        with self._one_at_a_time:
            try:
                print(json.dumps(request), file=self._requests, flush=True)
                answer = self._answer(ANSWER_SECONDS)
            except OSError as error:
                raise ProcessError("the cluster has ended") from error
        if answer.failed:
            raise ProcessError(f"{request['do']} {request.get('name', '')}: {answer.failed}")
        return answer

    def _answer(self, seconds: float) -> _Answer:
        if not select.select([self._answers], [], [], seconds)[0]:
            raise ProcessError(f"no answer from the first process of the cluster within {seconds:g} s")
        line = self._answers.readline()
        if not line:
            raise ProcessError(f"the cluster has ended:\n{self.last_words('supervisor')}")
        return msgspec.json.decode(line, type=_Answer)


@contextmanager
def namespaces(logs: Path) -> Iterator[Processes]:
    """Make the namespaces for a cluster; at the end all programs in them are stopped, the youngest first.

    Raises:
        ProcessError: they cannot be made, for want of rights for example.
    """
    command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--"]
    first = [sys.executable, "-I", "-S", supervisor.__file__]
    with (
        (logs / "supervisor.log").open("wb") as log,
        # A session of its own: Ctrl-C is for us, and we end the programs in their order.
        subprocess.Popen(
            [*command, *first], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            start_new_session=True,
        ) as process,
    ):  # fmt: skip
        requests, answers = _pipes(process)
        try:
            yield Processes(requests, answers, logs)
        finally:
            _end(process, requests)


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("started without pipes")
    return process.stdin, process.stdout


def _end(process: subprocess.Popen[str], requests: IO[str]) -> None:
    """The end of the input ends it; what does not hear is killed, and with it all below."""
    try:
        requests.close()
        process.wait(END_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        process.kill()
