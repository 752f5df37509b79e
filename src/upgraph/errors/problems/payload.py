"""Problems of the payload room: release images and what is in them."""

from upgraph.errors.problem import Problem

METADATA_INVALID = Problem(
    "release-metadata-invalid",
    "The metadata of a release image cannot be used",
    "Without it nobody knows which version the image is, so it is left out of the graph. Other releases are not affected.",
    "Make the image anew; `release-manifests/release-metadata` must be as `oc adm release new` writes it.",
)
METADATA_MISSING = Problem(
    "release-metadata-missing",
    "An image is no release",
    "It has no `release-manifests/release-metadata`, so it is left out. That is as it should be for components and tools.",
    "Nothing, if it is not meant to be a release; otherwise look into the topmost layers of the image.",
)
LAYER_UNREADABLE = Problem(
    "layer-unreadable",
    "A layer of a release image cannot be read",
    "What cannot be unpacked cannot be placed in the graph, so this image is left out. Other releases are not affected.",
    "Mirror the image again; if the source has the same fault, have the image rebuilt.",
)
ARCHITECTURE_INVALID = Problem(
    "release-architecture-invalid",
    "The architecture of a release image cannot be used",
    "Clusters ask for their architecture by name, so a release without a usable one can be offered to nobody.",
    "Rebuild the image so that its configuration, or the platform in its index, names an architecture such as amd64.",
)
INDEX_EMPTY = Problem(
    "release-index-empty",
    "An index has no images",
    "There is nothing that a cluster could run, so the tag is left out.",
    "Mirror the release again with all its architectures.",
)
LAYER_MISMATCH = Problem(
    "layer-mismatch",
    "A layer is not what its digest says",
    "Somebody or something changed it after it was published, so the release is left out of the graph.",
    "Mirror the image again from a source you trust, and find out what changed it.",
)
