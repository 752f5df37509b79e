"""Puts signatures into the forms in which they travel. The same signatures give the same bytes.

A ConfigMap is kept small enough for ``oc apply``, which writes a second copy of it into an annotation that
may have 256 KiB. Clusters look at the label and at the beginning of each entry's name, nothing else; so many
releases share one ConfigMap.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence

from upgraph.errors import DataError
from upgraph.errors.problems.signing import SIGNATURE_UNUSABLE
from upgraph.oci import Digest, LayerFile, gzipped, tar_layer
from upgraph.signing.config_map import ConfigMap
from upgraph.signing.stores import LABEL

Signatures = Mapping[Digest, Sequence[bytes]]
"""Signatures by the digest that they are said to be for."""

NAMESPACE = "openshift-config-managed"
"""Where clusters look for ConfigMaps with signatures."""
APPLIED_BYTES = 200 * 1024
"""Bytes up to which a ConfigMap is filled."""
MAX_CONFIG_MAP_BYTES = 1024 * 1024 - 16 * 1024
"""Bytes of the largest ConfigMap; a cluster takes 1 MiB with everything in it."""
_ENTRY_BYTES = 100
"""Bytes around the value of an entry, its name among them."""


def store_files(signatures: Signatures) -> dict[str, bytes]:
    """The files of a store, as mirrors have them: content by path, sorted."""
    return {
        f"{digest.replace(':', '=')}/signature-{number}": content
        for digest in sorted(signatures)
        for number, content in enumerate(signatures[digest], start=1)
    }


def store_archive(signatures: Signatures, *, compressed: bool) -> bytes:
    """A store as a tar archive."""
    archive = tar_layer(LayerFile(path, content) for path, content in store_files(signatures).items())
    return gzipped(archive) if compressed else archive


def config_maps(signatures: Signatures, name: str) -> list[ConfigMap]:
    """ConfigMaps with all signatures, filled in the order of digests.

    Args:
        signatures: what they carry.
        name: name of the first; the others have a number behind it.

    Raises:
        DataError: a signature is too large for any ConfigMap.
    """
    labels = frozenset({LABEL})
    return [
        ConfigMap(name if number == 1 else f"{name}-{number}", labels=labels, binary_data=part)
        for number, part in enumerate(_parts(signatures), start=1)
    ]


def config_map_manifest(signatures: Signatures, name: str) -> bytes:
    """The ConfigMaps as YAML of several documents, for ``oc apply -f``.

    Raises:
        DataError: a signature is too large for any ConfigMap.
    """
    return "".join(map(_document, config_maps(signatures, name))).encode()


def _parts(signatures: Signatures) -> Iterator[dict[str, str]]:
    part: dict[str, str] = {}
    size = 0
    for key, content in _entries(signatures):
        value = base64.b64encode(content).decode()
        if len(value) > MAX_CONFIG_MAP_BYTES:
            seen = f"the signature {key} has {len(content)} bytes, too many for a ConfigMap"
            raise DataError(SIGNATURE_UNUSABLE, seen)
        if part and size + len(value) + _ENTRY_BYTES > APPLIED_BYTES:
            yield part
            part, size = {}, 0
        part[key] = value
        size += len(value) + _ENTRY_BYTES
    if part:
        yield part


def _entries(signatures: Signatures) -> Iterator[tuple[str, bytes]]:
    for digest in sorted(signatures):
        for number, content in enumerate(signatures[digest], start=1):
            yield f"{digest.replace(':', '-')}-{number}", content


def _document(config_map: ConfigMap) -> str:
    lines = [
        "---",
        "apiVersion: v1",
        "kind: ConfigMap",
        "metadata:",
        f"  name: {config_map.name}",
        f"  namespace: {NAMESPACE}",
        "  labels:",
        *(f'    {label}: ""' for label in sorted(config_map.labels)),
        "binaryData:",
        *(f"  {key}: {value}" for key, value in config_map.binary_data.items()),
    ]
    return "\n".join(lines) + "\n"
