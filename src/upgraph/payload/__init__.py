"""Release images: what makes an image a release, and how that is read and made; images enter as manifests and layers.

Reading gives facts about one image, bound to its digest. Which of them become part of a graph is
decided in :mod:`upgraph.graph`.
"""

from upgraph.payload.check import Examination, Verdict, examine_release
from upgraph.payload.compare import Change, Difference, compare
from upgraph.payload.composing import (
    bare_foundations,
    base_findings,
    base_foundations,
    compose_release,
)
from upgraph.payload.contents import METADATA, REFERENCES, PayloadFile
from upgraph.payload.directory import Manifests, read_directory
from upgraph.payload.draft import Draft, examine_draft
from upgraph.payload.make import Foundation, ReleaseContent, add_release, release_layer
from upgraph.payload.manifests import unlisted_images
from upgraph.payload.metadata import ReleaseMetadata, UnverifiedMetadata, VerifiedMetadata, parse_metadata
from upgraph.payload.mirroring import Placed, mirror_set, placed
from upgraph.payload.pinning import pin
from upgraph.payload.reader import OtherImage, Reading, ReleaseImage, Verification, read_release
from upgraph.payload.references import COMMIT, SOURCE, Component, ImageReferences, parse_references
from upgraph.payload.signature_check import KeyringCheck, SignatureCheck, SignatureOutcome
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
    "Draft",
    "Examination",
    "Foundation",
    "ImageReferences",
    "KeyringCheck",
    "Manifests",
    "Member",
    "OtherImage",
    "Payload",
    "PayloadFile",
    "Placed",
    "Reading",
    "ReleaseContent",
    "ReleaseImage",
    "ReleaseMetadata",
    "SignatureCheck",
    "SignatureOutcome",
    "UnverifiedMetadata",
    "Verdict",
    "Verification",
    "VerifiedMetadata",
    "add_release",
    "bare_foundations",
    "base_findings",
    "base_foundations",
    "choose",
    "compare",
    "compose_release",
    "examine_draft",
    "examine_release",
    "mirror_set",
    "parse_metadata",
    "parse_references",
    "pin",
    "placed",
    "read_directory",
    "read_members",
    "read_payload",
    "read_release",
    "release_layer",
    "unlisted_images",
    "unpack",
    "unpack_over",
]
