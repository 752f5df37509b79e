"""What a replica has to reach for the fields of an UpdateService."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from upgraph.errors import UserError
from upgraph.errors.problems.operator import UPDATE_SERVICE_INVALID
from upgraph.oci import Repository, parse_image_name
from upgraph.operator.resource.update_service import Signatures

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, order=True)
class Peer:
    """One server."""

    scheme: str
    host: str
    """An IPv6 address without brackets."""
    port: int


def peer_at(url: str) -> Peer:
    """What an http or https address leads to.

    Raises:
        KeyError, ValueError: it is none.
    """
    parts = urlsplit(url)
    return Peer(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])


def signature_peer(wanted: Signatures) -> Peer | None:
    """Where signatures of releases are; None if nowhere.

    Raises:
        UserError: that is no address.
    """
    source = wanted.source
    if source is None:
        return None
    if source.startswith("docker://"):
        place = parse_image_name(source).place
        return peer_at(place.url) if isinstance(place, Repository) else None
    try:
        peer = peer_at(source)
    except (KeyError, ValueError) as error:
        # An address can hold a login, so it is not repeated.
        raise _no_address("it is neither an http nor an https address with a host and a port") from error
    if not peer.host:
        raise _no_address("it names no host")
    return peer


def _no_address(why: str) -> UserError:
    return UserError(UPDATE_SERVICE_INVALID, f"spec.signatures.source is no address: {why}")
