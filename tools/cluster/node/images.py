"""Images on this node: read from registries, unpacked once for each digest, with their logins and their authorities.

A tag is resolved again where the pull policy says so; content is kept by digest, whole or not at all.
"""

import asyncio
import platform
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import zstandard

from tools.cluster.node.specification import NotStartableError
from tools.cluster.node.unpacking import unpack_layer
from upgraph.errors import UpgraphError
from upgraph.oci import (
    Access,
    Credentials,
    Descriptor,
    Digest,
    Hasher,
    Image,
    ImageName,
    ImageSource,
    Index,
    Proxies,
    RegistryClient,
    Repository,
    Trust,
    parse_image_name,
    parse_manifest,
    read_blob,
)
from upgraph.oci.credentials.lookup import Place

MAX_CONFIG_BYTES = 1024 * 1024
"""Largest configuration of an image."""
MAX_LAYER_BYTES = 1024**3
"""Largest layer, as it is in the registry."""
PULL_SECONDS = 300.0
"""Longest time for one pull."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_LOGINS = ".dockerconfigjson"


class _Start(msgspec.Struct, frozen=True, rename="pascal"):
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: tuple[str, ...] | None = None
    user: str = ""
    working_dir: str = ""
    stop_signal: str = ""


class _Config(msgspec.Struct, frozen=True):
    config: _Start | None = None


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image that is on this node."""

    name: str
    """The repository with the digest that its name stood for: ``imageID`` of a container."""
    root: Path
    """Its files. Nobody writes there."""
    start: _Start


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """What the administrator of a node sets up for all its pulls."""

    authorities: Sequence[Path] = ()
    without_tls: frozenset[str] = frozenset()
    """Hosts, with their ports, that speak plain HTTP."""
    logins: Path | None = None
    """The file with the logins of the node itself, which are the weakest. It is read for each pull."""

    def strongest_first(self, given: Sequence[bytes]) -> list[bytes]:
        """The logins for one pull: those of the pod, then those of the node."""
        return [*given, *([] if self.logins is None else [self.logins.read_bytes()])]


@dataclass(slots=True)
class ImageStore:
    """The images of one or more nodes."""

    directory: Path
    access: RegistryAccess
    _by_name: dict[str, StoredImage] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def image(self, name: str, policy: str, logins: Sequence[bytes]) -> StoredImage:
        """An image as a container wants it.

        Args:
            name: as the pod has it.
            policy: ``Always``, ``IfNotPresent`` or ``Never``.
            logins: files with credentials (``.dockerconfigjson``), the strongest first.

        Raises:
            NotStartableError: it is not there and could not be pulled.
        """
        async with self._locks.setdefault(name, asyncio.Lock()):
            there = self._by_name.get(name)
            if there is not None and policy != "Always":
                return there
            if policy == "Never":
                message = f'Container image "{name}" is not present with pull policy of Never'
                raise NotStartableError("ErrImageNeverPull", message)
            try:
                async with asyncio.timeout(PULL_SECONDS):
                    self._by_name[name] = await self._pull(name, logins)
            except (
                UpgraphError,
                OSError,
                EOFError,
                tarfile.TarError,
                zlib.error,
                zstandard.ZstdError,
            ) as error:
                message = f'failed to pull and unpack image "{name}": {error}'
                raise NotStartableError("ErrImagePull", message) from error
            return self._by_name[name]

    async def _pull(self, text: str, logins: Sequence[bytes]) -> StoredImage:
        name, place = self._named(text)
        with tempfile.TemporaryDirectory(dir=self.directory, prefix="pull-") as folder:
            credentials = _credentials(Path(folder), self.access.strongest_first(logins))
            access = Access(credentials, Trust(self.access.authorities), Proxies())
            async with RegistryClient(place, access=access) as source:
                manifest = await source.manifest(name.in_registry)
                image, digest = await self._chosen(source, manifest.digest, text)
                if image.config.size > MAX_CONFIG_BYTES:
                    raise NotStartableError("ErrImagePull", f"{text}: its configuration is too large")
                config = await read_blob(source, image.config, f"configuration of {text}")
                root = self.directory / str(digest).replace(":", "-")
                if not root.is_dir():
                    await _unpack(source, image, Path(folder), root)
        start = msgspec.json.decode(config, type=_Config).config or _Start()
        return StoredImage(f"{place.name}@{manifest.digest}", root, start)

    def _named(self, text: str) -> tuple[ImageName, Repository]:
        try:
            name = parse_image_name(text)
        except UpgraphError as error:
            raise NotStartableError("InvalidImageName", f"{text!r}: {error}") from error
        if not isinstance(name.place, Repository):
            raise NotStartableError("InvalidImageName", f"{text!r} is in no registry")
        if name.place.host in self.access.without_tls:
            return name, replace(name.place, scheme="http")
        return name, name.place

    async def _chosen(self, source: ImageSource, digest: Digest, text: str) -> tuple[Image, Digest]:
        manifest = await source.manifest(digest)
        parsed = parse_manifest(manifest.content, manifest.media_type)
        if isinstance(parsed, Image):
            return parsed, digest
        ours = architecture()
        for entry in parsed.images:
            if (entry.os, entry.architecture) == ("linux", ours):
                child = await source.manifest(entry.descriptor.digest)
                image = parse_manifest(child.content, entry.descriptor.media_type)
                if not isinstance(image, Index):
                    return image, child.digest
        raise NotStartableError("ErrImagePull", f"{text}: no match for platform in manifest: linux/{ours}")


def architecture() -> str:
    """That of this machine, as images name it."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def _credentials(folder: Path, logins: Sequence[bytes]) -> Credentials:
    places = []
    for at, content in enumerate(logins):
        path = folder / f"login-{at}.json"
        path.touch(mode=0o600)
        path.write_bytes(content)
        places.append(Place(path, "logins of the pod or the node"))
    return Credentials(places)


class _LayerFile:
    """A sink that keeps a layer in a file and knows its digest."""

    def __init__(self, path: Path, blob: Descriptor) -> None:
        self._file = path.open("wb")
        self._hasher = Hasher.like(blob.digest)

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes."""
        self._hasher.update(chunk)
        self._file.write(chunk)
        return True

    def finish(self) -> Digest:
        """Close the file; gives the digest of what is in it."""
        self._file.close()
        return self._hasher.digest()


async def _unpack(source: ImageSource, image: Image, folder: Path, target: Path) -> None:
    root = folder / "root"
    root.mkdir(mode=0o755)
    for layer in image.layers:
        if layer.size > MAX_LAYER_BYTES:
            raise NotStartableError("ErrImagePull", f"{layer.digest} has more than {MAX_LAYER_BYTES} bytes")
        path = folder / "layer"
        sink = _LayerFile(path, layer)
        try:
            await source.pour(layer, sink, first=None)
        finally:
            found = sink.finish()
        if found != layer.digest:
            raise NotStartableError("ErrImagePull", f"a layer has the digest {found}, not {layer.digest}")
        await asyncio.to_thread(unpack_layer, path, root)
    await asyncio.to_thread(_keep, root, target)


def _keep(root: Path, target: Path) -> None:
    try:
        root.rename(target)
    except OSError:
        # Another name for the same image was faster.
        if not target.is_dir():
            raise
        shutil.rmtree(root)


def logins_of(secrets: Sequence[dict[str, bytes]]) -> list[bytes]:
    """The files with credentials in the values of Secrets; those of other types have none."""
    return [secret[_LOGINS] for secret in secrets if _LOGINS in secret]
