"""``upgraph demo``: does what it prints, and leaves nothing behind."""

import re
import signal
import subprocess
from pathlib import Path

from tests.whole.conftest import Starter, curl, is_gone, until
from upgraph.testing.answers import client_violations


def test_what_it_prints_can_be_tried_and_ctrl_c_leaves_nothing_behind(start: Starter, tmp_path: Path) -> None:
    demo = start("upgraph", "demo", TMPDIR=str(tmp_path))
    demo.said(r"(Ctrl-C stops it)")
    builder = demo.builder
    first, second = re.findall(r"^  (curl .*)$", demo.text, re.MULTILINE)
    assert client_violations(_shell(first), "stable-4.17", "amd64") == []
    assert re.fullmatch(rb"200 [1-9]\d+ bytes\n", _shell(second))
    assert demo.stop(signal.SIGINT) == 0
    assert demo.text.endswith("stopped\n")
    assert list(tmp_path.iterdir()) == []
    assert builder is not None
    until(lambda: is_gone(builder), what="the end of the building process")


def test_a_change_of_its_graph_data_arrives(start: Starter, tmp_path: Path) -> None:
    demo = start("upgraph", "demo", "--directory", tmp_path)
    graph = demo.said(r"clusters ask\s+(\S+)") + "?channel=stable-4.17"
    assert "4.17.4" in curl(graph).graph.nodes
    channel = tmp_path / "graph-data/channels/stable-4.17.yaml"
    channel.write_text(channel.read_text().replace("- 4.17.4\n", ""))
    until(lambda: "4.17.4" not in curl(graph).graph.nodes, what="an answer without 4.17.4")
    assert demo.stop(signal.SIGINT) == 0
    assert (tmp_path / "releases/index.json").exists()


def test_it_shows_every_kind_of_edge(start: Starter) -> None:
    demo = start("upgraph", "demo")
    graph = demo.said(r"clusters ask\s+(\S+)")
    fast = curl(f"{graph}?channel=fast-4.17&arch=multi").graph
    candidate = curl(f"{graph}?channel=candidate-4.17&arch=s390x").graph
    assert {edge[1] for edge in candidate.conditional} == {"4.17.0-rc.1", "4.17.0", "4.17.1", "4.17.2"}
    assert fast.nodes.keys() == {f"4.17.{patch}" for patch in range(6)}
    fast_16 = curl(f"{graph}?channel=fast-4.16").graph
    assert not any(edge[1] == "4.16.2" and edge[0].startswith("4.15.") for edge in fast_16.edges)


def _shell(line: str) -> bytes:
    return subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True, timeout=180).stdout
