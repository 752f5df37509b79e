"""The conditions of an UpdateService: what is known of it, in the words that administrators act by. Pure.

``ReconcileCompleted`` and ``RegistryCACertFound`` are those of the reference operator, with its reasons. It told that objects
were written and never more; the others say whether clusters get answers and from what.
"""

from collections.abc import Iterable, Iterator, Sequence

from upgraph.errors.problems.reconcile import (
    DEFINITION_OLD,
    GRAPH_DATA_ASKING,
    GRAPH_OLD,
    NO_REPLICA_READY,
    PODS_FAILING,
    PODS_REFUSED,
    REPLICA_LOST,
    REPLICAS_APART,
    SERVICE_SILENT,
    URI_SILENT,
    VERSIONS_UNUSABLE,
)
from upgraph.kube.conditions import Condition
from upgraph.operator.inputs.access import NOT_CONFIGURED
from upgraph.operator.inputs.promoted import PROMOTION_INVALID
from upgraph.operator.observing.pods import told
from upgraph.operator.observing.replicas import ServiceSeen
from upgraph.operator.observing.service_report import ServiceReport
from upgraph.operator.observing.statuses import moment
from upgraph.operator.reporting.addresses import of_address
from upgraph.operator.reporting.conclusions import Known
from upgraph.operator.reporting.graph_data import graph_data_verdict, named_image
from upgraph.operator.reporting.telling import MAX_TOLD, failed, of_source
from upgraph.operator.resource.definition import CRD_NAME
from upgraph.operator.resource.repairs import repair
from upgraph.operator.resource.trouble import Trouble

RECONCILE_COMPLETED = "ReconcileCompleted"
REGISTRY_CA = "RegistryCACertFound"
AVAILABLE = "Available"
DEGRADED = "Degraded"
RELEASES_REACHABLE = "ReleasesReachable"
RECONCILE_ERROR = "ReconcileError"
"""Of the reference operator, for names that leave no host for a Route; it never set it to False."""

SUCCESS = "Success"
OF_A_START = ("NotDeployed", "NoReplicaReady", "AddressPending", "NotAdmitted")
"""Why a service that never answered does not answer yet, which is no fault as long as nothing else tells of one."""


def conditions(known: Known) -> tuple[Condition, ...]:
    """All conditions, in their order."""
    available, graph_data, releases = _available(known), graph_data_verdict(known), _releases(known)
    degraded = _degraded(known, (available, graph_data, releases))
    return (_completed(known), _authorities(known), available, degraded, graph_data, releases)


def _completed(known: Known) -> Condition:
    troubles = known.of_objects
    if troubles:
        return failed(RECONCILE_COMPLETED, troubles)
    if not known.inputs.graph_data.is_asked:
        asking = Trouble("GraphDataPending", GRAPH_DATA_ASKING, named_image(known))
        return failed(RECONCILE_COMPLETED, (asking,))
    return Condition(RECONCILE_COMPLETED, status=True, reason=SUCCESS)


def _authorities(known: Known) -> Condition:
    trouble = known.authorities
    if trouble is not None:
        return failed(REGISTRY_CA, (trouble,))
    if known.inputs.authorities.content is None:
        return Condition(REGISTRY_CA, status=False, reason=NOT_CONFIGURED)
    return Condition(REGISTRY_CA, status=True, reason="CACertFound")


def _available(known: Known) -> Condition:
    trouble = _unavailability(known)
    if trouble is not None:
        return failed(AVAILABLE, (trouble,))
    report = known.report
    if known.at_address is None:
        message = "The service was not asked yet."
        return Condition(AVAILABLE, status=None, reason="Checking", message=message)
    graph = "" if report is None or report.graph is None else f" with {_graph_text(report)}"
    message = f"{known.exposed.uri} answers{graph}."
    return Condition(AVAILABLE, status=True, reason="Answering", message=message)


