"""Images and where they are kept; what may enter are names, bytes and answers, never yet what a release is.

References, digests, manifests, credentials, trust, the distribution API over HTTP, images on disk (OCI
layouts, their archives, directories of skopeo), making images and copying them. :class:`ImageSource` is the port
through which everything above reads images, :class:`ImageDestination` the one through which they are written.
aiohttp and its errors stay inside this room.
"""

from upgraph.oci.copying.beside import beside
from upgraph.oci.copying.cargo import WHOLE, Cargo, Choice
from upgraph.oci.copying.gateway import Gateway
from upgraph.oci.copying.image_name import DISK_SOURCES, ImageName, OnDisk, names_image, parse_image_name
from upgraph.oci.copying.ordering import Wish, every_order, order_of, parse_list
from upgraph.oci.copying.publishing import destination_tag, open_destination, publish
from upgraph.oci.copying.run import Amounts, CopyRun, Failure, Order, Plan, Planned, Watch, copy_image
from upgraph.oci.credentials.auth_difference import Difference, Shown, difference, shown
from upgraph.oci.credentials.auth_document import AuthDocument
from upgraph.oci.credentials.auth_writing import change_auth_file, read_document
from upgraph.oci.credentials.login import Login, normal_key
from upgraph.oci.credentials.lookup import Credentials, Lookup
from upgraph.oci.credentials.registry_key import RegistryKey
from upgraph.oci.disk.archive import ArchiveSource
from upgraph.oci.disk.archive_destination import ArchiveDestination
from upgraph.oci.disk.image_directory import DirectorySource
from upgraph.oci.disk.layout import LayoutSource
from upgraph.oci.disk.layout_destination import LayoutDestination
from upgraph.oci.disk.layout_writer import LayoutWriter
from upgraph.oci.http.access import Access
from upgraph.oci.http.downloads import Answer, Downloads
from upgraph.oci.http.proxies import Proxies
from upgraph.oci.http.retry import Retry
from upgraph.oci.http.timing import Timing, a_look
from upgraph.oci.http.tls_examination import RefusalCause, TlsExamination, examine_tls
from upgraph.oci.images.blobs import read_blob
from upgraph.oci.images.composition import Composition
from upgraph.oci.images.destination import ImageDestination
from upgraph.oci.images.digest import Digest, Hasher, digest_of, is_digest, parse_digest
from upgraph.oci.images.documents import Platform
from upgraph.oci.images.manifest import (
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    DOCKER_MANIFEST_LIST,
    MAX_MANIFEST_BYTES,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    Image,
    Index,
    IndexEntry,
    parse_manifest,
)
from upgraph.oci.images.reference import Repository, parse_pull_spec_repository, without_login
from upgraph.oci.images.referrers import Referrer, fallback_tag, referrer_index, referrers_of, still_there
from upgraph.oci.images.source import FIRST_RANGE_BYTES, ImageMissing, ImageSource, Manifest, Sink
from upgraph.oci.images.tar_layer import LayerFile, LayerFolder, gzipped, tar_layer
from upgraph.oci.mirrors.files import read_mirrors
from upgraph.oci.mirrors.followed import FollowedRepository, findings_of
from upgraph.oci.mirrors.rules import Mirrors, Place
from upgraph.oci.mirrors.source import MirroredSource
from upgraph.oci.registry.destination import PATIENT, RegistryDestination
from upgraph.oci.registry.distribution import DEFAULT_CONCURRENCY, RegistryClient
from upgraph.oci.registry.first_contact import Greeting, ask_for_leave, greet
from upgraph.oci.registry.logging_in import (
    Kept,
    check_login,
    default_place,
    forget_login,
    login_of,
    save_login,
)
from upgraph.oci.registry.neighbours import Neighbours
from upgraph.oci.trust.trusted import Trust

__all__ = [
    "DEFAULT_CONCURRENCY",
    "DISK_SOURCES",
    "DOCKER_LAYER_GZIP",
    "DOCKER_MANIFEST",
    "DOCKER_MANIFEST_LIST",
    "FIRST_RANGE_BYTES",
    "MAX_MANIFEST_BYTES",
    "OCI_CONFIG",
    "OCI_INDEX",
    "OCI_LAYER_GZIP",
    "OCI_MANIFEST",
    "PATIENT",
    "WHOLE",
    "Access",
    "Amounts",
    "Answer",
    "ArchiveDestination",
    "ArchiveSource",
    "AuthDocument",
    "Cargo",
    "Choice",
    "Composition",
    "CopyRun",
    "Credentials",
    "Descriptor",
    "Difference",
    "Digest",
    "DirectorySource",
    "Downloads",
    "Failure",
    "FollowedRepository",
    "Gateway",
    "Greeting",
    "Hasher",
    "Image",
    "ImageDestination",
    "ImageMissing",
    "ImageName",
    "ImageSource",
    "Index",
    "IndexEntry",
    "Kept",
    "LayerFile",
    "LayerFolder",
    "LayoutDestination",
    "LayoutSource",
    "LayoutWriter",
    "Login",
    "Lookup",
    "Manifest",
    "MirroredSource",
    "Mirrors",
    "Neighbours",
    "OnDisk",
    "Order",
    "Place",
    "Plan",
    "Planned",
    "Platform",
    "Proxies",
    "Referrer",
    "RefusalCause",
    "RegistryClient",
    "RegistryDestination",
    "RegistryKey",
    "Repository",
    "Retry",
    "Shown",
    "Sink",
    "Timing",
    "TlsExamination",
    "Trust",
    "Watch",
    "Wish",
    "a_look",
    "ask_for_leave",
    "beside",
    "change_auth_file",
    "check_login",
    "copy_image",
    "default_place",
    "destination_tag",
    "difference",
    "digest_of",
    "every_order",
    "examine_tls",
    "fallback_tag",
    "findings_of",
    "forget_login",
    "greet",
    "gzipped",
    "is_digest",
    "login_of",
    "names_image",
    "normal_key",
    "open_destination",
    "order_of",
    "parse_digest",
    "parse_image_name",
    "parse_list",
    "parse_manifest",
    "parse_pull_spec_repository",
    "publish",
    "read_blob",
    "read_document",
    "read_mirrors",
    "referrer_index",
    "referrers_of",
    "save_login",
    "shown",
    "still_there",
    "tar_layer",
    "without_login",
]
