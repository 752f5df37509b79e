"""Asks what really runs: the status ports of the replicas, and the address that clusters are told.

What the operator has written says nothing about whether clusters get answers. Ages are not kept, as everything that is seen
ends in a status that must not change while nothing changes.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec

from upgraph.errors import UpgraphError
from upgraph.oci import Access, Proxies, RefusalCause, TlsExamination, examine_tls
from upgraph.operator.observing.pods import PodAddress
from upgraph.operator.observing.private_files import AccessPool
from upgraph.operator.observing.serving_ca import ServingCA, serving_ca
from upgraph.operator.observing.statuses import ReplicasSeen, ask_all

URI_SECONDS = 8.0
"""Time for an answer at the address for clusters, beside the look at its certificates."""
SETTLED_SECONDS = 10.0
"""Between two looks at a service that answers: so long it may take until a fault is told."""
SETTLED_SECONDS_EACH = 0.15
"""The same for each service where there are many, which must not keep the operator busy: half a minute with two hundred."""
UNSETTLED_SECONDS = 3.0
"""Between two looks at one that does not, or of which something is not known, for the first minute."""
UNSETTLED_LOOKS = 20
"""Looks of that minute."""
STUCK_SECONDS = 10.0
"""Between two looks at one that stays so: a hundred of them must not keep the operator busy, and the end is still told soon."""
GRAPH_PATH = "/api/upgrades_info/v1/graph?channel=upgraph-operator"
"""What the address is asked for: a channel that nobody has is a small answer."""
_MAX_ANSWER_BYTES = 64 * 1024
_MAX_REASON_CHARACTERS = 300
_HTTPS_PORT = 443


class _Graph(msgspec.Struct):
    """What an update graph has at the least."""

    nodes: list[msgspec.Raw]
    edges: list[msgspec.Raw]


class _Refusal(msgspec.Struct):
    """An error of the protocol."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class ServiceWish:
    """Which service, and how it is reached."""

    replicas: tuple[PodAddress, ...] = ()
    """Pods, those that count first in front."""
    uri: str = ""
    """The address for clusters; empty while there is none."""
    candidate: str = ""
    """An address that is to become that one as soon as it answers; empty where none is."""
    ready: int = 0
    """How many of the pods are ready: where that changes, something else may be seen."""
    cluster_authorities: str = field(default="", repr=False)
    """What the cluster trusts, in PEM; empty where nobody says."""
    other_authorities: tuple[str, ...] = field(default=(), repr=False)
    """Texts with authorities in PEM that may have signed the certificate of the address."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the proxy."""


@dataclass(frozen=True, slots=True)
class UriSeen:
    """What was found at the address for clusters."""

    uri: str
    answers: bool = False
    fault: str = ""
    authority: ServingCA | None = None


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """What was seen of a service."""

    replicas: ReplicasSeen
    uri: UriSeen | None = None
    wish: ServiceWish = field(default_factory=ServiceWish, repr=False)
    """What was looked at."""
    candidate: UriSeen | None = None
    is_pending: bool = False
    """Whether nothing is known yet of the pods that are ready now."""

    @property
    def is_settled(self) -> bool:
        """Whether it runs as it should, as far as can be seen."""
        report = self.replicas.report
        is_ready = (
            report is not None
            and report.ready
            and not self.replicas.unanswered
            and self.uri is not None
            and self.uri.answers
        )
        return is_ready and (self.candidate is None or self.candidate.answers)

    @property
    def answering(self) -> frozenset[str]:
        """The addresses that answer."""
        return frozenset(one.uri for one in (self.uri, self.candidate) if one is not None and one.answers)

    def at(self, wish: ServiceWish) -> "ServiceSeen":
        """What of it counts now. That nobody answered while no pod was ready says nothing once there is one."""
        has_looked = bool(self.wish.ready and self.wish.replicas)
        if has_looked or not wish.ready:
            return self
        return ServiceSeen(ReplicasSeen(fault="the pods are being asked"), None, wish, is_pending=True)


async def look_at(pool: AccessPool, wish: ServiceWish, before: ServiceSeen | None) -> ServiceSeen:
    """Look once."""
    # Replicas that do not answer must not keep from being told that the address does, or does not.
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(ask_all(wish.replicas, None if before is None else before.replicas))
        addresses = group.create_task(_addresses(pool, wish))
    uri, candidate = addresses.result()
    return ServiceSeen(asked.result(), uri, wish, candidate)


