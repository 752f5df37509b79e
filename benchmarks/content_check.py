"""Checks that a registry really serves what was written past it: a few images over HTTP, one with skopeo."""

import hashlib
import ssl
import subprocess
import urllib.request
from pathlib import Path

import msgspec

from benchmarks.catalogue import BrokenMeasurementError, PlannedRelease
from benchmarks.generate import ALL_REPOSITORY, AMD64_REPOSITORY, Content, tag_of
from upgraph.graph import labels
from upgraph.oci import Image, parse_manifest
from upgraph.oci.images.manifest import ACCEPT_MANIFESTS
from upgraph.testing.real_registry import RealRegistry, program

READ_SECONDS = 30
"""Longest time for one request."""


class _Tags(msgspec.Struct):
    tags: list[str]


class _Inspected(msgspec.Struct, rename="pascal"):
    architecture: str
    layers: list[str]


def check_content(registry: RealRegistry, made: Content) -> None:
    """Read tag lists, first and last images, and a manifest list.

    Raises:
        BrokenMeasurementError: something is missing or is not what its digest says.
    """
    reader = _Reader(registry)
    _expect("tags of one architecture", reader.tags(AMD64_REPOSITORY), len(made.amd64))
    _expect("tags of all architectures", reader.tags(ALL_REPOSITORY), made.tags)
    for release in (made.amd64[0], made.amd64[-1]):
        reader.check_image(AMD64_REPOSITORY, release)
        reader.check_image(ALL_REPOSITORY, release)
    multi = next(release for release in made.planned if release.arch == labels.MULTI)
    _inspect(registry, tag_of(multi.version.text, labels.MULTI))


def _expect(what: str, seen: object, wanted: object) -> None:
    if seen != wanted:
        raise BrokenMeasurementError(f"the generated registry has {seen} {what}, expected {wanted}")


class _Reader:
    def __init__(self, registry: RealRegistry) -> None:
        if registry.certificates is None:
            raise BrokenMeasurementError("the registry has no TLS")
        self._port = registry.port
        self._context = ssl.create_default_context(cafile=str(registry.certificates.certificate))

    def tags(self, repository: str) -> int:
        return len(msgspec.json.decode(self._get(f"{repository}/tags/list"), type=_Tags).tags)

    def check_image(self, repository: str, release: PlannedRelease) -> None:
        content = self._get(f"{repository}/manifests/{tag_of(release.version.text, release.arch)}")
        image = parse_manifest(content, "")
        if not isinstance(image, Image):
            raise BrokenMeasurementError(f"{release.version} is no image")
        for blob in (image.config, *image.layers):
            body = self._get(f"{repository}/blobs/{blob.digest}")
            _expect("digest of a blob", f"sha256:{hashlib.sha256(body).hexdigest()}", blob.digest)
            _expect("bytes in a blob", len(body), blob.size)

    def _get(self, path: str) -> bytes:
        url = f"https://127.0.0.1:{self._port}/v2/{path}"
        request = urllib.request.Request(url, headers={"Accept": ACCEPT_MANIFESTS})
        with urllib.request.urlopen(request, timeout=READ_SECONDS, context=self._context) as response:
            content: bytes = response.read()
        return content


def _inspect(registry: RealRegistry, tag: str) -> None:
    target = f"docker://{registry.repository(ALL_REPOSITORY).name}:{tag}"
    command = [
        program("skopeo"),
        "--override-arch",
        "s390x",
        "inspect",
        "--no-tags",
        "--tls-verify=false",
        target,
    ]
    done = subprocess.run(command, capture_output=True, timeout=READ_SECONDS, check=False, cwd=Path("/"))
    if done.returncode:
        raise BrokenMeasurementError(f"skopeo inspect {tag} failed: {done.stderr.decode(errors='replace')}")
    seen = msgspec.json.decode(done.stdout, type=_Inspected)
    _expect("architecture by skopeo", seen.architecture, "s390x")
    _expect("layers by skopeo", len(seen.layers), 2)
