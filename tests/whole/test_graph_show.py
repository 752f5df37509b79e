"""``upgraph graph show`` on a service that runs."""

import json
import subprocess
from collections import Counter

import pytest
import yaml

from tests.whole.conftest import BIN, Running, Starter


def _graph(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [str(BIN / "upgraph"), "graph", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)


def _show(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return _graph("show", *arguments)


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_documents_are_those_that_clusters_get(calm: Running, form: str) -> None:
    done = _show(calm.clusters, "--channel", "stable-4.1", "--arch", "arm64", "-o", form)
    shown = json.loads(done.stdout) if form == "json" else yaml.safe_load(done.stdout)
    assert shown == json.loads(calm.ask("stable-4.1", "arm64").body)


@pytest.mark.parametrize("form", ["table", "wide"])
def test_tables_have_the_versions(calm: Running, form: str) -> None:
    done = _show(calm.clusters, "--channel", "stable-4.1", "-o", form)
    cells = [line.split() for line in done.stdout.splitlines() if line.strip().startswith("4.1.")]
    assert [cell[:3] for cell in cells] == [["4.1.0", "0", "0"], ["4.1.1", "1", "0"], ["4.1.2", "2", "0"]]


def test_dot_has_an_arrow_for_each_edge(calm: Running) -> None:
    done = _show(calm.clusters, "--channel", "stable-4.1", "-o", "dot")
    assert Counter(done.stdout)["{"] == Counter(done.stdout)["}"]
    assert done.stdout.count("->") == 3


def test_without_a_channel_a_service_says_what_is_missing(calm: Running) -> None:
    done = _show(calm.clusters)
    assert done.returncode == 4
    assert "answered 400" in done.stderr
    assert "Give --channel" in done.stderr
    assert "graph-not-given" in done.stderr


def test_of_the_whole_graph_of_a_builder_only_what_is_asked_for_is_shown(
    start: Starter, sources: tuple[object, ...]
) -> None:
    service = start.serve(*sources, "--builder-listen", "127.0.0.1:0")
    service.answered()
    builder = service.said(r"answered on (http://127[.]0[.]0[.]1:\d+/\S+)")
    asked = ("--channel", "stable-4.1", "--arch", "arm64", "-o", "json")
    assert json.loads(_show(builder, *asked).stdout) == json.loads(service.ask("stable-4.1", "arm64").body)
    listed = _graph("recommended", builder, "--channel", "stable-4.1").stdout.split()
    assert listed == ["4.1.1", "4.1.2"]


def test_what_would_have_no_effect_is_refused(calm: Running) -> None:
    of_all = _show(calm.clusters, "--arch", "arm64")
    assert (of_all.returncode, "--arch needs --channel" in of_all.stderr) == (2, True)
    of_two = _show(calm.clusters, "--channel", "stable-4.1", "--releases", "oci:/somewhere")
    assert (of_two.returncode, "--releases has no effect" in of_two.stderr) == (2, True)