def pause_after(seen: ServiceSeen, repeats: int, among: int) -> float:
    """Seconds until the next look, after ``repeats`` that saw nothing else, ``among`` so many services."""
    if seen.is_settled:
        return max(SETTLED_SECONDS, SETTLED_SECONDS_EACH * among)
    if repeats < UNSETTLED_LOOKS:
        return UNSETTLED_SECONDS
    return max(STUCK_SECONDS, SETTLED_SECONDS_EACH * among)


async def _addresses(pool: AccessPool, wish: ServiceWish) -> tuple[UriSeen | None, UriSeen | None]:
    uri = await _uri(pool, wish) if wish.uri else None
    candidate = await _uri(pool, replace(wish, uri=wish.candidate)) if wish.candidate else None
    return uri, candidate


async def _uri(pool: AccessPool, wish: ServiceWish) -> UriSeen:
    parts = urlsplit(wish.uri)
    try:
        proxies = Proxies.of(wish.environment)
        if parts.scheme != "https":
            return await _asked(wish.uri, Access(proxies=proxies))
        with pool.trust(wish.cluster_authorities) as judge:
            host, port = parts.hostname or "", parts.port or _HTTPS_PORT
            examined = await examine_tls(host, port, trust=judge, proxies=proxies)
            known = (*wish.other_authorities, wish.cluster_authorities)
            authority = serving_ca(examined, known, cluster_is_judge=bool(wish.cluster_authorities))
            if examined.trusted:
                seen = await _asked(wish.uri, Access(trust=judge, proxies=proxies))
                return replace(seen, authority=authority)
        return await _untrusted(pool, wish, examined, authority)
    except UpgraphError as error:
        return UriSeen(wish.uri, fault=error.seen)
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or str(error) or "no answer in time"
        return UriSeen(wish.uri, fault=f"{parts.netloc}: {why}")


async def _untrusted(
    pool: AccessPool, wish: ServiceWish, examined: TlsExamination, authority: ServingCA | None
) -> UriSeen:
    if examined.cause is not RefusalCause.AUTHORITY:
        # Names and dates are refused by everybody.
        return UriSeen(wish.uri, fault=str(examined), authority=authority)
    # Whether clusters trust it is another question, which is answered beside this one.
    proxies = Proxies.of(wish.environment)
    shown = authority.certificate if authority is not None else ""
    shown = shown or await _shown(examined.host, examined.port, proxies)
    if not shown:
        return UriSeen(wish.uri, answers=True, authority=authority)
    with pool.trust(shown) as trust:
        asked = await _asked(wish.uri, Access(trust=trust, proxies=proxies))
    return replace(asked, authority=authority)


async def _shown(host: str, port: int, proxies: Proxies) -> str:
    """The certificate of a server itself, in PEM; empty where a proxy stands before it."""
    if proxies.way("https", host, port).proxy is not None:
        return ""
    return await asyncio.to_thread(ssl.get_server_certificate, (host, port), timeout=URI_SECONDS)


async def _asked(uri: str, access: Access) -> UriSeen:
    async with access.session() as session:
        answer = await session.ask(
            f"{uri}{GRAPH_PATH}", limit=_MAX_ANSWER_BYTES, seconds=URI_SECONDS, accept="application/json"
        )
    fault = _answer_fault(answer.status, answer.content)
    return UriSeen(uri, fault=f"{uri}{GRAPH_PATH}: {fault}") if fault else UriSeen(uri, answers=True)


def _answer_fault(status: int, content: bytes) -> str:
    """Why an answer is not that of an update service; empty if it is.

    Whoever makes a resource chooses the host, so nothing is repeated that another server than an update service says.
    """
    try:
        if status == HTTPStatus.OK:
            msgspec.json.decode(content, type=_Graph)
            return ""
        refusal = msgspec.json.decode(content, type=_Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "the answer is no update graph" if status == HTTPStatus.OK else f"status {status}"
    return f"status {status}: {refusal.kind}: {refusal.value}"[:_MAX_REASON_CHARACTERS]
