"""What a pod says about itself: the states of its containers become phase, conditions and statuses. Pure but for a clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tools.cluster.node.specification import Container, PodSpec
from upgraph.kube.objects import Object

_SUCCESS = 0


def now() -> str:
    """The time as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A container does not run yet, or not again."""

    reason: str
    message: str = ""

    def shown(self) -> Object:
        """As ``state`` has it."""
        message = {"message": self.message} if self.message else {}
        return {"waiting": {"reason": self.reason, **message}}


@dataclass(frozen=True, slots=True)
class Running:
    """A container runs."""

    since: str

    def shown(self) -> Object:
        """As ``state`` has it."""
        return {"running": {"startedAt": self.since}}


@dataclass(frozen=True, slots=True)
class Terminated:
    """A container has ended."""

    exit_code: int
    reason: str
    since: str
    until: str
    identifier: str
    message: str = ""

    def shown(self) -> Object:
        """As ``state`` has it."""
        message = {"message": self.message} if self.message else {}
        return {
            "terminated": {
                "exitCode": self.exit_code,
                "reason": self.reason,
                "startedAt": self.since,
                "finishedAt": self.until,
                "containerID": self.identifier,
                **message,
            }
        }


State = Waiting | Running | Terminated


@dataclass(slots=True)
class Record:
    """What is known of one container."""

    state: State
    last: Terminated | None = None
    restarts: int = 0
    ready: bool = False
    started: bool = False
    image: str = ""
    image_id: str = ""
    identifier: str = ""

    def shown(self, container: Container) -> Object:
        """As ``containerStatuses`` has it."""
        return {
            "name": container.name,
            "image": container.image,
            "imageID": self.image_id,
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state.shown(),
            "lastState": {} if self.last is None else self.last.shown(),
            **({"containerID": self.identifier} if self.identifier else {}),
        }


@dataclass(slots=True)
class Account:
    """What is known of a pod that this node has."""

    pod: Object
    spec: PodSpec
    host_address: str
    address: str = ""
    began: str = ""
    records: dict[str, Record] = field(default_factory=dict)
    """By the names of the containers, init containers first."""
    _since: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Status and time of the last transition of each condition."""

    def status(self) -> Object:
        """The status of the pod; what others have said there stays."""
        addresses = {"podIP": self.address, "podIPs": [{"ip": self.address}]} if self.address else {}
        return {
            "phase": phase(self.spec, self.records),
            "conditions": self._conditions(),
            "startTime": self.began,
            "hostIP": self.host_address,
            "hostIPs": [{"ip": self.host_address}],
            **addresses,
            "initContainerStatuses": self._statuses(self.spec.init_containers),
            "containerStatuses": self._statuses(self.spec.containers),
        }

    def _statuses(self, containers: Sequence[Container]) -> list[Object]:
        return [self.records[container.name].shown(container) for container in containers]

    def _conditions(self) -> list[Object]:
        is_initialised = all(_succeeded(self.records[one.name]) for one in self.spec.init_containers)
        unready = [one.name for one in self.spec.containers if not self.records[one.name].ready]
        message = f"containers with unready status: [{' '.join(unready)}]" if unready else ""
        reason = "ContainersNotReady" if unready else ""
        if phase(self.spec, self.records) == "Succeeded":
            reason, message = "PodCompleted", ""
        return [
            self._condition("PodReadyToStartContainers", is_true=bool(self.address)),
            self._condition("Initialized", is_true=is_initialised),
            self._condition("ContainersReady", is_true=not unready, reason=reason, message=message),
            self._condition("Ready", is_true=not unready, reason=reason, message=message),
        ]

    def _condition(self, kind: str, *, is_true: bool, reason: str = "", message: str = "") -> Object:
        status = "True" if is_true else "False"
        if self._since.get(kind, ("", ""))[0] != status:
            self._since[kind] = (status, now())
        words = {name: value for name, value in (("reason", reason), ("message", message)) if value}
        return {"type": kind, "status": status, "lastTransitionTime": self._since[kind][1], **words}


def phase(spec: PodSpec, records: Mapping[str, Record]) -> str:
    """The phase of a pod."""
    if any(_failed(spec, records[one.name]) for one in spec.init_containers):
        return "Failed"
    if not all(_succeeded(records[one.name]) for one in spec.init_containers):
        return "Pending"
    mains = [records[one.name] for one in spec.containers]
    if all(_is_over(spec, record) for record in mains):
        return "Succeeded" if all(_succeeded(record) for record in mains) else "Failed"
    has_run = any(not isinstance(record.state, Waiting) or record.last is not None for record in mains)
    return "Running" if has_run else "Pending"


def _succeeded(record: Record) -> bool:
    return isinstance(record.state, Terminated) and record.state.exit_code == _SUCCESS


def _is_over(spec: PodSpec, record: Record) -> bool:
    return isinstance(record.state, Terminated) and not restarts(spec, record.state.exit_code)


def _failed(spec: PodSpec, record: Record) -> bool:
    if not isinstance(record.state, Terminated) or record.state.exit_code == _SUCCESS:
        return False
    return spec.restart_policy == "Never"


def restarts(spec: PodSpec, exit_code: int) -> bool:
    """Whether a container that has ended is started again."""
    return spec.restart_policy == "Always" or (spec.restart_policy == "OnFailure" and exit_code != _SUCCESS)
