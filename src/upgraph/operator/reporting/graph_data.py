"""The condition ``GraphDataReady``: which image it is, whether pods get it, and what the service finds in it. Pure."""

from upgraph.errors.problems.reconcile import GRAPH_DATA_ERRORS, GRAPH_DATA_UNRESOLVED
from upgraph.kube.conditions import Condition
from upgraph.operator.observing.pods import told
from upgraph.operator.observing.service_report import Detail, ServiceReport, Source
from upgraph.operator.reporting.conclusions import Known
from upgraph.operator.reporting.telling import MAX_TOLD, failed, of_source
from upgraph.operator.resource.trouble import Trouble

GRAPH_DATA_READY = "GraphDataReady"
UNREADABLE = "GraphDataUnreadable"
"""Reason where the replicas cannot read what the registry has."""
ERRORS = "GraphDataErrors"
"""Reason where they can, and find it wrong."""
OF_REPLICAS = (UNREADABLE, ERRORS)
"""What replicas alone can tell."""

_INIT_REMEDY = (
    "The image has to copy its data to /var/lib/cincinnati/graph-data when it is started, as any user, or to have no command "
    "and its data at /var/lib/cincinnati-graph-data. upgraph graph-data check docker://IMAGE looks at it."
)

_PULL_REMEDY = (
    "It is the node that does not get the image. Check its name, that it is in the registry, the login (spec.credentials; on "
    "OpenShift without them the pull secret of the cluster) and that the nodes trust the registry, which is no part of the "
    "UpdateService. kubectl describe pod has all words of the kubelet."
)
_REACH_REMEDY = "Check the name, the port, the network, the proxy and that the registry runs."


def graph_data_verdict(known: Known) -> Condition:
    """The condition ``GraphDataReady``."""
    trouble = _trouble(known)
    if trouble is not None:
        return failed(GRAPH_DATA_READY, (trouble,))
    asked = known.graph_data
    if asked is None:
        return Condition(GRAPH_DATA_READY, None, "Asking", f"{named_image(known)} is being looked up.")
    digest = "" if asked.found is None else asked.found.digest
    if asked.fault is not None:
        last = Trouble.of("LastKnown", asked.fault)
        message = (
            f"{digest} stays in use, as it is not known what {named_image(known)} is now: {last.message}"
        )
        return Condition(GRAPH_DATA_READY, status=True, reason="LastKnown", message=message)
    message = f"{named_image(known)} is {digest}."
    return Condition(GRAPH_DATA_READY, status=True, reason="Resolved", message=message)


def _trouble(known: Known) -> Trouble | None:
    of_pods = [one for one in known.pods if one.is_of_graph_data]
    if of_pods:
        seen = f"{named_image(known)}: {told(of_pods)}"
        remedy = _PULL_REMEDY if of_pods[0].is_of_image else _INIT_REMEDY
        return Trouble("GraphDataContainerFailed", GRAPH_DATA_UNRESOLVED, seen, remedy)
    of_service = None if known.report is None else _of_service(known.report)
    if of_service is not None:
        return of_service
    asked = known.graph_data
    if asked is not None and asked.fault is not None and (asked.found is None or not asked.found.digest):
        error = asked.fault
        seen = f"{named_image(known)}: {error.seen}"
        return Trouble("ImageUnresolved", GRAPH_DATA_UNRESOLVED, seen, Trouble.of("", error).remedy)
    return None


def _of_service(report: ServiceReport) -> Trouble | None:
    for source in report.of_kind("graph-data"):
        errors = [one for one in source.findings if one.is_error]
        is_refused = source.fault is not None and source.fault.reference in {one.reference for one in errors}
        if source.fault is not None and not is_refused:
            return of_source(UNREADABLE, source, report)
        if errors:
            return _errors(source, report, is_refused=is_refused)
    return None


def _errors(source: Source, report: ServiceReport, *, is_refused: bool) -> Trouble:
    """The first errors of a set of graph data. A set that is refused takes nothing away from what is served."""
    if not is_refused:
        outcome = "has errors, and the updates that nobody can judge by it are withheld"
    elif report.graph is None:
        outcome = "is refused, and there is none of before"
    else:
        outcome = "is refused, and the last good one stays in use"
    errors = [one for one in source.findings if one.is_error]
    references = {one.reference for one in errors}
    found = [one for one in report.details if one.is_error and one.reference in references]
    if not found and source.fault is not None:
        # A service that has no graph yet tells the first one alone.
        found = [Detail("error", source.fault.reference, source.fault.seen)]
    shown = "; ".join(f"{one.place}{one.seen} [{one.reference}]" for one in found[:MAX_TOLD])
    more = sum(one.count for one in errors) - len(found[:MAX_TOLD])
    seen = f"the graph data {source.name} {outcome}: {shown}" + (f"; and {more} more" if more > 0 else "")
    remedies = dict.fromkeys(report.remedy(one.reference) for one in found[:MAX_TOLD])
    repair = " ".join(one for one in (*remedies, GRAPH_DATA_ERRORS.remedy) if one)
    return Trouble(ERRORS, GRAPH_DATA_ERRORS, seen, repair)


def named_image(known: Known) -> str:
    """The image with the graph data, as it is named in messages."""
    return f"the image {known.inputs.service.spec.graph_data_image}"
