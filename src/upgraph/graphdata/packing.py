"""Graph data as a container image, as the operator of the update service expects it.

It is an index of one image an architecture. All of them share one layer with the data at
``/var/lib/cincinnati-graph-data``; they differ in the :class:`Ground` below it. On no ground the image is data alone,
which an update service reads; on the copier or on a base image it also runs as an init container, which copies the
data to where the service looks for it. Equal sets on equal grounds give equal bytes.

Source of the paths and of the command: the documentation of the OpenShift Update Service, and oc-mirror.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from upgraph.graphdata.files import Files, digest_of
from upgraph.graphdata.runnable import DATA_IN_IMAGE, DATA_OF_SERVICE, copier
from upgraph.graphdata.tarball import tar_of
from upgraph.oci import OCI_LAYER_GZIP, Composition, Descriptor, LayerFile, Platform, gzipped, tar_layer
from upgraph.oci import digest_of as digest_of_bytes

ARCHITECTURES = ("amd64", "arm64", "ppc64le", "s390x")
"""Those of OpenShift."""
DATA_PATH = DATA_IN_IMAGE.removeprefix("/")
"""Where the data lies in the image, as archives name it."""
COPY_COMMAND = ("/bin/sh", "-c", f"exec cp -rp {DATA_IN_IMAGE}/* {DATA_OF_SERVICE}")
"""What an init container does, where the image has a shell and ``cp``."""

TITLE_LABEL = "org.opencontainers.image.title"
SET_LABEL = "io.upgraph.graph-data"
"""Label with the identity of the set, which is the same in every image that holds it."""

_COPIER = "copier"
_MODE_PROGRAM = 0o755
_TITLE = "OpenShift Update Service graph data"
_CREATED_BY = "upgraph graph-data pack"


@dataclass(frozen=True, slots=True)
class Ground:
    """What the data is put on, for one architecture."""

    platform: Platform
    config: Mapping[str, object] = field(default_factory=dict)
    """The image configuration until here; without one that of an empty image."""
    layers: tuple[Descriptor, ...] = ()
    diff_ids: tuple[str, ...] = ()
    """Digests of the layers before they were compressed."""
    start: Mapping[str, object] = field(default_factory=dict)
    """``Entrypoint`` and ``Cmd`` of the new image; those of the ground do not count."""


def bare(architectures: Iterable[str]) -> tuple[Ground, ...]:
    """No ground: images of data alone."""
    return tuple(Ground(Platform(architecture)) for architecture in architectures)


def runnable_grounds(images: Composition, architectures: Iterable[str]) -> tuple[Ground, ...]:
    """Nothing but the copier as ground: the data copies itself when the image is started.

    Args:
        images: where the layers with the copier are made.
        architectures: each of them once.

    Raises:
        UserError: there is no copier.
    """
    return tuple(_copying(images, architecture) for architecture in architectures)


def _copying(images: Composition, architecture: str) -> Ground:
    # A layer of its own below the data: it stays the same when the data changes, so it is stored and sent once.
    content = tar_layer([LayerFile(_COPIER, copier(architecture), _MODE_PROGRAM)])
    return Ground(
        Platform(architecture),
        layers=(images.blob(gzipped(content), OCI_LAYER_GZIP),),
        diff_ids=(digest_of_bytes(content),),
        start={"Entrypoint": [f"/{_COPIER}"]},
    )


def pack(images: Composition, files: Files, grounds: Sequence[Ground], *, tag: str) -> Descriptor:
    """Make the index.

    Args:
        images: where it is made; what the layers of the grounds are read from is its base.
        files: the set.
        grounds: one an architecture, each of them once.
        tag: the tag that it gets in ``images``.
    """
    content = tar_of(files, top=DATA_PATH)
    layer = images.blob(gzipped(content), OCI_LAYER_GZIP)
    labels = {TITLE_LABEL: _TITLE, SET_LABEL: digest_of(files)}
    entries = []
    for ground in sorted(grounds, key=lambda ground: (ground.platform.architecture, ground.platform.variant)):
        config = _config(ground, digest_of_bytes(content), labels)
        entries.append((images.image(config=config, layers=[*ground.layers, layer]), ground.platform))
    index = images.index(entries)
    images.tag(tag, index)
    return index


def _config(ground: Ground, diff_id: str, labels: Mapping[str, str]) -> Mapping[str, object]:
    run = dict(_mapping(ground.config.get("config")))
    run.pop("Entrypoint", None)
    run.pop("Cmd", None)
    run["Labels"] = {**_mapping(run.get("Labels")), **labels}
    history = ground.config.get("history")
    return {
        **{key: value for key, value in ground.config.items() if key in _KEPT},
        "architecture": ground.platform.architecture,
        "os": ground.platform.os,
        "config": {**run, **ground.start},
        "rootfs": {"type": "layers", "diff_ids": [*ground.diff_ids, diff_id]},
        "history": [*(history if isinstance(history, list) else ()), {"created_by": _CREATED_BY}],
    }


_KEPT = ("author", "os.features", "os.version", "variant")
"""What is as true of the new image as it was of its ground; times are not."""


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
