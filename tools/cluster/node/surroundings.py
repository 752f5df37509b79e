"""What a pod has around it on this node: the machine, and the cluster as the node sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tools.cluster.node.environment import PERSISTENT_VOLUME, Objects
from tools.cluster.node.images import ImageStore
from tools.cluster.node.network import Network
from tools.cluster.node.runtime import Runtime
from tools.cluster.node.specification import TokenProjection
from upgraph.kube.kinds import CONFIG_MAP, ENDPOINT_SLICE, PERSISTENT_VOLUME_CLAIM, POD, SECRET, SERVICE
from upgraph.kube.objects import Key, Kind, Object

WATCHED = (POD, CONFIG_MAP, SECRET, SERVICE, ENDPOINT_SLICE, PERSISTENT_VOLUME_CLAIM, PERSISTENT_VOLUME)
"""The kinds of objects that a node looks at."""

Listener = Callable[[Kind, Object | None, Object | None], None]
"""Gets the kind of an object that has changed, what it was and what it is; None where it was not or is no more."""


class Cluster(Objects, Protocol):
    """The cluster of a node. What is written raises RemoteError where it was not possible."""

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every change from now on."""
        ...

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        ...

    async def wait_until_known(self) -> None:
        """Wait until everything was read once."""
        ...

    async def apply(self, obj: Object) -> None:
        """Have an object be so."""
        ...

    async def apply_status(self, obj: Object) -> None:
        """Have the status of an object be so."""
        ...

    async def finish(self, pod: Object) -> None:
        """Remove a pod whose containers have ended."""
        ...

    async def token(self, account: Key, wanted: TokenProjection, pod: Object) -> bytes:
        """A token of a service account for a pod."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a node waits before it tries again, in seconds; each time twice as long. A kubelet waits 10 to 300."""

    first: float = 0.5
    most: float = 8.0
    forget: float = 20.0
    """A container that ran for so long is started anew as if it had never failed."""

    def wait(self, failures: int) -> float:
        """Seconds before the attempt that follows so many failures."""
        return min(self.most, self.first * 2.0 ** min(failures, 16))


def _silent(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Machine:
    """What runs containers; several nodes may share it."""

    directory: Path
    images: ImageStore
    runtime: Runtime
    network: Network
    domain: str = "cluster.local"
    patience: Patience = field(default_factory=Patience)
    note: Callable[[str], None] = _silent
    """Takes lines for the log of the node."""

    @property
    def logs(self) -> Path:
        """Where the logs of containers are: ``NAMESPACE_POD_CONTAINER.log``, all its runs one after the other."""
        return self.directory / "logs"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a pod is."""

    machine: Machine
    cluster: Cluster
    node: str
    host_address: str
