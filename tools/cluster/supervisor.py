"""The first process in the process tree of a cluster: starts programs, ends them, says which have ended.

It reads one JSON object a line and answers with one. When its input ends, for whatever reason, it stops all
programs, the youngest first, and ends; with it the kernel ends whatever they left behind, since it is the first
process of a PID namespace. So a test run that is killed leaves nothing. It imports the standard library alone and
is started without ``site``, so that nothing of the test run is loaded or measured here.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

STOP_SECONDS = 10.0
"""How long a program may take to end after SIGTERM, before it is killed."""


class Supervisor:
    """The programs of one cluster, in the order in which they were started."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: list[str], environment: Mapping[str, str], log: str) -> None:
        """Start a program; what it says is added to the file ``log``."""
        if name in self._running and self._running[name].poll() is None:
            raise ValueError(f"{name} runs already")
        self._running.pop(name, None)
        with open(log, "ab") as output:  # noqa: PTH123 - pathlib is slow to import, and this is all of it
            self._running[name] = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def stop(self, name: str, seconds: float = STOP_SECONDS) -> int:
        """End a program; 0 seconds kill it at once. Gives its exit status."""
        process = self._running.pop(name)
        if seconds and process.poll() is None:
            process.terminate()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def ended(self) -> dict[str, int]:
        """Exit statuses of the programs that ended without being asked to."""
        states = {name: process.poll() for name, process in self._running.items()}
        return {name: status for name, status in states.items() if status is not None}

    def stop_all(self) -> None:
        """End everything in the order that lets each program say goodbye to those it depends on."""
        for name in reversed(list(self._running)):
            self.stop(name)


def answer(supervisor: Supervisor, request: dict[str, Any]) -> dict[str, Any]:
    """Do what a line asks for; a fault is an answer too."""
    try:
        match request.pop("do"):
            case "start":
                supervisor.start(**request)
                return {}
            case "stop":
                return {"status": supervisor.stop(**request)}
            case "ended":
                return {"ended": supervisor.ended()}
            case unknown:
                return {"failed": f"unknown request {unknown!r}"}
    except (OSError, KeyError, TypeError, ValueError) as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Answer until the input ends."""
    supervisor = Supervisor()
    try:
        # The mounted /proc is that of the caller, so this is the id that the caller knows.
        print(json.dumps({"pid": int(os.readlink("/proc/self"))}), flush=True)  # noqa: PTH115 - see above
        for line in sys.stdin:
            print(json.dumps(answer(supervisor, json.loads(line))), flush=True)
    finally:
        supervisor.stop_all()


if __name__ == "__main__":
    main()
