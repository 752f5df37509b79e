"""Signed release digests; what may enter are bytes that claim to be signatures, what leaves is verified or refused.

Keyrings, the verdict of gpgv, policies, stores of signatures, and signing. Trust comes from keyrings that an
administrator names. What needs a verified digest takes a :class:`VerifiedDigest`, which only a
:class:`Verifier` makes.
"""

from upgraph.signing.address_store import AddressStore
from upgraph.signing.collecting import collect
from upgraph.signing.config_map import ConfigMap, config_maps_in
from upgraph.signing.examining import Examined, examine, find
from upgraph.signing.gpgv import Gpgv
from upgraph.signing.image_store import ImageStore, store_image
from upgraph.signing.judge import SignatureJudge
from upgraph.signing.keyring import Key, Keyring, Subkey, keyrings_of, parse_keyring, read_keyrings
from upgraph.signing.packing import Signatures, config_map_manifest, config_maps, store_archive, store_files
from upgraph.signing.places import LocalStore, SignatureReach, open_store
from upgraph.signing.policy import Policy
from upgraph.signing.signing import GpgKey, GpgSigner, Signed
from upgraph.signing.stores import Candidate, CollectedStore, Collection, MemoryStore, SignatureStore
from upgraph.signing.verdict import Evidence, Judgement, Outcome
from upgraph.signing.verifier import Signer, VerifiedDigest, Verifier

__all__ = [
    "AddressStore",
    "Candidate",
    "CollectedStore",
    "Collection",
    "ConfigMap",
    "Evidence",
    "Examined",
    "GpgKey",
    "GpgSigner",
    "Gpgv",
    "ImageStore",
    "Judgement",
    "Key",
    "Keyring",
    "LocalStore",
    "MemoryStore",
    "Outcome",
    "Policy",
    "SignatureJudge",
    "SignatureReach",
    "SignatureStore",
    "Signatures",
    "Signed",
    "Signer",
    "Subkey",
    "VerifiedDigest",
    "Verifier",
    "collect",
    "config_map_manifest",
    "config_maps",
    "config_maps_in",
    "examine",
    "find",
    "keyrings_of",
    "open_store",
    "parse_keyring",
    "read_keyrings",
    "store_archive",
    "store_files",
    "store_image",
]
