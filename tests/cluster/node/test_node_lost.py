"""A node that is lost, and one that ends."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cluster.node.conftest import Bench, Site, private_network, until
from tests.conftest import ROOT_REASON
from tools.cluster.node.launching import ROOT, Setup, lonely_node

ABANDON = """
import os, pathlib, signal, sys
from tools.cluster.node.launching import Setup, lonely_node
with lonely_node(pathlib.Path(sys.argv[1]), Setup(), wrapper=sys.argv[2:]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_lost_node_says_nothing_and_its_pods_are_dead(bench: Bench) -> None:
    pod = bench.pod().ready()
    nodes = bench.site.node.nodes
    nodes.lose("real-a")
    try:
        assert pod.ask("/health").status == 0
        assert pod.condition("Ready")
    finally:
        nodes.find("real-a")
    pod.until(lambda pod: pod.ask("/health").status == 200)


def test_nothing_is_left_when_the_node_is_killed(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip(ROOT_REASON)
    with private_network() as network, lonely_node(tmp_path, Setup(), wrapper=network) as node:
        node.process.kill()
        node.process.wait()
    until(lambda: not processes_of(tmp_path), what=lambda: f"{processes_of(tmp_path)} to end")


def test_nothing_is_left_when_the_tests_are_killed(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip(ROOT_REASON)
    with private_network() as network:
        command = [sys.executable, "-c", ABANDON, str(tmp_path), *network]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    until(lambda: not processes_of(tmp_path), what=lambda: f"{processes_of(tmp_path)} to end")


def processes_of(directory: Path) -> list[str]:
    """The command lines of processes that were told of a directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_text())
    return [line for line in found if str(directory) in line]


def test_the_node_says_that_it_is_there(site: Site) -> None:
    assert site.node.nodes.is_there
