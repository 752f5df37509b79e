"""Release images: what makes an image a release, and how that is read and made; images enter as manifests and layers.

Reading gives facts about one image, bound to its digest. Which of them become part of a graph is
decided in :mod:`upgraph.graph`.
"""

from upgraph.payload.make import ReleaseContent, add_release, release_layer
from upgraph.payload.metadata import ReleaseMetadata, UnverifiedMetadata, VerifiedMetadata, parse_metadata
from upgraph.payload.reader import OtherImage, Reading, ReleaseImage, Verification, read_release

__all__ = [
    "OtherImage",
    "Reading",
    "ReleaseContent",
    "ReleaseImage",
    "ReleaseMetadata",
    "UnverifiedMetadata",
    "Verification",
    "VerifiedMetadata",
    "add_release",
    "parse_metadata",
    "read_release",
    "release_layer",
]
