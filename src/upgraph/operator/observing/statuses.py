"""Asks every replica what it says of itself, and makes one answer of what they say.

Any of them may be the one that a cluster meets: a single one that cannot read its sources, or that answers with another graph
than the others, is told although all others are well.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from operator import itemgetter

import msgspec

from upgraph.errors import DataError, UpgraphError
from upgraph.errors.problems.reconcile import SERVICE_SILENT
from upgraph.oci import Access, Downloads, Proxies
from upgraph.operator.desired.ports import STATUS
from upgraph.operator.observing.graph_data_watch import TOLD_SECONDS
from upgraph.operator.observing.pods import PodAddress
from upgraph.operator.observing.service_report import DECODER, MAX_REPORT_BYTES, Graph, ServiceReport
from upgraph.operator.observing.together import Answer, together, with_graph

STATUS_SECONDS = 5.0
"""Time for the status of one replica."""
ALL_SECONDS = 20.0
"""Time for the statuses of all replicas together. Who has not answered by then has not answered."""
MAX_ASKED = 64
"""Most replicas that are asked."""
AT_A_TIME = 4
"""Replicas of one service that are asked at the same time."""
OLD_SECONDS = 3600.0
"""Age from which on a graph counts as old: a dozen readings of its sources have failed then."""
REFRESHED_TOLD_SECONDS = TOLD_SECONDS
"""How often it is told when a graph was refreshed, while nothing else is to be told: as often as when the registry was asked,
so that both are one write to the cluster."""
APART_SECONDS = 900.0
"""So long replicas may have different graphs: for a rollout, and until each has read its sources anew."""
MAX_TOLD = 5
"""Most graphs, and most pods, that a message tells of."""
_SHOWN_DIGEST = 12


@dataclass(frozen=True, slots=True)
class ReplicasSeen:
    """What the replicas say of themselves."""

    report: ServiceReport | None = None
    """All of it together, with the moment of refreshing only where that is too long ago."""
    is_old: bool = False
    """Whether one of them has a graph that was not renewed for a long time."""
    oldest: tuple[str, ...] = ()
    """Its pod, where others have a younger one; empty otherwise."""
    fault: str = ""
    """Why no replica says anything."""
    silent: tuple[str, ...] = ()
    """Pods that clusters are sent to and that do not say anything, unlike others, with the reason."""
    apart: str = ""
    """Which pods have which graph, where they have had different ones for too long."""
    apart_since: float | None = field(default=None, compare=False)
    """Unix time in seconds since which they have different ones, as far as was seen; None where they do not."""
    unanswered: frozenset[str] = field(default=frozenset(), compare=False)
    """Ready pods that did not answer this time."""
    refreshed: float = field(default=0.0, compare=False)
    """When the graph of the oldest was refreshed, in Unix seconds; 0 where that is not known."""
    told: float = 0.0
    """That as of the look when it was to be told: another one each :data:`REFRESHED_TOLD_SECONDS`. 0: never."""

    @property
    def digest(self) -> str:
        """The graph that is told; empty if there is none."""
        return "" if self.report is None or self.report.graph is None else self.report.graph.digest


async def ask_all(pods: Sequence[PodAddress], before: ReplicasSeen | None = None) -> ReplicasSeen:
    """Ask all of them once.

    Args:
        pods: those that clusters are sent to in front.
        before: what was seen the last time.
    """
    turns = asyncio.Semaphore(AT_A_TIME)
    async with Access(proxies=Proxies()).session(concurrency=AT_A_TIME) as session:
        asking = [(one, asyncio.create_task(_asked(session, turns, one))) for one in pods[:MAX_ASKED]]
        answers = await _within(asking, ALL_SECONDS)
    return conclude(answers, before or ReplicasSeen(), time.time())


async def _within(asking: Sequence[tuple[PodAddress, asyncio.Task[Answer]]], seconds: float) -> list[Answer]:
    """The answers that are there in time; all others are without one."""
    tasks = [task for _, task in asking]
    late: set[asyncio.Task[Answer]] = set(tasks)
    try:
        late = (await asyncio.wait(tasks, timeout=seconds))[1] if tasks else set()
    finally:
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    fault = f"no answer within the {seconds:.0f} s that there are for all replicas"
    return [Answer(pod, fault=fault) if task in late else task.result() for pod, task in asking]


async def _asked(session: Downloads, turns: asyncio.Semaphore, pod: PodAddress) -> Answer:
    host = f"[{pod.address}]" if ":" in pod.address else pod.address
    async with turns:
        try:
            answer = await session.get(
                f"http://{host}:{STATUS.number}/status", limit=MAX_REPORT_BYTES, seconds=STATUS_SECONDS
            )
            return Answer(pod, _read(answer.content, pod))
        except UpgraphError as error:
            return Answer(pod, fault=error.seen)


def _read(content: bytes, pod: PodAddress) -> ServiceReport:
    try:
        return DECODER.decode(content).trimmed()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        seen = f"the status of {pod.address}:{STATUS.number} is not what a service says: {error}"
        raise DataError(SERVICE_SILENT, seen) from error


def conclude(answers: Sequence[Answer], before: ReplicasSeen, now: float) -> ReplicasSeen:
    """What is known after all were asked, at a Unix time in seconds."""
    silent = [one for one in answers if one.report is None and one.pod.is_ready]
    unanswered = frozenset(one.pod.pod for one in silent)
    has_answered = any(one.report is not None and one.pod.is_ready for one in answers)
    if not has_answered and before.report is not None and not unanswered <= before.unanswered:
        # Once is no sign: it may be the network of the operator.
        return replace(before, unanswered=unanswered)
    report = together(answers, before.digest)
    if report is None:
        # Those that clusters are sent to come first.
        fault = answers[0].fault if answers else "there is no pod that could be asked"
        return ReplicasSeen(
            fault=fault, apart_since=before.apart_since, unanswered=unanswered, told=before.told
        )
    refreshed = sorted(_refreshed(with_graph(answers)), key=itemgetter(0))
    oldest = refreshed[0][0] if refreshed else 0.0
    is_old = bool(oldest) and now - oldest > OLD_SECONDS
    is_alone = is_old and now - refreshed[-1][0] <= OLD_SECONDS
    # While it is not old, when it was refreshed is nobody's concern.
    report = report.refreshed(oldest if is_old else 0.0)
    graphs = _graphs(answers)
    apart_since = (before.apart_since or now) if len(graphs) > 1 else None
    is_apart = apart_since is not None and now - apart_since > APART_SECONDS
    return ReplicasSeen(
        report,
        is_old,
        oldest=(refreshed[0][1],) if is_alone else (),
        # A pod may be about to go, so once is no sign.
        silent=tuple(f"pod {one.pod.pod}: {one.fault}" for one in silent if one.pod.pod in before.unanswered),
        apart=_told(graphs, apart_since) if is_apart and apart_since is not None else "",
        apart_since=apart_since,
        unanswered=unanswered,
        refreshed=oldest,
        told=oldest if has_to_be_told(before.told, oldest) else before.told,
    )


def has_to_be_told(told: float, refreshed: float) -> bool:
    """Whether another moment of refreshing has to be told. Replicas refresh one after the other, which is no news."""
    return abs(refreshed - told) >= REFRESHED_TOLD_SECONDS


def _refreshed(answers: Iterable[Answer]) -> list[tuple[float, str]]:
    """When the graph of each pod was renewed."""
    graphs = ((one.graph, one.pod.pod) for one in answers)
    return [(graph.refreshed_at, pod) for graph, pod in graphs if graph is not None and graph.refreshed_at]


def _graphs(answers: Iterable[Answer]) -> dict[str, tuple[Graph, list[str]]]:
    """The graphs that clusters may meet, and the pods that have them."""
    found: dict[str, tuple[Graph, list[str]]] = {}
    for one in answers:
        if one.graph is not None and one.pod.is_ready:
            found.setdefault(one.graph.digest, (one.graph, []))[1].append(one.pod.pod)
    return found


def _told(graphs: dict[str, tuple[Graph, list[str]]], since: float) -> str:
    listed = [
        f"graph {digest[:_SHOWN_DIGEST]} with {graph.releases} releases and {graph.updates} updates: {_named(pods)}"
        for digest, (graph, pods) in list(graphs.items())[:MAX_TOLD]
    ]
    return f"the replicas have different graphs since {moment(since)}: {'; '.join(listed)}"


def _named(pods: Sequence[str]) -> str:
    shown = ", ".join(pods[:MAX_TOLD])
    return f"pod {shown}" if len(pods) <= MAX_TOLD else f"pod {shown} and {len(pods) - MAX_TOLD} more"


def moment(seconds: float) -> str:
    """A Unix time in RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
