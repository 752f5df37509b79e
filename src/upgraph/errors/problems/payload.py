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
LAYER_TOO_LARGE = Problem(
    "layer-too-large",
    "A layer holds more than is read",
    "A few bytes can unpack to any number, so there are limits that no real release comes near.",
    "Do not use this image before you know who made it; the page Caps has the limits.",
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
ENTRY_REFUSED = Problem(
    "release-entry-refused",
    "A release has a file that cannot be taken",
    "Its name leads out of its directory, it is a link or a device, or it stands there twice. Unpacked it could overwrite other files, or two readers would see different releases.",
    "Do not use this release. Ask who made it; `oc adm release new` and `upgraph release new` make no such files.",
)
REFERENCES_INVALID = Problem(
    "release-references-invalid",
    "The list of components of a release cannot be used",
    "Clusters take the images of all components from `release-manifests/image-references`, and refuse a release without a good one.",
    "Make the release anew with `upgraph release new` or `oc adm release new`.",
)
CONFIG_INVALID = Problem(
    "image-config-invalid",
    "The configuration of an image cannot be used",
    "It names the architecture and carries the label of the release, so nothing can be said of the image without it.",
    "Copy the image again; if the source has the same fault, have the image rebuilt.",
)
ARCHITECTURE_MISSING = Problem(
    "release-architecture-missing",
    "A release has no image for an architecture",
    "Nodes of that architecture could not run it.",
    "Leave out `--arch` or name one that is there, or make or mirror the release with all its architectures.",
)
RELEASE_NAMES = Problem(
    "release-name-mismatch",
    "A release does not have the same version everywhere",
    "Clusters compare the version in `release-metadata` with the name in `image-references` and refuse the release if they differ; tools believe the label.",
    "Make the release anew; its version must be the same in the metadata, in the list of components and in the label, in a form that clusters read (1.2.3 or 1.2.3-rc.1).",
)
RELEASE_TAG = Problem(
    "release-tag-mismatch",
    "The tag of a release names another version",
    "Nothing reads the version from the tag, but people do, and would install another release than they think.",
    "Give the image a tag with its version, such as 4.18.1-x86_64, or find out which of the two is right.",
)
RELEASE_ARCHITECTURES = Problem(
    "release-architecture-mismatch",
    "The parts of a release name different architectures",
    "Nodes choose an image by the index, and clusters ask for updates by the metadata: where they differ, nodes get programs that they cannot run, or clusters find no updates.",
    "Make the release anew with the right architecture in the configuration of each image; one for several architectures needs `release.openshift.io/architecture=multi` in its metadata.",
)
RELEASE_MEMBERS_DIFFER = Problem(
    "release-members-differ",
    "The images of a release have different content",
    "What a cluster applies would depend on the node that its Cluster Version Operator happens to run on.",
    "Make the release anew, with the same manifests, metadata and components for all architectures.",
)
MANIFEST_INVALID = Problem(
    "release-manifest-invalid",
    "A manifest of a release cannot be used",
    "The Cluster Version Operator refuses the whole release if one manifest cannot be read or has no apiVersion, kind and name.",
    "Repair the file at the line that is named, and make the release anew.",
)
MANIFEST_TWICE = Problem(
    "release-manifest-twice",
    "A manifest of a release has an object twice",
    "The Cluster Version Operator refuses the whole release, because nobody can tell which of the two is meant.",
    "Keep one of them and make the release anew. In another file the same object is allowed, and applied again.",
)
IMAGE_UNLISTED = Problem(
    "release-image-unlisted",
    "A manifest runs an image that the release does not list",
    "Tools mirror the images that `image-references` list. This one is left behind, and its pods do not start at a disconnected site.",
    "Add the image with `--image NAME=PULLSPEC`, and write its pull spec with the digest into the manifest.",
)
COMPONENT_MISSING = Problem(
    "release-component-missing",
    "An image that a release refers to is not there",
    "Clusters that apply the release cannot pull it, and stop in the middle of the update.",
    "Copy the image with the digest that is named into the repository, or name the mirror that holds it with `--mirrors`.",
)
COMPONENT_UNREACHABLE = Problem(
    "release-component-unreachable",
    "Nobody could be asked whether an image of a release is there",
    "It may be there or not: nothing was found out.",
    "See `upgraph problem` for the cause that is named; at a disconnected site give the rules for mirrors with `--mirrors`, or check with `--no-components` what needs no registry.",
)
COMPONENT_UNPINNED = Problem(
    "release-component-unpinned",
    "A release refers to an image without its digest",
    "A tag can be moved after the release was signed, so a cluster could run what nobody checked; mirrors are used for digests only.",
    "Make the release anew with HOST/REPOSITORY@sha256:... for each image.",
)
NO_OPERATOR_FILES = Problem(
    "release-without-operator",
    "A release has no Cluster Version Operator in it",
    "It can be served and looked into, but a Cluster Version Operator refuses an image without `/manifests`, which come from the base of the release.",
    "For clusters with a Cluster Version Operator make the release with `--base` and the image of that operator. Otherwise there is nothing to do.",
)
EXTRACT_TAKEN = Problem(
    "extract-target-taken",
    "The place where a release is to be unpacked holds something else",
    "Files of two releases would be mixed, and nobody could tell them apart.",
    "Name a directory that does not exist or is empty, or replace files of the same name with `--overwrite`.",
)
EXTRACT_UNWRITABLE = Problem(
    "extract-target-unwritable",
    "A release cannot be unpacked where it should be",
    "Nothing was left there.",
    "See that the directory above it exists, may be written and has room.",
)
FILE_MISSING = Problem(
    "release-file-missing",
    "A release has no file of that name",
    "Nothing was printed, so that nothing else is taken for it.",
    "List the names with `upgraph release info IMAGE -o json`.",
)
RELEASE_CUT_SHORT = Problem(
    "release-examination-cut-short",
    "The time was over before a release was examined whole",
    "What was not looked at may be right or wrong: nothing was found out about it.",
    "Give more time with `--timeout SECONDS` (0: no limit), or see with `upgraph registry check IMAGE` why its registry is slow. "
    "`--no-components` asks for what is in the release alone.",
)
RELEASE_FAULTY = Problem(
    "release-faulty",
    "A release was examined and found faulty",
    "Clusters would refuse it, or stop in the middle of the update.",
    "See each fault that is listed; `upgraph problem` with its reference says what to do.",
)
MANIFEST_DIRECTORY = Problem(
    "release-manifests-unreadable",
    "The directory with the manifests of a release cannot be used",
    "A release of a part of the manifests would leave clusters half updated, so none is made.",
    "Name a directory whose files may be read, of a size that a release may have; links must stay inside it.",
)
FILE_LEFT_OUT = Problem(
    "release-file-left-out",
    "A file beside the manifests is not taken into the release",
    "Clusters would not read it: only .yaml, .yml and .json in the directory itself are manifests.",
    "Rename or move the file if it is meant to be a manifest; otherwise nothing.",
)
CONTENT_INVALID = Problem(
    "release-content-invalid",
    "What a release is to be made of cannot make a good one",
    "Clusters or the update service would refuse the release, so none is made.",
    "Correct what is named and run the command again.",
)
PULL_SPEC_INVALID = Problem(
    "release-pull-spec-invalid",
    "An image of a release is named in a form that nodes cannot pull",
    "Nodes pull from registries only, by the names that stand in the release.",
    "Name it as `--image NAME=HOST/REPOSITORY@sha256:...`, or with a tag, which is looked up.",
)
MANIFEST_PLACEHOLDER = Problem(
    "release-manifest-placeholder",
    "A manifest has a placeholder for the version",
    "`oc adm release new` replaces it by the version of the release. Here manifests go in byte for byte, so that what was reviewed is what is applied.",
    "Put the version in before the release is made, for example with sed, kustomize or helm.",
)
ORDER_UNCLEAR = Problem(
    "release-manifest-order",
    "The name of a manifest does not say when it is applied",
    "A Cluster Version Operator applies manifests by the number at the beginning of their names: NNNN_RR_COMPONENT_..., lower numbers first. Others have no place in that order.",
    "Rename the file, for example 0000_50_mycomponent_10-deployment.yaml.",
)
IMAGE_UNNAMED = Problem(
    "release-image-unnamed",
    "Nobody can tell which image is meant",
    "The place holds several images, or none, and the name has no tag.",
    "Add the tag: oci:DIR:TAG.",
)
BASE_IS_RELEASE = Problem(
    "release-base-is-release",
    "The base of a release is a release itself",
    "The manifests of both would lie in one directory, and clusters would apply a mixture of the two.",
    "Name the image that was the base of that release, usually the one of the Cluster Version Operator: the digest is in the label `io.openshift.release.base-image-digest`.",
)
