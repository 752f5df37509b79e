"""``upgraph graph show`` on a service that runs."""

import json
import subprocess
from collections import Counter

import pytest
import yaml

from tests.whole.conftest import BIN, Running


def _show(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [str(BIN / "upgraph"), "graph", "show", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


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
