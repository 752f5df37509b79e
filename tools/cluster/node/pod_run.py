"""One pod on this node, from its first container to its last.

Containers are kept by loops of their own. Stopping is said once (``_stopping``): whoever waits stops waiting, whatever
runs is asked to end and killed after its grace, and the loops write down how it ended. Cancelling is the other way: the
node is lost, everything is killed, and nobody is told.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from tools.cluster.node.container_files import etc_files
from tools.cluster.node.container_run import ContainerRun
from tools.cluster.node.environment import Facts
from tools.cluster.node.network import PodNetwork
from tools.cluster.node.pod_status import Account, Record, Terminated, Waiting, now, restarts
from tools.cluster.node.programs import ProgramError
from tools.cluster.node.specification import Container, NotStartableError, PodSpec, TokenProjection
from tools.cluster.node.surroundings import Surroundings
from tools.cluster.node.volume_files import tokens_wanted
from tools.cluster.node.volumes import PodVolumes
from upgraph.errors import RemoteError
from upgraph.kube.objects import Key, Object, key_of, uid_of

LOOK_AGAIN_SECONDS = 5.0
"""Longest wait for what volumes need, until it is looked for again."""

T = TypeVar("T")


class _StoppedError(Exception):
    """The pod is to end."""


class PodRun:
    """A pod.

    Args:
        pod: as the cluster has it.
        spec: what was read of it.
        around: where it is.
        changed: called when the status has changed.
    """

    def __init__(self, pod: Object, spec: PodSpec, around: Surroundings, changed: Callable[[], None]) -> None:
        self._around = around
        self._spec = spec
        self._changed = changed
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._news = asyncio.Event()
        self._directory = (
            around.machine.directory / "pods" / (uid_of(pod) or str(key_of(pod)).replace("/", "_"))
        )
        self._tokens: dict[TokenProjection, bytes] = {}
        self._network: PodNetwork | None = None
        self._volumes: PodVolumes | None = None
        self._containers: dict[str, ContainerRun] = {}
        self.account = Account(pod, spec, around.host_address, began=now(), records=_records(pod, spec))

    @property
    def _facts(self) -> Facts:
        return Facts(self.account.pod, self._around.node, self.account.host_address, self.account.address)

    def update(self, pod: Object) -> None:
        """Know a new state of the same pod."""
        self.account.pod = pod
        self.look_again()

    def look_again(self) -> None:
        """Something in the cluster has changed that volumes may follow or that somebody waits for."""
        if self._volumes is not None:
            self._volumes.follow(self._tokens)
        self._news.set()

    async def run(self) -> None:
        """Run until all containers have ended for good, or it is stopped."""
        try:
            await self._set_up()
            for container in self._spec.init_containers:
                await self._until_done(container)
            async with asyncio.TaskGroup() as group:
                for container in self._spec.containers:
                    group.create_task(self._kept(container))
        except _StoppedError:
            self._around.machine.note(f"{key_of(self.account.pod)}: stopped")
        finally:
            await self._tear_down()
            self._ended.set()

    async def stop(self, grace_seconds: float) -> None:
        """End all containers, and wait for it. :meth:`run` has to be under way."""
        self._stopping.set()
        runs = list(self._containers.values())
        await asyncio.gather(*(run.stop(grace_seconds) for run in runs))
        await self._ended.wait()

    async def _set_up(self) -> None:
        self._directory.mkdir(parents=True)
        try:
            self._network = await self._around.machine.network.add()
        except ProgramError as error:
            raise NotStartableError("FailedCreatePodSandBox", str(error)) from error
        self.account.address = self._network.address
        self._changed()
        self._volumes = PodVolumes(
            self._directory / "volumes", self._spec, lambda: self._facts, self._around.cluster
        )
        await self._unless_stopped(self._make_volumes(self._volumes))
        etc_files(self._directory / "etc", self._facts, self._spec, self._around.machine)

    async def _make_volumes(self, volumes: PodVolumes) -> None:
        while True:
            self._news.clear()
            try:
                await self._get_tokens()
                volumes.make(self._tokens)
            except (NotStartableError, RemoteError) as error:
                self._around.machine.note(f"{key_of(self.account.pod)}: volumes: {error}")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), LOOK_AGAIN_SECONDS)
            else:
                return

    async def _get_tokens(self) -> None:
        account = Key(self._facts.namespace, self._spec.service_account_name)
        for wanted in tokens_wanted(self._spec.volumes):
            if wanted not in self._tokens:
                self._tokens[wanted] = await self._around.cluster.token(account, wanted, self.account.pod)

    async def _until_done(self, container: Container) -> None:
        failures = 0
        while True:
            ended = await self._once(container)
            if ended.exit_code == 0:
                return
            if self._spec.restart_policy == "Never":
                raise _StoppedError
            await self._back_off(container, failures)
            failures += 1

    async def _kept(self, container: Container) -> None:
        failures = 0
        try:
            while True:
                begun = time.monotonic()
                ended = await self._once(container)
                if not restarts(self._spec, ended.exit_code):
                    return
                if time.monotonic() - begun > self._around.machine.patience.forget:
                    failures = 0
                await self._back_off(container, failures)
                failures += 1
        except _StoppedError:
            return

    async def _once(self, container: Container) -> Terminated:
        """Run a container once, however often starting it has to be tried."""
        failures = 0
        while True:
            if self._stopping.is_set():
                raise _StoppedError
            try:
                run = await self._unless_stopped(self._started(container))
            except NotStartableError as error:
                await self._not_started(container, error, failures)
                failures += 1
            else:
                break
        self._containers[container.name] = run
        if self._stopping.is_set():
            # It came up while everything else was told to end.
            await run.stop(0)
        try:
            return await run.to_its_end()
        finally:
            del self._containers[container.name]
            self._changed()

    async def _started(self, container: Container) -> ContainerRun:
        if self._volumes is None or self._network is None:
            raise AssertionError("a pod is set up before its containers are started")
        run = ContainerRun(container, self.account, self._around, self._changed)
        await run.start(self._directory, self._network, self._facts, self._volumes)
        return run

    async def _not_started(self, container: Container, error: NotStartableError, failures: int) -> None:
        record = self.account.records[container.name]
        wait = self._around.machine.patience.wait(failures)
        record.state = Waiting(error.reason, error.message)
        self._around.machine.note(
            f"{key_of(self.account.pod)}: {container.name}: {error.reason}: {error.message}"
        )
        self._changed()
        await self._pause(wait / 2)
        if error.reason == "ErrImagePull":
            message = f'Back-off pulling image "{container.image}": {error.reason}: {error.message}'
            record.state = Waiting("ImagePullBackOff", message)
            self._changed()
        await self._pause(wait / 2)

    async def _back_off(self, container: Container, failures: int) -> None:
        """Wait before a container that has ended is started again; the first time at once."""
        record = self.account.records[container.name]
        if isinstance(record.state, Terminated):
            record.last = record.state
        if failures:
            wait = self._around.machine.patience.wait(failures - 1)
            pod = f"{self.account.pod['metadata']['name']}_{self._facts.namespace}"
            message = f"back-off {wait:g}s restarting failed container={container.name} pod={pod}"
            record.state = Waiting("CrashLoopBackOff", message)
            self._changed()
            await self._pause(wait)
        if self._stopping.is_set():
            raise _StoppedError
        record.restarts += 1

    async def _pause(self, seconds: float) -> None:
        await self._unless_stopped(asyncio.sleep(seconds))

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        task, stop = asyncio.ensure_future(work), asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            task.cancel()
            stop.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)
        raise _StoppedError

    async def _tear_down(self) -> None:
        for run in list(self._containers.values()):
            await run.close()
        if self._network is not None:
            await self._around.machine.network.remove(self._network)
            self._network = None
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)


def _records(pod: Object, spec: PodSpec) -> dict[str, Record]:
    """The containers before anything has happened; restarts go on where an earlier life of the node left them."""
    status = pod.get("status") or {}
    earlier: Sequence[Object] = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    counts = {one["name"]: one["restartCount"] + 1 for one in earlier if one.get("containerID")}
    reason = "PodInitializing" if spec.init_containers else "ContainerCreating"
    return {
        container.name: Record(Waiting(reason), restarts=counts.get(container.name, 0))
        for container in (*spec.init_containers, *spec.containers)
    }
