"""Makes the content that is measured: two repositories of a registry, and the graph data beside them.

Every image has a base layer, which all share, and a release layer: references to 280 components and the
release metadata in front (complete after about 14 KB), then 300 KB that do not compress. That weighs as
much before the metadata as 190 real components with their annotations do.

The content depends on the graph data and this package alone. It is made once and kept in a directory
that is named after both.
"""

import hashlib
import os
import random
import shutil
import stat
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.catalogue import QUICK_MINORS, BrokenMeasurementError, PlannedRelease, plan
from benchmarks.storage import RepositoryStorage
from upgraph.graph import labels
from upgraph.graphdata import digest_of
from upgraph.graphdata.directory import DirectorySource
from upgraph.oci import DOCKER_LAYER_GZIP, Descriptor, Platform
from upgraph.payload import ReleaseContent, release_layer

AMD64_REPOSITORY = "ocp/release"
"""One release image for every version."""
ALL_REPOSITORY = "ocp/release-all"
"""The same images, those of the other architectures, manifest lists, and the images in them with tags of their own."""
COMPONENTS = 280
REST_BYTES = 300_000
"""Bytes of a release layer behind the metadata."""
BASE_BYTES = 64 * 1024
SIGNED_MINOR = (4, 18)
"""Releases of this minor stream have a signature tag beside theirs."""
TAG_ARCHES = {"amd64": "x86_64", "arm64": "aarch64"}
"""How tags name architectures, where they do not use the name in Go."""
SHARDS = ("amd64", "arm64", "ppc64le", "s390x")
"""Architectures of the images in a manifest list, in its order."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was generated."""

    directory: Path
    planned: tuple[PlannedRelease, ...]
    """Every release of the larger repository."""

    @property
    def registry(self) -> Path:
        """The directory that a registry keeps its things in."""
        return self.directory / "registry"

    @property
    def storage(self) -> Path:
        """The directory in it that has the content."""
        return self.registry / "data"

    @property
    def graph_data(self) -> Path:
        """A copy of the graph data, free to be changed."""
        return self.directory / "graph-data"

    @property
    def amd64(self) -> tuple[PlannedRelease, ...]:
        """The releases of the smaller repository."""
        return tuple(release for release in self.planned if release.arch == "amd64")

    @property
    def tags(self) -> int:
        """Tags of the larger repository."""
        return len(self.planned) + sum(_extra_tags(release) for release in self.planned)


def content(graph_data: Path, *, work: Path, quick: bool) -> Content:
    """The content for this graph data, from ``work`` if it is there, else made anew.

    Args:
        graph_data: a checkout of cincinnati-graph-data.
        work: where it is kept; about 2 GB.
        quick: two minor streams only.

    Raises:
        BrokenMeasurementError: the directory belongs to somebody else.
    """
    minors = QUICK_MINORS if quick else None
    made = Content(
        work / f"upgraph-bench-{_identity(graph_data, quick=quick)}", plan(graph_data, minors=minors)
    )
    done = made.directory / "complete"
    _claim(made.directory)
    if not done.exists():
        shutil.rmtree(made.registry, ignore_errors=True)
        _make(made)
        done.touch()
    _renew_graph_data(graph_data, made.graph_data)
    return made


def tag_of(version: str, arch: str) -> str:
    """The tag of a release, as on quay.io."""
    return f"{version}-{TAG_ARCHES.get(arch, arch)}"


def _identity(graph_data: Path, *, quick: bool) -> str:
    digest = hashlib.sha256(f"{quick} {digest_of(DirectorySource(graph_data).read())}".encode())
    for name in ("catalogue.py", "generate.py", "storage.py"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()[:12]


def _claim(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    seen = directory.lstat()
    if seen.st_uid != os.geteuid() or not stat.S_ISDIR(seen.st_mode):
        raise BrokenMeasurementError(f"{directory} belongs to somebody else; name another place with --work")


def _renew_graph_data(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in ("LICENSE", "version"):
        shutil.copyfile(source / name, target / name)
    for name in ("blocked-edges", "channels", "raw"):
        shutil.copytree(source / name, target / name, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _make(made: Content) -> None:
    write_amd64 = partial(write_release, made.storage, AMD64_REPOSITORY)
    write_all = partial(write_release, made.storage, ALL_REPOSITORY)
    with ProcessPoolExecutor() as pool:
        _exhaust(pool.map(write_amd64, made.amd64, chunksize=16))
        _exhaust(pool.map(write_all, made.planned, chunksize=16))


def _exhaust(results: Iterable[None]) -> None:
    for _ in results:
        pass


def write_release(directory: Path, repository: str, release: PlannedRelease) -> None:
    """Write what a repository has of a release: its image, or a manifest list with the images in it."""
    storage = RepositoryStorage(directory, repository)
    tag = tag_of(release.version.text, release.arch)
    if release.arch == labels.MULTI:
        storage.manifest_list([_shard(storage, release, arch) for arch in SHARDS], tag)
        return
    image = _image(storage, release, release.arch, {"url": release.url}, tag=tag)
    if repository == ALL_REPOSITORY and _is_signed(release):
        _sign(storage, image)


def _shard(storage: RepositoryStorage, release: PlannedRelease, arch: str) -> tuple[Descriptor, Platform]:
    # The metadata key tells it from the release for this architecture alone, which is another image.
    metadata = {"url": release.url, labels.RELEASE_ARCHITECTURE: labels.MULTI}
    tag = tag_of(f"{release.version.text}-{labels.MULTI}", arch)
    return _image(storage, release, arch, metadata, tag=tag), Platform(arch)


def _image(
    storage: RepositoryStorage, release: PlannedRelease, arch: str, metadata: dict[str, str], *, tag: str
) -> Descriptor:
    version = release.version.text
    chance = random.Random(tag)
    body = ReleaseContent(
        version=version,
        previous=release.previous,
        metadata=metadata,
        images={f"component-{number:03}": _pull_spec(chance) for number in range(COMPONENTS)},
        manifests={"0000_50_manifests.yaml": chance.randbytes(REST_BYTES)},
    )
    config = {"architecture": arch, "os": "linux", "config": {"Labels": {"io.openshift.release": version}}}
    return storage.image(config, _layers(storage, release_layer(body)), tag)


def _layers(storage: RepositoryStorage, release: bytes) -> Sequence[Descriptor]:
    base = random.Random("base").randbytes(BASE_BYTES)
    return [storage.layer(base, DOCKER_LAYER_GZIP), storage.layer(release, DOCKER_LAYER_GZIP)]


def _pull_spec(chance: random.Random) -> str:
    return f"quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:{chance.randbytes(32).hex()}"


def _is_signed(release: PlannedRelease) -> bool:
    return release.arch == "amd64" and release.version.minor == SIGNED_MINOR


def _sign(storage: RepositoryStorage, image: Descriptor) -> None:
    layer = storage.layer(b"{}", "application/vnd.dev.cosign.simplesigning.v1+json")
    storage.image({"os": "", "architecture": ""}, [layer], f"{image.digest.replace(':', '-')}.sig")


def _extra_tags(release: PlannedRelease) -> int:
    return len(SHARDS) if release.arch == labels.MULTI else int(_is_signed(release))
