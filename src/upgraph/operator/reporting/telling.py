"""How troubles become conditions, and what a service or a registry says becomes a trouble. Pure."""

from upgraph.errors.problems.reconcile import RELEASES_UNREADABLE
from upgraph.kube.conditions import Condition
from upgraph.operator.observing.service_report import ServiceReport, Source
from upgraph.operator.resource.trouble import Trouble

MAX_TOLD = 5
"""Most findings of one kind, or troubles, that a message tells of."""


def failed(kind: str, troubles: tuple[Trouble, ...], *, status: bool = False) -> Condition:
    """The condition that tells troubles, the first of them by its reason."""
    message = "\n".join(one.message for one in troubles[:MAX_TOLD])
    more = len(troubles) - MAX_TOLD
    return Condition(
        kind, status, troubles[0].reason, message if more <= 0 else f"{message}\nand {more} more"
    )


def of_source(reason: str, source: Source, report: ServiceReport) -> Trouble:
    """Why the service cannot read a source."""
    fault = source.fault
    seen = f"{source.name}: {fault.seen if fault else ''}"
    remedy = report.remedy(fault.reference) if fault else ""
    return Trouble(reason, RELEASES_UNREADABLE, seen, remedy)
