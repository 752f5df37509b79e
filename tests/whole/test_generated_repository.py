"""The repository that is measured, in a real registry, with real graph data: what clusters of every kind get.

Two minor streams for all architectures. Releases for one have Docker manifests; those for several have manifest
lists, and the images in them have tags of their own, which are no releases.
"""

import http.client
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from benchmarks.catalogue import FIRST_MINOR, PlannedRelease, plan
from benchmarks.generate import ALL_REPOSITORY, SHARDS, tag_of, write_release
from benchmarks.storage import RepositoryStorage
from tests.whole.conftest import Starter, curl
from upgraph.oci import digest_of
from upgraph.testing.answers import (
    RELEASE_ARCHITECTURE_KEY,
    Edge,
    PlainGraph,
    client_violations,
    read_answer,
    violations,
)
from upgraph.testing.real_registry import real_registry

MINORS = frozenset({(4, 21), (4, 22)})
"""The newest with releases for several architectures at once, and with conditional updates."""
ARCHES = tuple(FIRST_MINOR)


@dataclass(frozen=True)
class Served:
    """What went in, as files say it, and what came out."""

    graph_data: Path
    storage: RepositoryStorage
    repository: str
    """As clusters pull from it."""
    planned: tuple[PlannedRelease, ...]
    answers: Mapping[tuple[str, str], bytes]
    """By channel and architecture."""
    whole: bytes
    """What policy engines get."""
    tags: int

    @cached_property
    def graphs(self) -> Mapping[tuple[str, str], PlainGraph]:
        """The answers as graphs."""
        return {asked: read_answer(answer) for asked, answer in self.answers.items()}

    @cached_property
    def channels(self) -> Mapping[str, frozenset[str]]:
        """Versions by channel, as they stand there."""
        return channels_of(self.graph_data)

    @cached_property
    def ruled(self) -> frozenset[str]:
        """Versions into which a rule takes away updates, or makes them conditional."""
        rules = map(read_yaml, (self.graph_data / "blocked-edges").glob("*.yaml"))
        return frozenset(str(rule["to"]).partition("+")[0] for rule in rules)

    def versions(self, arch: str) -> frozenset[str]:
        """The versions that have a release for an architecture."""
        return frozenset(release.version.text for release in self.planned if release.arch == arch)

    def updates(self, arch: str) -> frozenset[Edge]:
        """The updates that the releases for an architecture name."""
        ours = self.versions(arch)
        edges = {
            (source, release.version.text)
            for release in self.planned
            if release.arch == arch
            for source in release.previous
        }
        return frozenset(edge for edge in edges if ours.issuperset(edge))


def read_yaml(path: Path) -> dict[str, object]:
    """A YAML file whose scalars all stay text."""
    content: dict[str, object] = yaml.load(path.read_text(), yaml.CBaseLoader)
    return content


def channels_of(graph_data: Path) -> Mapping[str, frozenset[str]]:
    found = {}
    for path in (graph_data / "channels").glob("*.yaml"):
        content = read_yaml(path)
        assert isinstance(content["versions"], list)
        found[str(content["name"])] = frozenset(content["versions"])
    return found


def ask_all(clusters: str, channels: Mapping[str, object]) -> dict[tuple[str, str], bytes]:
    """Ask for every channel and architecture, one after the other."""
    parts = urlsplit(clusters)
    connection = http.client.HTTPConnection(parts.netloc, timeout=180)
    answers = {}
    for asked in [(channel, arch) for channel in sorted(channels) for arch in ARCHES]:
        connection.request("GET", f"{parts.path}?channel={asked[0]}&arch={asked[1]}")
        got = connection.getresponse()
        answers[asked] = got.read()
        assert got.status == 200, answers[asked]
    connection.close()
    return answers


@pytest.fixture(scope="module")
def served(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    graph_data, directory = real_data / "graph-data", tmp_path_factory.mktemp("registry")
    planned = plan(graph_data, minors=MINORS)
    with ExitStack() as stack:
        # Some hundred megabytes, which pytest would keep for three runs.
        stack.callback(shutil.rmtree, directory / "data")
        for release in planned:
            write_release(directory / "data", ALL_REPOSITORY, release)
        repository = stack.enter_context(real_registry(directory)).repository(ALL_REPOSITORY)
        start = Starter(tmp_path_factory.mktemp("run"), stack)
        service = start.serve(
            *("--releases", repository, "--graph-data", graph_data, "--builder-listen", "127.0.0.1:0")
        )
        service.answered()
        last = service.state()["last_scrape"]
        assert isinstance(last, dict)
        yield Served(
            graph_data,
            RepositoryStorage(directory / "data", ALL_REPOSITORY),
            repository.name,
            planned,
            ask_all(service.clusters, channels_of(graph_data)),
            curl(service.said(r"policy engines are answered on (\S+)")).body,
            int(last["message"].partition(" releases in ")[2].partition(" tags")[0]),
        )


def test_every_answer_keeps_every_guarantee_and_so_does_the_whole_graph(served: Served) -> None:
    broken = {asked: client_violations(answer, *asked) for asked, answer in served.answers.items()}
    assert {asked: found for asked, found in broken.items() if found} == {}
    assert violations(served.whole) == []


def test_clusters_get_the_releases_of_their_channel_and_architecture(served: Served) -> None:
    for (channel, arch), graph in served.graphs.items():
        listed = served.channels[channel]
        expected = {version for version in served.versions(arch) if {version, f"{version}+{arch}"} & listed}
        assert set(graph.nodes) == expected, (channel, arch)
    assert all(served.graphs["candidate-4.22", arch].nodes for arch in ARCHES)


def test_the_images_in_manifest_lists_are_no_releases_though_they_have_tags(served: Served) -> None:
    lists = sum(release.arch == "multi" for release in served.planned)
    assert lists
    assert served.tags == len(served.planned) + lists * len(SHARDS)
    concrete = [node for node in json.loads(served.whole)["nodes"] if "payload" in node]
    assert len(concrete) == len(served.planned)


def test_a_payload_is_the_image_that_the_tag_of_the_release_leads_to(served: Served) -> None:
    for (_, arch), graph in served.graphs.items():
        for version, node in graph.nodes.items():
            tagged = served.storage.tagged(tag_of(version, arch))
            assert node["payload"] == f"{served.repository}@{digest_of(tagged)}", (version, arch)


def test_metadata_of_releases_pass_through(served: Served) -> None:
    addresses = {release.version.text: release.url for release in served.planned}
    for (_, arch), graph in served.graphs.items():
        for version, node in graph.nodes.items():
            assert node["metadata"]["url"] == addresses[version]
            said = node["metadata"].get(RELEASE_ARCHITECTURE_KEY)
            assert said == ("multi" if arch == "multi" else None), (version, arch)


def test_updates_are_those_that_releases_name_less_what_rules_take(served: Served) -> None:
    for (channel, arch), graph in served.graphs.items():
        named = {edge for edge in served.updates(arch) if graph.nodes.keys() >= set(edge)}
        offered = graph.edges | graph.conditional.keys()
        assert offered <= named, (channel, arch)
        assert {target for _, target in named - graph.edges} <= served.ruled, (channel, arch)
    assert all(served.graphs["candidate-4.22", arch].conditional for arch in ARCHES)
