"""The status of an UpdateService as it is written into the resource. Pure.

While nothing changes it stays the same to the byte, so that a cluster at rest is not written to. Moments are those at which
something became so; two are told from time to time: when the registry of the graph data was asked, and when the graph was
refreshed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from upgraph.kube.conditions import Condition, conditions_of, stated
from upgraph.kube.objects import Object
from upgraph.operator.inputs.view import at
from upgraph.operator.observing.graph_data_watch import is_overdue
from upgraph.operator.observing.serving_ca import ServingCA
from upgraph.operator.observing.statuses import has_to_be_told
from upgraph.operator.reporting.conclusions import Known
from upgraph.operator.reporting.graph_data import GRAPH_DATA_READY, OF_REPLICAS
from upgraph.operator.reporting.pasting import with_names
from upgraph.operator.reporting.verdicts import (
    AVAILABLE,
    DEGRADED,
    OF_A_START,
    RECONCILE_COMPLETED,
    RECONCILE_ERROR,
    RELEASES_REACHABLE,
    conditions,
)
from upgraph.operator.resource.update_service import UPDATE_SERVICE

_SEED_FIELDS = ("conditions", "policyEngineURI")
_SEED_CONDITION = ("type", "status", "reason", "message", "lastTransitionTime")
"""What the definition of the reference operator has of a status, and of a condition in it."""
_MOMENTS = (("graphData", "lastChecked"), ("graph", "builtAt"), ("graph", "refreshedAt"))
"""What alone is no reason to write."""


@dataclass(frozen=True, slots=True)
class Status:
    """The status, and which conditions are otherwise than before."""

    content: Object
    transitions: tuple[Condition, ...]

    def apply_to(self, obj: Object) -> Object:
        """What is applied to the status of the resource."""
        metadata = obj["metadata"]
        return {
            "apiVersion": UPDATE_SERVICE.api_version,
            "kind": UPDATE_SERVICE.kind,
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            "status": self.content,
        }

    def for_old_definition(self) -> "Status":
        """What of it every definition of the resource has."""
        content = {name: self.content[name] for name in _SEED_FIELDS if name in self.content}
        content["conditions"] = [
            {name: one[name] for name in _SEED_CONDITION if name in one} for one in content["conditions"]
        ]
        return Status(content, self.transitions)


def status_of(known: Known, obj: Object, now: datetime) -> Status:
    """The status.

    Args:
        known: what is known.
        obj: the resource as it was read, with the status that it has.
        now: the moment.
    """
    told = tuple(with_names(one, known.inputs.names) for one in conditions(known))
    verdicts = _with_memory(told, known, obj)
    content: Object = {
        "conditions": stated((*verdicts, *_retired(obj)), obj, now),
        "observedGeneration": known.inputs.service.metadata.generation,
        "replicas": known.replicas,
        "readyReplicas": known.ready_replicas,
    }
    if known.exposed.uri:
        content["policyEngineURI"] = known.exposed.uri
    before, moment = at(obj, "status"), _text(now)
    is_available = any(one.type == AVAILABLE and one.status for one in verdicts)
    if first := before.get("firstAnswered") or (moment if is_available else None):
        content["firstAnswered"] = first
    parts = {
        "graphData": _graph_data(known),
        "graph": _graph(known, at(before, "graph"), moment),
        "servingCA": _serving_ca(known, before),
    }
    content |= {name: part for name, part in parts.items() if part}
    is_same = _without_moments(content) == _without_moments(_without_others(before, content))
    if is_same and not _is_overdue(before, content):
        content = before
    return Status(content, _transitions(verdicts, before))


def _with_memory(verdicts: tuple[Condition, ...], known: Known, obj: Object) -> tuple[Condition, ...]:
    """The conditions, where what a process that has just started does not know yet is as the one before has said."""
    if known.seen is not None and known.graph_data is not None:
        return verdicts
    said = conditions_of(obj)
    return tuple(
        said[one.type] if one.type in said and _holds_on(said[one.type], one, known) else one
        for one in verdicts
    )


def _retired(obj: Object) -> tuple[Condition, ...]:
    """What the reference operator has said and nobody could take back, as it is its own: that it is not so any more."""
    # Its reason is no reason by the rules of today, so the types are looked for as they stand there.
    if not any(one.get("type") == RECONCILE_ERROR for one in at(obj, "status").get("conditions") or ()):
        return ()
    message = f"This is told by {RECONCILE_COMPLETED} now."
    return (Condition(RECONCILE_ERROR, status=False, reason="NotUsed", message=message),)


def _holds_on(said: Condition, now: Condition, known: Known) -> bool:
    """Whether a condition of before is not refuted by what is known now, which is not all."""
    if now.type == GRAPH_DATA_READY:
        # Beside the registry the replicas know something of it.
        return known.graph_data is None or (known.seen is None and said.reason in OF_REPLICAS)
    if now.type == RELEASES_REACHABLE:
        return known.seen is None
    if now.type == DEGRADED:
        return said.status is True and (now.status is not True or now.message in said.message)
    return now.status is None and said.reason not in OF_A_START


def _graph_data(known: Known) -> Object:
    part: Object = {"image": known.inputs.service.spec.graph_data_image}
    asked, digest = known.graph_data, known.inputs.graph_data.digest
    if digest:
        part["digest"] = digest
    if asked is not None and asked.checked is not None:
        part["lastChecked"] = _text(asked.checked)
    return part


def _is_overdue(before: Object, content: Object) -> bool:
    """Whether it has to be told when the registry was asked or the graph refreshed, although nothing else is to be told."""
    told, checked = (at(one, "graphData").get("lastChecked") for one in (before, content))
    if checked is not None and told != checked and is_overdue(_moment(told), _moment(checked)):
        return True
    refreshed = (_moment(at(one, "graph").get("refreshedAt")).timestamp() for one in (before, content))
    return has_to_be_told(*refreshed)


def _graph(known: Known, before: Object, moment: str) -> Object:
    report = None if known.seen is None else known.seen.replicas.report
    if report is None or report.graph is None:
        return before
    part: Object = {
        "releases": report.graph.releases,
        "updates": report.graph.updates,
        "leftOut": sum(one.left_out for one in report.of_kind("releases")),
        "digest": report.graph.digest,
    }
    # An older definition drops what it does not know; that is no other graph.
    is_same = all(before.get(name, value) == value for name, value in part.items())
    refreshed = _refreshed(known.seen.replicas.refreshed if known.seen else 0.0, before.get("refreshedAt"))
    part |= {"refreshedAt": refreshed} if refreshed else {}
    return part | {"builtAt": before.get("builtAt") if is_same and before.get("builtAt") else moment}


def _refreshed(seconds: float, told: object) -> object:
    """When the graph was refreshed. A replica that is a little behind another one takes nothing back."""
    last = _moment(told).timestamp()
    is_behind = seconds <= last and not has_to_be_told(last, seconds)
    return told if is_behind or not seconds else _text(datetime.fromtimestamp(seconds, UTC))


def _serving_ca(known: Known, before: Object) -> Object:
    """The authority of the address; while it does not answer the one that it had, as long as it is the same address."""
    uri = known.at_address
    if uri is not None and uri.authority is not None:
        return _shown(uri.authority)
    is_same = before.get("policyEngineURI") == known.exposed.uri and known.exposed.uri.startswith("https:")
    return at(before, "servingCA") if is_same else {}


def _shown(authority: ServingCA) -> Object:
    part: Object = {
        "subject": authority.subject,
        "fingerprint": authority.fingerprint,
        "notAfter": authority.not_after,
        "certificate": authority.certificate,
        "trustedByCluster": authority.trusted,
    }
    return {name: value for name, value in part.items() if value not in ("", None)}


def _without_others(before: Object, content: Object) -> Object:
    """The status as it was, in our order and without what only the reference operator has said: that stays there."""
    if "conditions" not in before:
        return before
    places = {one["type"]: place for place, one in enumerate(content["conditions"])}
    said = [
        {name: value for name, value in one.items() if name != "lastHeartbeatTime"}
        for one in before["conditions"]
        if one.get("type") in places
    ]
    return before | {"conditions": sorted(said, key=lambda one: places[one["type"]])}


def _without_moments(content: Object) -> Object:
    plain = dict(content)
    for part, moment in _MOMENTS:
        if part in plain:
            plain[part] = {name: value for name, value in plain[part].items() if name != moment}
    return plain


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: object) -> datetime:
    """A moment of the status; long ago where there is none."""
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _transitions(verdicts: tuple[Condition, ...], before: Object) -> tuple[Condition, ...]:
    old = {one.get("type"): (one.get("status"), one.get("reason")) for one in before.get("conditions") or []}
    words = {True: "True", False: "False", None: "Unknown"}
    return tuple(one for one in verdicts if old.get(one.type) != (words[one.status], one.reason))
