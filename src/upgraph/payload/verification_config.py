"""The ConfigMap in a release that names the keys and the stores of its signatures.

A cluster at that release trusts it. Nobody else should: it is shown so that people can compare fingerprints.
Source: the Cluster Version Operator takes the first ConfigMap with this annotation, in the order of file names.
"""

from upgraph.errors import DataError
from upgraph.errors.problems.payload import LAYER_MISMATCH, LAYER_UNREADABLE
from upgraph.errors.problems.signing import VERIFICATION_CONFIG
from upgraph.oci import Descriptor, Hasher, Image, ImageSource, Index, parse_manifest
from upgraph.payload.inflate import LayerInflater
from upgraph.payload.tarstream import Entry, TarStream
from upgraph.signing import ConfigMap, config_maps_in
from upgraph.syntax import SyntaxFault

ANNOTATION = "release.openshift.io/verification-config-map"
MAX_MANIFEST_BYTES = 1024 * 1024
"""Bytes of the largest manifest that is looked at; larger ones are no ConfigMaps."""
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""Bytes of all manifests of a release that are kept while the right one is looked for."""
TOPMOST_LAYERS = 4
"""Layers that are looked through, from the topmost down."""
_FOLDER = "release-manifests/"
_ENDINGS = (".yaml", ".yml", ".json")


async def read_verification_config(source: ImageSource, reference: str) -> ConfigMap:
    """The ConfigMap of a release image, or of the last image of an index.

    Raises:
        DataError: the release has none, or cannot be read.
        RemoteError: it could not be read.
    """
    image = await _image(source, reference)
    for layer in list(reversed(image.layers))[:TOPMOST_LAYERS]:
        manifests = _Manifests(layer)
        await source.pour(layer, manifests, first=None)
        for content in manifests.sorted():
            found = _config_map(content)
            if found is not None:
                return found
    seen = f"{source.name}: {reference} has no ConfigMap with the annotation {ANNOTATION}"
    raise DataError(VERIFICATION_CONFIG, seen)


async def _image(source: ImageSource, reference: str) -> Image:
    manifest = await source.manifest(reference)
    parsed = parse_manifest(manifest.content, manifest.media_type)
    if isinstance(parsed, Index):
        images = [entry for entry in parsed.entries if not entry.is_attestation]
        if not images:
            raise DataError(VERIFICATION_CONFIG, f"{source.name}: {reference} is an index without images")
        inner = await source.manifest(images[-1].descriptor.digest)
        parsed = parse_manifest(inner.content, inner.media_type)
    if isinstance(parsed, Index):
        raise DataError(VERIFICATION_CONFIG, f"{source.name}: {reference} leads to an index in an index")
    return parsed


def _config_map(content: bytes) -> ConfigMap | None:
    try:
        return next((one for one in config_maps_in(content) if ANNOTATION in one.annotations), None)
    except SyntaxFault:
        # A manifest that nobody can read is a fault of the release, and not what was asked for.
        return None


class _Manifests:
    """A sink that keeps the manifests of a release that may be the one."""

    def __init__(self, layer: Descriptor) -> None:
        self._layer = layer
        self._hasher = Hasher.like(layer.digest)
        self._inflater = LayerInflater()
        self._stream = TarStream(self)
        self._found: dict[str, bytes] = {}
        self._bytes = 0

    def feed(self, chunk: bytes) -> bool:
        """See :meth:`upgraph.oci.Sink.feed`."""
        self._hasher.update(chunk)
        for piece in self._inflater.feed(chunk):
            self._stream.feed(piece)
        return True

    def sorted(self) -> list[bytes]:
        """The manifests in the order of their names, once the whole layer was fed."""
        if self._hasher.digest() != self._layer.digest:
            raise DataError(LAYER_MISMATCH, f"the layer {self._layer.digest} has other content")
        return [content for _, content in sorted(self._found.items())]

    def begin(self, entry: Entry) -> int | None:
        """See :meth:`~upgraph.payload.tarstream.Visitor.begin`."""
        name = entry.name.removeprefix("./")
        is_wanted = name.startswith(_FOLDER) and name.endswith(_ENDINGS) and entry.size <= MAX_MANIFEST_BYTES
        return MAX_MANIFEST_BYTES if is_wanted else None

    def take(self, entry: Entry, content: bytes) -> bool:
        """See :meth:`~upgraph.payload.tarstream.Visitor.take`."""
        if ANNOTATION.encode() not in content:
            return True
        self._bytes += len(content)
        if self._bytes > MAX_TOTAL_BYTES:
            raise DataError(LAYER_UNREADABLE, f"{_FOLDER} has more than {MAX_TOTAL_BYTES} bytes to look at")
        self._found[entry.name] = content
        return True
