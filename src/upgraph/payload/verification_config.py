"""The ConfigMap in a release that names the keys and the stores of its signatures.

A cluster at that release trusts it. Nobody else should: it is shown so that people can compare fingerprints.
Source: the Cluster Version Operator takes the first ConfigMap with this annotation, in the order of file names.
"""

from upgraph.errors import DataError
from upgraph.errors.problems.signing import VERIFICATION_CONFIG
from upgraph.oci import ImageSource
from upgraph.payload.whole import choose, read_members, read_payload
from upgraph.signing import ConfigMap, config_maps_in
from upgraph.syntax import SyntaxFault

ANNOTATION = "release.openshift.io/verification-config-map"
MAX_MANIFEST_BYTES = 1024 * 1024
"""Bytes of the largest manifest that is looked at; larger ones are no ConfigMaps."""


async def read_verification_config(source: ImageSource, reference: str) -> ConfigMap:
    """The ConfigMap of a release; of an index, that of the image that speaks for it.

    Raises:
        DataError: the release has none, or cannot be read.
        RemoteError, VerificationError: something could not be read, or is not what it claims to be.
    """
    members = await read_members(source, await source.manifest(reference))
    payload = await read_payload(source, choose(members, None))
    for _, file in sorted(payload.manifests.items()):
        found = _config_map(file.content)
        if found is not None:
            return found
    seen = f"{source.name}: {reference} has no ConfigMap with the annotation {ANNOTATION}"
    raise DataError(VERIFICATION_CONFIG, seen)


def _config_map(content: bytes) -> ConfigMap | None:
    # Nearly all manifests are others, and taking all of them apart costs a second.
    if len(content) > MAX_MANIFEST_BYTES or ANNOTATION.encode() not in content:
        return None
    try:
        return next((one for one in config_maps_in(content) if ANNOTATION in one.annotations), None)
    except SyntaxFault:
        # A manifest that nobody can read is a fault of the release, and not what was asked for.
        return None
