"""What ``make cluster`` gives a developer, until Ctrl-C."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.conftest import ENVIRONMENT
from tools.cluster import build, nodes
from tools.cluster.client import Client
from tools.cluster.waiting import until

END_SECONDS = 60


@contextmanager
def made(folder: Path, *options: str) -> Iterator[str]:
    """A cluster as the command makes it, ended as by Ctrl-C; gives what is said when it is ready."""
    command = [sys.executable, "-m", "tools.cluster", *options]
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
        process.send_signal(signal.SIGINT)
        assert process.wait(END_SECONDS) == 0, log.read_text()


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