def _unavailability(known: Known) -> Trouble | None:
    if known.deployment is None:
        seen = "there is no Deployment yet"
        return Trouble("NotDeployed", NO_REPLICA_READY, seen, "The condition ReconcileCompleted says why.")
    if known.ready_replicas == 0:
        return _no_replica(known)
    if not known.exposed.uri:
        unknown = Trouble("AddressPending", URI_SILENT, "there is no address for clusters yet")
        return known.exposed.trouble or next(iter(known.of_objects), unknown)
    uri = known.at_address
    if uri is not None and not uri.answers:
        if known.exposed.trouble is not None:
            return known.exposed.trouble
        return Trouble("AddressNotAnswering", URI_SILENT, uri.fault)
    return None


def _no_replica(known: Known) -> Trouble:
    if known.refusal and not known.pods:
        return _refused(known)
    return Trouble("NoReplicaReady", NO_REPLICA_READY, _why_not_ready(known))


def _refused(known: Known) -> Trouble:
    return Trouble("PodsRefused", PODS_REFUSED, f"{_ready(known)}; {known.refusal}")


def _ready(known: Known) -> str:
    return f"{known.ready_replicas} of {known.inputs.service.spec.replicas} replicas are ready"


def _why_not_ready(known: Known) -> str:
    seen = _ready(known)
    if known.pods:
        return f"{seen}; {told(known.pods)}"
    report = known.report
    if report is not None and report.reason is not None:
        said = repair(report.reason.reference, report.reason.remedy)
        return f"{seen}; {report.reason.seen}. {said}".rstrip(". ")
    return seen


def _releases(known: Known) -> Condition:
    report = known.report
    if report is None:
        why = "No replica was asked yet." if known.seen is None else f"{known.seen.replicas.fault}."
        return Condition(RELEASES_REACHABLE, status=None, reason="NotKnown", message=why)
    sources = report.of_kind("releases")
    faulty = [one for one in sources if one.fault]
    if faulty:
        troubles = tuple(of_source("ReleasesUnreadable", one, report) for one in faulty)
        return failed(RELEASES_REACHABLE, troubles)
    if report.graph is None:
        message = "The releases are being read for the first time."
        return Condition(RELEASES_REACHABLE, status=None, reason="Reading", message=message)
    left_out = sum(one.left_out for one in sources)
    reason = "SomeLeftOut" if left_out else "Reachable"
    message = f"{report.graph.releases} releases are read{_left_out(report, left_out)}."
    return Condition(RELEASES_REACHABLE, status=True, reason=reason, message=message)


def _left_out(report: ServiceReport, count: int) -> str:
    if not count:
        return ""
    grave = [one for one in report.details if one.severity in ("error", "ERROR", "warning", "WARNING")]
    shown = [f"{one.file}: {one.seen}" if one.file else one.seen for one in grave[:MAX_TOLD]]
    why = f": {'; '.join(shown)}" if shown else ""
    remedies = dict.fromkeys(report.remedy(one.reference) for one in grave[:MAX_TOLD])
    repair = " ".join(one for one in remedies if one)
    return f", and {count} things were left out{why}. {repair}".rstrip(". ")


def _degraded(known: Known, others: Sequence[Condition]) -> Condition:
    """What is wrong as a whole; of the other conditions ``Available`` is the first."""
    troubles = [one for one in known.troubles if one.reason != NOT_CONFIGURED]
    if known.exposed.uri and known.exposed.trouble is not None:
        # That another address answers as long would hide for ever that what was asked for is not so.
        troubles.append(known.exposed.trouble)
    troubles += _of_pods(known)
    troubles += _of_service(known)
    troubles += of_address(known)
    if known.is_definition_old:
        seen = f"the definition {CRD_NAME} of this cluster does not have all fields of the status"
        troubles.append(Trouble("DefinitionOld", DEFINITION_OLD, seen))
    outage = _outage(known, others[0], troubles)
    if outage is not None:
        return outage
    if troubles:
        return failed(DEGRADED, tuple(troubles), status=True)
    is_starting = known.deployment is None or not known.pods
    for one in others:
        if one.status is False and not (is_starting and one.reason in OF_A_START):
            return Condition(DEGRADED, status=True, reason=one.reason, message=f"{one.type}: {one.message}")
    return Condition(DEGRADED, status=False, reason="AsExpected", message="Nothing is wrong.")


