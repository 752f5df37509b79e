"""What ``make cluster`` gives a developer, until Ctrl-C."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cluster.conftest import ENVIRONMENT
from tools.cluster import build, nodes
from tools.cluster.client import Client
from tools.cluster.waiting import until

END_SECONDS = 60


@contextmanager
def made(folder: Path, *options: str, ended_by: signal.Signals = signal.SIGINT) -> Iterator[str]:
    """A cluster as the command makes it, ended by a signal; gives what is said when it is ready."""
    # As a script starts something in the background: SIGINT is ignored until a program says otherwise.
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-m", "tools.cluster", *options]
    log = folder / "said"
    with log.open("wb") as output:
        environment = {**ENVIRONMENT, "TMPDIR": str(folder)}
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=build.ROOT, env=environment)
    try:
        until(
            lambda: process.poll() is not None or "Ctrl-C" in log.read_text(), what="the cluster", seconds=180
        )
        assert process.poll() is None, log.read_text()
        yield log.read_text()
    finally:
        process.send_signal(ended_by)
        assert process.wait(END_SECONDS) == 0, log.read_text()


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_a_cluster_answers_kubectl_as_is_said_and_ends_without_a_trace(
    programs: build.Programs, tmp_path_factory: pytest.TempPathFactory, ended_by: signal.Signals
) -> None:
    folder = tmp_path_factory.mktemp("made")
    with made(folder, ended_by=ended_by) as said:
        exported = re.search(r"export (KUBECONFIG)=(\S+)\n\s*(.+)\n", said)
        assert exported is not None, said
        environment = {**ENVIRONMENT, exported[1]: exported[2]}
        nodes_there = kubectl(exported[3].split(), environment)
        assert "Ready" in nodes_there
        crds = kubectl([exported[3].split()[0], "get", "crd"], environment)
        assert "routes.route.openshift.io" in crds
        assert "Pods are pretended" in said
        assert of_cluster(folder)
    assert list(folder.glob("upgraph-cluster-*")) == []
    assert of_cluster(folder) == []


def kubectl(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=END_SECONDS
    ).stdout


def of_cluster(folder: Path) -> list[bytes]:
    """The command lines of all processes that have to do with a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.append((process / "cmdline").read_bytes())
    return [line for line in found if str(folder).encode() in line]


def test_real_nodes_are_ready_and_nothing_is_left_behind(
    programs: build.Programs, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # The path of a socket has to be short.
    folder = tmp_path_factory.mktemp("made")
    with made(folder, "--plain", "--real-nodes") as said:
        kubeconfig = re.search(r"KUBECONFIG=(\S+)", said)
        assert kubeconfig is not None
        client = Client.of(Path(kubeconfig[1]))
        until(lambda: are_ready(client, "real-a", "real-b"), what="both nodes")
        assert "Pods run, on real-a and real-b" in said
    assert list(folder.glob("upgraph-cluster-*")) == []


def are_ready(client: Client, *names: str) -> bool:
    return all(nodes.is_ready(client.get(f"/api/v1/nodes/{name}")) for name in names)
