"""What Kubernetes knows of the pods of an UpdateService: which can be asked, and why others do not run. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from upgraph.kube.objects import Object
from upgraph.operator.desired.deployment import INIT_CONTAINER
from upgraph.operator.inputs.view import at

MAX_TOLD = 3
"""Most pods that a message tells of."""
_NODE_LOST = "NodeLost"
_ENDED = ("Failed", "Succeeded")
"""Phases in which a pod never runs again: an evicted one lies there for long, and its address may be another pod's."""
_USUAL = frozenset({"PodInitializing", "ContainerCreating", "Completed"})
"""Reasons of waiting and of ends that are no fault."""


@dataclass(frozen=True, slots=True)
class PodAddress:
    """Where a pod is asked."""

    address: str
    pod: str
    """Its name."""
    is_ready: bool = True
    """Whether clusters are sent to it."""


@dataclass(frozen=True, slots=True)
class PodTrouble:
    """Why one container does not run."""

    pod: str
    container: str
    reason: str
    message: str

    @property
    def is_of_graph_data(self) -> bool:
        """Whether it is the container that brings the graph data."""
        return self.container == INIT_CONTAINER

    @property
    def is_of_image(self) -> bool:
        """Whether the node does not get its image (``ErrImagePull``, ``ImagePullBackOff``, ``InvalidImageName``...)."""
        return "Image" in self.reason

    @property
    def is_of_node(self) -> bool:
        """Whether it is the node that does not answer."""
        return self.reason == _NODE_LOST

    def __str__(self) -> str:
        where = f"pod {self.pod}" + (f", container {self.container}" if self.container else "")
        return f"{where}: {self.reason}" + (f": {self.message}" if self.message else "")


def addresses(pods: Iterable[Object]) -> tuple[PodAddress, ...]:
    """The addresses of the pods that may answer, ready ones first."""
    found = [
        PodAddress(str(at(pod, "status").get("podIP") or ""), str(pod["metadata"]["name"]), _is_ready(pod))
        for pod in pods
        if _is_to_run(pod)
    ]
    return tuple(sorted((one for one in found if one.address), key=lambda one: (not one.is_ready, one.pod)))


def troubles_of(pods: Iterable[Object]) -> tuple[PodTrouble, ...]:
    """Why pods do not run, by pod."""
    return tuple(
        trouble
        for pod in sorted(pods, key=lambda one: str(one["metadata"]["name"]))
        if _is_to_run(pod)
        for trouble in _of_pod(pod)
    )


def told(troubles: Iterable[PodTrouble]) -> str:
    """The first of them, in words."""
    return "; ".join(map(str, list(troubles)[:MAX_TOLD]))


def _is_to_run(pod: Object) -> bool:
    return not pod["metadata"].get("deletionTimestamp") and at(pod, "status").get("phase") not in _ENDED


def _of_pod(pod: Object) -> Iterator[PodTrouble]:
    name, status = pod["metadata"]["name"], at(pod, "status")
    if _is_lost(pod):
        yield PodTrouble(name, "", _NODE_LOST, f"the node {at(pod, 'spec').get('nodeName')} does not answer")
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield PodTrouble(
                name, "", condition.get("reason") or "Unschedulable", condition.get("message") or ""
            )
    for listed in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(listed) or []:
            trouble = _of_container(name, container)
            if trouble is not None:
                yield trouble


def _of_container(pod: str, container: Object) -> PodTrouble | None:
    state, last = at(container, "state"), at(container, "lastState", "terminated")
    now = at(state, "waiting") or at(state, "terminated")
    if not now and not container.get("ready"):
        # One that ends again and again runs for a moment in between, which is no recovery.
        now = last
    reason = now.get("reason") or ""
    if not reason or reason in _USUAL:
        return None
    # Of a container that is started again and again, what it said at its end tells more than that.
    message = last.get("message") or now.get("message") or last.get("reason") or ""
    return PodTrouble(pod, str(container.get("name") or ""), reason, str(message).strip())


def _is_ready(pod: Object) -> bool:
    return _is_true(pod, "Ready")


def _is_lost(pod: Object) -> bool:
    """Whether the cluster, rather than the kubelet, says that it is not ready: then nobody hears of the kubelet any more.

    A kubelet says both in one breath. What the cluster takes back is ``Ready`` alone (``MarkPodsNotReady`` of its
    controller of nodes), so the containers stay ready for ever.
    """
    return _is_true(pod, "ContainersReady") and not _is_true(pod, "Ready")


def _is_true(pod: Object, kind: str) -> bool:
    conditions = at(pod, "status").get("conditions") or []
    return any(one.get("type") == kind and one.get("status") == "True" for one in conditions)