def _outage(known: Known, available: Condition, troubles: Iterable[Trouble]) -> Condition | None:
    """That clusters were answered and are not any more, before everything else that is wrong."""
    status = known.inputs.service.status
    before = status.condition(AVAILABLE)
    has_answered = status.first_answered is not None or (before is not None and before.status == "True")
    if available.status is not False or not has_answered:
        return None
    others = [one.message for one in troubles if one.message not in available.message]
    message = "\n".join([f"{AVAILABLE}: {available.message}", *others[:MAX_TOLD]])
    return Condition(DEGRADED, status=True, reason=available.reason, message=message)


def _of_pods(known: Known) -> Iterator[Trouble]:
    """What is wrong with pods beside those that answer; of the graph data and of a service without any other conditions tell."""
    if known.refusal:
        yield _refused(known)
    if known.is_rollout_stuck:
        seen = "new pods do not become ready" + (f": {told(known.pods)}" if known.pods else "")
        yield Trouble("RolloutStuck", NO_REPLICA_READY, seen)
    lost = [one for one in known.pods if one.is_of_node]
    if lost:
        yield Trouble("NodeLost", REPLICA_LOST, told(lost))
    failing = [one for one in known.pods if not (one.is_of_node or one.is_of_graph_data)]
    if failing and known.ready_replicas and not known.is_rollout_stuck:
        yield Trouble("PodsFailing", PODS_FAILING, f"{_ready(known)}; {told(failing)}")


def _of_service(known: Known) -> list[Trouble]:
    found = []
    if known.graph_data is not None and known.graph_data.fault is not None:
        found.append(Trouble.of("GraphDataUnresolved", known.graph_data.fault))
    seen = known.seen
    if seen is None:
        return found
    found += _of_replicas(known, seen)
    found += _of_versions(known, known.report)
    return found


def _of_replicas(known: Known, seen: ServiceSeen) -> Iterator[Trouble]:
    """What the replicas do not say, and what they say differently."""
    replicas, report = seen.replicas, known.report
    if report is None:
        if known.ready_replicas and not seen.is_pending:
            yield Trouble("StatusUnreadable", SERVICE_SILENT, replicas.fault)
        return
    if replicas.silent:
        yield Trouble("StatusUnreadable", SERVICE_SILENT, "; ".join(replicas.silent[:MAX_TOLD]))
    if replicas.is_old and report.graph is not None:
        whose = f"the graph of pod {replicas.oldest[0]}" if replicas.oldest else "the graph"
        yield Trouble("GraphOld", GRAPH_OLD, f"{whose} is as it was at {moment(report.graph.refreshed_at)}")
    if replicas.apart:
        yield Trouble("ReplicasApart", REPLICAS_APART, replicas.apart)


def _of_versions(known: Known, report: ServiceReport | None) -> Iterator[Trouble]:
    """That the pods cannot use the list of promoted versions, unless that was seen before they got it."""
    if report is None or any(one.reason == PROMOTION_INVALID for one in known.troubles):
        return
    for source in report.of_kind("promoted"):
        if source.fault is not None:
            seen = f"the pods cannot use the list of spec.versions: {source.fault.seen}"
            yield Trouble(PROMOTION_INVALID, VERSIONS_UNUSABLE, seen)


def _graph_text(report: ServiceReport) -> str:
    graph = report.graph
    return "" if graph is None else f"a graph of {graph.releases} releases and {graph.updates} updates"
