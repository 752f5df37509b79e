"""Release images: what makes an image a release, and how that is read and made; images enter as manifests and layers.

Reading gives facts about one image, bound to its digest. Which of them become part of a graph is
decided in :mod:`upgraph.graph`.
"""

from upgraph.payload.check import SignatureCheck, Verdict, examine_release
from upgraph.payload.compare import Change, Difference, compare
from upgraph.payload.contents import METADATA, REFERENCES, PayloadFile
from upgraph.payload.make import ReleaseContent, add_release, release_layer
from upgraph.payload.metadata import ReleaseMetadata, UnverifiedMetadata, VerifiedMetadata, parse_metadata
from upgraph.payload.reader import OtherImage, Reading, ReleaseImage, Verification, read_release
from upgraph.payload.references import COMMIT, SOURCE, Component, ImageReferences, parse_references
from upgraph.payload.unpack import unpack, unpack_over
from upgraph.payload.whole import Member, Payload, choose, read_members, read_payload

__all__ = [
    "COMMIT",
    "METADATA",
    "REFERENCES",
    "SOURCE",
    "Change",
    "Component",
    "Difference",
    "ImageReferences",
    "Member",
    "OtherImage",
    "Payload",
    "PayloadFile",
    "Reading",
    "ReleaseContent",
    "ReleaseImage",
    "ReleaseMetadata",
    "SignatureCheck",
    "UnverifiedMetadata",
    "Verdict",
    "Verification",
    "VerifiedMetadata",
    "add_release",
    "choose",
    "compare",
    "examine_release",
    "parse_metadata",
    "parse_references",
    "read_members",
    "read_payload",
    "read_release",
    "release_layer",
    "unpack",
    "unpack_over",
]
