"""The sample platform of ``upgraph demo``: release images and graph data of a platform that does not exist.

Four minors, three architectures and a multi-architecture build of the newest minor; three channels a
minor; a conditional risk, a risk for everybody, and a blocked edge. The same call gives the same bytes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from upgraph.oci import LayoutWriter, Platform, digest_of
from upgraph.payload import ReleaseContent, add_release

REPOSITORY = "registry.example/sample/release"
"""What clusters of the sample platform are told to pull from."""
ARCHES = {"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390x"}
"""Architectures, and how tags name them."""
MINORS = (14, 15, 16, 17)
PATCHES = 6
_MULTI_MINOR = MINORS[-1]


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the sample platform lies."""

    releases: Path
    """An OCI layout."""
    graph_data: Path
    """A directory."""

    @staticmethod
    def below(place: Path) -> "Sample":
        """The sample platform as it lies in a directory."""
        return Sample(place / "releases", place / "graph-data")

    @property
    def is_complete(self) -> bool:
        """Whether it has been made: its graph data are written last, and their version last of all."""
        return (self.releases / "index.json").exists() and (self.graph_data / "version").exists()


def make_sample(sample: Sample) -> None:
    """Make the sample platform."""
    with LayoutWriter(sample.releases) as layout:
        for version in _versions():
            for arch, name in ARCHES.items():
                add_release(layout, _content(version), arch, f"{version}-{name}")
            if _minor(version) == _MULTI_MINOR:
                _add_multi(layout, version)
    for path, text in _graph_data().items():
        file = sample.graph_data / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _versions() -> Iterator[str]:
    for minor in MINORS:
        yield f"4.{minor}.0-rc.1"
        for patch in range(PATCHES):
            yield f"4.{minor}.{patch}"


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _previous(version: str) -> list[str]:
    """Earlier versions of the same minor, and the later half of the minor before."""
    versions = list(_versions())
    earlier = versions[: versions.index(version)]
    same = [known for known in earlier if _minor(known) == _minor(version)]
    before = [known for known in earlier if _minor(known) == _minor(version) - 1]
    return same + before[len(before) // 2 :]


def _content(version: str, **metadata: str) -> ReleaseContent:
    errata = f"https://errata.example/{version}"
    component = digest_of(f"component of {version}".encode())
    return ReleaseContent(
        version=version,
        previous=_previous(version),
        metadata={"url": errata, **metadata},
        images={"cluster-version-operator": f"registry.example/sample/components@{component}"},
    )


def _add_multi(layout: LayoutWriter, version: str) -> None:
    content = _content(version, **{"release.openshift.io/architecture": "multi"})
    images = [(add_release(layout, content, arch), Platform(arch)) for arch in ARCHES]
    layout.index(images, f"{version}-multi")


def _graph_data() -> dict[str, str]:
    files = {"raw/metadata.json": "{}\n"}
    for minor in MINORS:
        members = [version for version in _versions() if _minor(version) in (minor - 1, minor)]
        released = [version for version in members if "-" not in version]
        for name, versions in (("candidate", members), ("fast", released), ("stable", released[:-1])):
            files[f"channels/{name}-4.{minor}.yaml"] = _channel(f"{name}-4.{minor}", versions)
    return files | dict(_rules()) | {"version": "1.1.0\n"}


def _channel(name: str, versions: list[str]) -> str:
    return f"name: {name}\nversions:\n" + "".join(f"- {version}\n" for version in versions)


def _rules() -> Iterator[tuple[str, str]]:
    yield (
        "blocked-edges/4.16.2.yaml",
        "# 4.16.2 loses the console on its way from 4.15.\nto: 4.16.2\nfrom: 4[.]15[.].*\n",
    )
    yield (
        "blocked-edges/4.17.0-rc.1-PreRelease.yaml",
        _risk("4.17.0-rc.1", ".*", "PreRelease", "This is a release candidate.", "type: Always"),
    )
    for patch in range(3):
        query = (
            'promql: {promql: "group(cluster_operator_up{name=\\"storage\\"}) or 0 * group(cluster_version)"}'
        )
        yield (
            f"blocked-edges/4.17.{patch}-SlowVolumes.yaml",
            _risk(
                f"4.17.{patch}",
                "4[.]16[.].*",
                "SlowVolumes",
                "Volumes attach slowly after this update.",
                f"type: PromQL\n  {query}",
            ),
        )


def _risk(to: str, source: str, name: str, message: str, rule: str) -> str:
    url = f"https://issues.example/{name}"
    return f"to: {to}\nfrom: {source}\nurl: {url}\nname: {name}\nmessage: {json.dumps(message)}\nmatchingRules:\n- {rule}\n"
