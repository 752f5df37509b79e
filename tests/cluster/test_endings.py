"""A cluster leaves nothing behind, however it ends, and its parts can be ended and started while it runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT_REASON
from tools.cluster import build, network
from tools.cluster.client import Client
from tools.cluster.control_plane import PLAIN, running
from tools.cluster.processes import ProcessError, Processes, namespaces
from tools.cluster.waiting import until

PATH = {"PATH": os.environ["PATH"]}
FOREVER = ["sleep", "infinity"]
STUBBORN = ["sh", "-c", "trap '' TERM; echo deaf; sleep infinity"]
SCATTERED = "setsid sleep infinity & sleep infinity"
"""Two processes, of which one has left the session of the other."""
PROCESSES = 5
"""Those two, the shell that has started them, the first process and `unshare`."""
HARNESS = f"""
import sys, time
from pathlib import Path
from tools.cluster import network
from tools.cluster.processes import namespaces
with namespaces(Path(sys.argv[1])) as processes, network.joined(processes.pid):
    processes.start("daemon", ["sh", "-c", {SCATTERED!r}], {PATH!r})
    print(processes.pid, flush=True)
    time.sleep(600)
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason=ROOT_REASON)


def network_of(pid: int) -> str:
    """Names the network of a process; nobody else's is called the same as long as the process lives."""
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def members(name: str) -> list[int]:
    """The processes in a network."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and network_of(int(entry.name)) == name:
                found.append(int(entry.name))
    return found


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with namespaces(tmp_path) as made:
        yield made


def test_the_end_leaves_no_process_and_no_network(programs: build.Programs, tmp_path: Path) -> None:
    with running(tmp_path / "run", programs, apis=PLAIN) as cluster:
        name, host = network_of(cluster.processes.pid), str(cluster.addresses.host)
        assert len(members(name)) >= len(build.NEEDED)
        assert host in addresses()
    assert members(name) == []
    assert host not in addresses()


def addresses() -> str:
    done = subprocess.run(["ip", "-4", "addr"], capture_output=True, text=True, check=True, timeout=180)
    return done.stdout


def test_an_api_server_can_go_and_come_back(programs: build.Programs, tmp_path: Path) -> None:
    with running(tmp_path / "run", programs, apis=PLAIN) as cluster:
        cluster.stop("kube-apiserver", seconds=0)
        with pytest.raises(ConnectionRefusedError):
            cluster.client.get("/version")
        cluster.start_api_server()
        assert cluster.client.get("/api/v1/nodes")["items"]


def test_a_harness_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=build.ROOT
    ) as harness:
        assert harness.stdout is not None
        name = network_of(int(harness.stdout.readline()))
        until(lambda: len(members(name)) == PROCESSES, what="both programs")
        harness.send_signal(signal.SIGKILL)
    until(lambda: not members(name), what="the end of all processes")


def test_a_first_process_that_is_killed_takes_all_with_it(processes: Processes) -> None:
    name = network_of(processes.pid)
    processes.start("daemon", ["sh", "-c", SCATTERED], PATH)
    until(lambda: len(members(name)) == PROCESSES, what="both programs")
    os.kill(processes.pid, signal.SIGKILL)
    until(lambda: not members(name), what="the end of all processes")
    with pytest.raises(ProcessError, match="the cluster has ended"):
        processes.check()


def test_a_program_that_does_not_hear_is_killed(processes: Processes) -> None:
    processes.start("stubborn", STUBBORN, PATH)
    until(lambda: processes.last_words("stubborn") == "deaf", what="the trap")
    assert processes.stop("stubborn", 0.1) == -signal.SIGKILL


def test_a_program_that_ends_is_named_with_its_last_words(processes: Processes) -> None:
    processes.start("store", ["sh", "-c", "echo no space left; exit 3"], PATH)
    with pytest.raises(ProcessError, match=r"store has ended with 3. Its last words:\nno space left"):
        until(processes.check, what="its end")


def test_a_program_that_is_not_there_is_named(processes: Processes) -> None:
    with pytest.raises(ProcessError, match=r"start etcd: FileNotFoundError.*/no/etcd"):
        processes.start("etcd", ["/no/etcd"], PATH)


def test_a_program_runs_once(processes: Processes) -> None:
    processes.start("one", FOREVER, PATH)
    with pytest.raises(ProcessError, match="one runs already"):
        processes.start("one", FOREVER, PATH)


def test_two_clusters_have_networks_of_their_own(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with (
        network.joined(processes.pid) as one,
        namespaces(tmp_path / "other") as neighbour,
        network.joined(neighbour.pid) as other,
    ):
        assert not one.block.overlaps(other.block)


def test_nobody_listens_in_a_new_network(processes: Processes) -> None:
    with network.joined(processes.pid) as made:
        nobody = Client(str(made.cluster), 6443, Path("/dev/null"), "token")
        assert not nobody.is_ready()
