"""By which authority the address of a service is signed, and whether clusters trust it.

The Cluster Version Operator asks the service with the trust of its cluster. That an address answers therefore does not say
that clusters get anything from it: the certificate of a router is mostly signed by an authority that the installation of the
cluster has made, and no other cluster knows it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from upgraph.oci import RefusalCause, TlsExamination
from upgraph.syntax.certificate import Certificate, certificate_from, day
from upgraph.syntax.pem import parse_pem, pem_certificate

MAX_REMEMBERED = 8
"""Most texts with authorities that are not taken apart again. All UpdateServices of a cluster mostly have the same."""


@dataclass(frozen=True, slots=True)
class ServingCA:
    """The authority of an address."""

    subject: str
    fingerprint: str = ""
    """SHA-256 in hexadecimal digits; empty where nobody has shown the certificate."""
    not_after: str = ""
    certificate: str = ""
    """In PEM; empty where nobody has shown it."""
    trusted: bool | None = None
    """Whether the cluster trusts it; None where that is not known."""


def serving_ca(seen: TlsExamination, known: Sequence[str], *, cluster_is_judge: bool) -> ServingCA | None:
    """The authority of what a server has offered.

    Args:
        seen: the certificates, judged by the trust of the cluster.
        known: texts with authorities in PEM among which the one that signed may be, such as that of the default ingress.
        cluster_is_judge: whether it was the trust of the cluster by which they were judged.
    """
    if not seen.offered:
        return None
    trusted = (seen.trusted or seen.cause is not RefusalCause.AUTHORITY) if cluster_is_judge else None
    top = seen.offered[-1]
    if len(seen.offered) > 1 and top.is_self_issued:
        offered = _fact(top, "", trusted)
        match = next((pem for one, pem in _all(known) if one.sha256 == top.sha256), "")
        return offered if not match else _fact(top, match, trusted)
    issuer = top.issuer or top.subject
    for one, pem in _all(known):
        if one.subject == issuer:
            return _fact(one, pem, trusted)
    if top.is_self_issued:
        return _fact(top, "", trusted)
    return ServingCA(issuer, trusted=trusted)


def _fact(one: Certificate, pem: str, trusted: bool | None) -> ServingCA:  # noqa: FBT001  # a fact, no switch
    fingerprint = one.sha256.replace(":", "").lower()
    # The API takes a moment or nothing.
    ends = "" if one.not_after is None else day(one.not_after)
    return ServingCA(one.subject, fingerprint, ends, pem, trusted)


def _all(known: Sequence[str]) -> Iterator[tuple[Certificate, str]]:
    # Each by itself, as UpdateServices share most of them.
    return (found for text in known for found in _read(text))


@lru_cache(MAX_REMEMBERED)
def _read(known: str) -> tuple[tuple[Certificate, str], ...]:
    return tuple(_taken_apart(known))


def _taken_apart(known: str) -> Iterator[tuple[Certificate, str]]:
    for block in parse_pem(known).blocks:
        if not block.is_certificate or block.content is None:
            continue
        certificate = certificate_from(block.content)
        if certificate is not None:
            yield certificate, pem_certificate(block.content)
