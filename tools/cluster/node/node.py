"""A node: it says that it lives, takes the pods that are scheduled to it, and tells the cluster what becomes of them."""

import asyncio
from datetime import UTC, datetime

from tools.cluster.node.images import architecture
from tools.cluster.node.pod_run import PodRun
from tools.cluster.node.pod_status import now
from tools.cluster.node.specification import NotStartableError, read_spec
from tools.cluster.node.surroundings import Surroundings
from upgraph.errors import RemoteError
from upgraph.kube.kinds import POD
from upgraph.kube.objects import Kind, Object, key_of, uid_of

HEARTBEAT_SECONDS = 3.0
"""Between two signs of life; a cluster of tests waits for 16 seconds before it takes a node for lost, others for 40."""
LEASE_SECONDS = 40
GATHER_SECONDS = 0.05
"""For how long changes of a pod are gathered before the cluster is told."""
RETRY_SECONDS = 1.0
_OVER = frozenset({"Succeeded", "Failed"})
_LEASES = "kube-node-lease"


class Node:
    """One node.

    Args:
        around: the machine, the cluster and the name of the node.
        zone: where it says that it is.
    """

    def __init__(self, around: Surroundings, zone: str) -> None:
        self._around = around
        self._zone = zone
        self._pods: dict[str, _Keeper] = {}
        self._group: asyncio.TaskGroup | None = None
        around.cluster.listen(self._changed)

    async def run(self) -> None:
        """Be a node until cancelled; then all its containers are killed and nobody is told."""
        cluster = self._around.cluster
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                group.create_task(self._beat())
                for pod in cluster.all(POD):
                    self._changed(POD, None, pod)
                await asyncio.Event().wait()
            finally:
                self._group = None

    def _changed(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        if self._group is None:
            return
        if kind != POD:
            for keeper in self._pods.values():
                keeper.look_again()
            return
        for pod, is_there in ((old, False), (new, True)):
            if pod is not None and pod["spec"].get("nodeName") == self._around.node:
                self._take(pod, self._group) if is_there else self._drop(pod, new)

    def _take(self, pod: Object, group: asyncio.TaskGroup) -> None:
        keeper = self._pods.get(uid_of(pod))
        if keeper is not None:
            keeper.update(pod)
            return
        keeper = self._pods[uid_of(pod)] = _Keeper(pod, self._around)
        task = group.create_task(keeper.run())
        task.add_done_callback(lambda _: self._pods.pop(uid_of(pod), None))

    def _drop(self, old: Object, new: Object | None) -> None:
        if (new is None or uid_of(new) != uid_of(old)) and (
            keeper := self._pods.get(uid_of(old))
        ) is not None:
            keeper.gone()

    async def _beat(self) -> None:
        is_registered = False
        while True:
            try:
                if not is_registered:
                    await self._register()
                    is_registered = True
                await self._around.cluster.apply(self._lease())
            except RemoteError as error:
                self._around.machine.note(f"{self._around.node}: {error}")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _register(self) -> None:
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self._around.node, "labels": self._labels()},
        }
        await self._around.cluster.apply(node)
        await self._around.cluster.apply_status({**node, "status": self._status()})

    def _labels(self) -> dict[str, str]:
        return {
            "kubernetes.io/arch": architecture(),
            "kubernetes.io/hostname": self._around.node,
            "kubernetes.io/os": "linux",
            "topology.kubernetes.io/zone": self._zone,
            "type": "real",
        }

    def _status(self) -> Object:
        room = {"cpu": "8", "memory": "16Gi", "ephemeral-storage": "64Gi", "pods": "110"}
        since = now()
        conditions = [
            ("Ready", "True", "KubeletReady", "the node for tests runs"),
            ("MemoryPressure", "False", "KubeletHasSufficientMemory", "not looked at"),
            ("DiskPressure", "False", "KubeletHasNoDiskPressure", "not looked at"),
            ("PIDPressure", "False", "KubeletHasSufficientPID", "not looked at"),
        ]
        return {
            "capacity": room,
            "allocatable": room,
            "addresses": [
                {"type": "InternalIP", "address": self._around.host_address},
                {"type": "Hostname", "address": self._around.node},
            ],
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": message,
                    "lastHeartbeatTime": since,
                    "lastTransitionTime": since,
                }
                for kind, status, reason, message in conditions
            ],
        }

    def _lease(self) -> Object:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._around.node, "namespace": _LEASES},
            "spec": {
                "holderIdentity": self._around.node,
                "leaseDurationSeconds": LEASE_SECONDS,
                "renewTime": moment,
            },
        }


class _Keeper:
    """Keeps one pod, and tells the cluster about it."""

    def __init__(self, pod: Object, around: Surroundings) -> None:
        self._pod = pod
        self._around = around
        self._run: PodRun | None = None
        self._dirty = asyncio.Event()
        self._deleted = asyncio.Event()
        self._gone = asyncio.Event()
        self.update(pod)

    def update(self, pod: Object) -> None:
        """Know a new state of the pod."""
        self._pod = pod
        if self._run is not None:
            self._run.update(pod)
        if pod["metadata"].get("deletionTimestamp"):
            self._deleted.set()

    def look_again(self) -> None:
        """Something in the cluster has changed."""
        if self._run is not None:
            self._run.look_again()

    def gone(self) -> None:
        """The pod was taken away without waiting for us."""
        self._gone.set()
        self._deleted.set()

    async def run(self) -> None:
        """Run the pod until the cluster has deleted it."""
        try:
            await self._live()
        except* NotStartableError as errors:
            error = _first(errors)
            self._around.machine.note(f"{key_of(self._pod)}: {error.message}")
            await self._refuse(error)
            await self._deleted.wait()
        await self._until_finished()

    async def _live(self) -> None:
        if (self._pod.get("status") or {}).get("phase") in _OVER:
            await self._deleted.wait()
            return
        self._run = PodRun(self._pod, read_spec(self._pod), self._around, self._dirty.set)
        async with asyncio.TaskGroup() as group:
            reporting = group.create_task(self._report())
            running = group.create_task(self._run.run())
            await self._deleted.wait()
            await self._run.stop(0 if self._gone.is_set() else self._grace())
            await running
            reporting.cancel()
        await self._tell()

    def _grace(self) -> float:
        return float(self._pod["metadata"].get("deletionGracePeriodSeconds") or 0)

    async def _report(self) -> None:
        self._dirty.set()
        while True:
            await self._dirty.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._dirty.clear()
            if not await self._tell():
                await asyncio.sleep(RETRY_SECONDS)
                self._dirty.set()

    async def _tell(self) -> bool:
        """Tell the cluster how the pod is; false: it could not be told now."""
        return self._run is None or await self._apply(self._run.account.status())

    async def _refuse(self, error: NotStartableError) -> None:
        status = {"phase": "Pending", "reason": error.reason, "message": error.message}
        while True:
            if await self._apply(status):
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _apply(self, status: Object) -> bool:
        key = key_of(self._pod)
        metadata = {"name": key.name, "namespace": key.namespace, "uid": uid_of(self._pod)}
        report = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}
        try:
            await self._around.cluster.apply_status(report)
        except RemoteError as error:
            self._around.machine.note(f"{key}: {error}")
            return not error.retryable
        return True

    async def _until_finished(self) -> None:
        while not self._gone.is_set():
            try:
                await self._around.cluster.finish(self._pod)
            except RemoteError as error:
                if not error.retryable:
                    return
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return


def _first(errors: BaseExceptionGroup[NotStartableError]) -> NotStartableError:
    first = errors.exceptions[0]
    return first if isinstance(first, NotStartableError) else _first(first)
