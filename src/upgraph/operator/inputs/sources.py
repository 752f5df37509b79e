"""The registries that an UpdateService names, as the service is given them and as the network policy opens them."""

from collections.abc import Iterator

from upgraph.oci import ImageName, Repository, is_digest, parse_image_name, parse_pull_spec_repository
from upgraph.operator.resource.peer import Peer, peer_at, signature_peer
from upgraph.operator.resource.update_service import UpdateServiceSpec


def release_sources(spec: UpdateServiceSpec) -> tuple[str, ...]:
    """The values of ``--releases``.

    Raises:
        UserError: a repository is not valid.
    """
    return tuple(f"docker://{parse_pull_spec_repository(one)}" for one in spec.repositories)


def graph_data_name(spec: UpdateServiceSpec) -> ImageName:
    """The image with the graph data.

    Raises:
        UserError: the name is not valid, or is not that of an image in a registry.
    """
    return parse_image_name(f"docker://{spec.graph_data_image.removeprefix('docker://')}")


def pull_spec(name: ImageName, digest: str = "") -> str:
    """An image as pods name it, by digest where one is known."""
    place = name.place.name if isinstance(name.place, Repository) else str(name.place)
    chosen = digest or name.in_registry
    return f"{place}@{chosen}" if is_digest(chosen) else f"{place}:{chosen}"


def peers(spec: UpdateServiceSpec, *, reads_graph_data: bool) -> tuple[Peer, ...]:
    """All that a replica reaches by itself, sorted.

    Args:
        spec: which names them.
        reads_graph_data: whether the service reads the image, rather than the kubelet.

    Raises:
        UserError: a name is not valid.
    """
    return tuple(sorted(set(_peers(spec, reads_graph_data=reads_graph_data))))


def _peers(spec: UpdateServiceSpec, *, reads_graph_data: bool) -> Iterator[Peer]:
    for source in release_sources(spec):
        yield peer_at(Repository.parse(source).url)
    place = graph_data_name(spec).place
    if reads_graph_data and isinstance(place, Repository):
        yield peer_at(place.url)
    if (signatures := signature_peer(spec.signatures)) is not None:
        yield signatures
