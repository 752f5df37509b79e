"""The production graph data, beside a simple loader that shares no code with ours."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from upgraph.graph import ConditionalBlock, GraphData
from upgraph.graphdata import (
    Files,
    Loader,
    load,
    read_tarball,
    write_tarball,
)
from upgraph.graphdata.checking import check
from upgraph.graphdata.directory import DirectorySource
from upgraph.graphdata.rules import Rule
from upgraph.graphdata.target import targets_of_name

SETS = ("graph-data", "conformance/20200220.104838", "conformance/20200319.204124")


@pytest.fixture(scope="module")
def files(real_data: Path) -> Files:
    """The files of the production graph data."""
    return DirectorySource(real_data / "graph-data").read()


@pytest.fixture(scope="module")
def data(files: Files) -> GraphData:
    """The production graph data."""
    loaded = load(files)
    assert loaded.data is not None
    assert loaded.findings == ()
    return loaded.data


def rules_of(data: GraphData) -> list[Rule]:
    """All rules of both kinds."""
    return [*data.blocks, *data.conditional_blocks]


def documents(folder: Path) -> Iterator[tuple[str, Any]]:
    """Name and content of each YAML file, by PyYAML."""
    for path in sorted(folder.glob("*.yaml")):
        yield path.name, yaml.load(path.read_bytes(), Loader=yaml.CBaseLoader)


def test_the_counts_are_those_of_the_public_repository(data: GraphData) -> None:
    kinds = Counter(channel.name.partition("-")[0] for channel in data.channels)
    versions = [version for channel in data.channels for version in channel.versions]
    risks = [rule.risk for rule in data.conditional_blocks]
    assert kinds == {"candidate": 22, "stable": 22, "fast": 21, "eus": 9, "prerelease": 2}
    assert (len(versions), len(set(versions)), sum(bool(v.build) for v in versions)) == (8876, 1383, 35)
    assert (len(data.blocks), len(data.conditional_blocks), len(data.raw_metadata)) == (116, 1601, 4)
    assert len({rule.to for rule in data.conditional_blocks}) == 544
    assert len({risk.name for risk in risks}) == 124
    types = Counter(rule.type for risk in risks for rule in risk.matching_rules)
    assert types == {"PromQL": 1023, "Always": 578}
    sources = [rule.source.text for rule in rules_of(data)]
    assert (len(set(sources)), sources.count(".*")) == (109, 277)


def test_channels_are_what_a_simple_loader_reads(real_data: Path, data: GraphData) -> None:
    expected = {
        content["name"]: content["versions"] for _, content in documents(real_data / "graph-data/channels")
    }
    assert {c.name: [version.text for version in c.versions] for c in data.channels} == expected


def as_document(rule: ConditionalBlock) -> dict[str, object]:
    """The rule as its file has it."""
    risk = rule.risk
    rules = [
        {"type": r.type, **({"promql": {"promql": r.promql}} if r.promql else {})}
        for r in risk.matching_rules
    ]
    head = {"to": rule.to.text, "from": rule.source.text, "url": risk.url}
    return {**head, "name": risk.name, "message": risk.message, "matchingRules": rules}


def test_rules_are_what_a_simple_loader_reads(real_data: Path, data: GraphData) -> None:
    found: dict[str, object] = {rule.file: as_document(rule) for rule in data.conditional_blocks}
    found |= {rule.file: {"to": rule.to.text, "from": rule.source.text} for rule in data.blocks}
    assert found == {
        f"blocked-edges/{name}": {key: value for key, value in content.items() if key != "fixedIn"}
        for name, content in documents(real_data / "graph-data/blocked-edges")
    }


def test_rules_stand_in_the_order_of_their_files(data: GraphData) -> None:
    assert [rule.file for rule in data.blocks] == sorted(rule.file for rule in data.blocks)
    names = [rule.file for rule in data.conditional_blocks]
    assert names == sorted(names)


def test_raw_metadata_is_what_the_file_has(real_data: Path, data: GraphData) -> None:
    expected = json.loads((real_data / "graph-data/raw/metadata.json").read_text())
    assert {version.text: dict(values) for version, values in data.raw_metadata} == expected


def test_a_tarball_of_it_is_the_same_set(files: Files, data: GraphData, tmp_path: Path) -> None:
    (tmp_path / "data.tgz").write_bytes(write_tarball(files))
    with (tmp_path / "data.tgz").open("rb") as stream:
        assert load(read_tarball(stream, "data.tgz")).data == data


@pytest.mark.parametrize("name", SETS[1:])
def test_old_production_data_is_read(real_data: Path, name: str) -> None:
    loaded = load(DirectorySource(real_data / name / "cincinnati-graph-data").read())
    assert loaded.data is not None
    assert {finding.reference for finding in loaded.findings} <= {"graph-data-ignored"}


DEVIATING = {
    "parallel-ceph_fsync": 13,
    "release-data-with-hyphen-prefix": 5,
    "node-creation-fails": 1,
    "arm64-seccomp-error-524": 36,
    "cluster-verison-precondition-check": 1,
    "rpm-ostree-timeout": 12,
    "stale-insights-run-level-label": 15,
    "stale-selinux-policies": 14,
    "duplicate-release": 1,
    "leaked-machineconfig": 15,
    "incomptiable-python-update-breaking-baremetal-provisioning": 2,
    "ovn-namespace": 4,
    "auth-connection-leak": 1,
    "vsphere-hw-17-cross-node-networking": 1,
    "zz-vsphere-hostnames-changing": 1,
}
"""Words in lower case that old names append to the version, with the number of files."""


def test_the_name_of_every_rule_tells_its_target(data: GraphData) -> None:
    known = frozenset(version.base for channel in data.channels for version in channel.versions)
    deviating: Counter[str] = Counter()
    for rule in rules_of(data):
        told = targets_of_name(rule.file, known)
        assert rule.to in told
        # What is told beside the target is a version that nobody serves.
        assert [version for version in told if version != rule.to and version.base in known] == []
        if len(told) > 1:
            deviating[re.sub(r".*/|\.yaml$", "", rule.file).removeprefix(f"{rule.to}-")] += 1
    assert deviating == DEVIATING


def test_a_broken_copy_of_any_rule_withholds_its_target(files: Files, data: GraphData) -> None:
    # Each file is cut in the middle of its first line, as after a disk that ran full.
    cut = {
        path: content[:5] if path.startswith("blocked-edges/") else content for path, content in files.items()
    }
    loaded = load(cut)
    assert loaded.data is not None
    withheld = {(rule.file, rule.to) for rule in loaded.data.blocks if rule.source.matches_all}
    assert {(rule.file, rule.to) for rule in rules_of(data)} <= withheld


def test_an_edit_is_loaded_much_faster_than_the_set(files: Files) -> None:
    loader = Loader()
    begin = time.process_time()
    loader.load(files)
    middle = time.process_time()
    again = loader.load({**files, "blocked-edges/4.1.1.yaml": b"to: 4.1.1\nfrom: .*\n"})
    end = time.process_time()
    assert again.data is not None
    assert end - middle < (middle - begin) / 2


def test_the_check_of_the_real_set_finds_no_error_and_what_is_known(files: Files) -> None:
    report = check(files)
    assert report.errors == ()
    found = Counter(finding.reference for finding in report.findings)
    assert found == {"pattern-minor": 8, "pattern-patch": 35, "rule-target-unknown": 3}
    minors = {finding.file for finding in report.findings if finding.reference == "pattern-minor"}
    assert minors == {f"blocked-edges/4.19.{patch}-AROMissingInternalLBSAN.yaml" for patch in range(8)}
