"""One run of one container: what it needs is put together, it is started, looked at, stopped, and its end written down."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tools.cluster.node.bundle import Mount, Place, Task, configuration, image_environment, user_of
from tools.cluster.node.container_files import LastWords, hostname_of, last_words
from tools.cluster.node.environment import Facts, command, service_variables, texts, variables
from tools.cluster.node.images import StoredImage, logins_of
from tools.cluster.node.network import PodNetwork
from tools.cluster.node.pod_status import Account, Record, Running, Terminated, now
from tools.cluster.node.probing import Target, Verdicts, request, watch
from tools.cluster.node.programs import ProgramError
from tools.cluster.node.runtime import Ended, RunningContainer
from tools.cluster.node.specification import Container, Hook, NotStartableError, Probe
from tools.cluster.node.surroundings import Surroundings
from tools.cluster.node.volumes import PodVolumes
from upgraph.kube.kinds import SECRET, SERVICE
from upgraph.kube.objects import Key, key_of

_ANYBODY_WRITES = 0o666
_START_FAILED = 128


class ContainerRun:
    """A container that runs once.

    Args:
        container: which.
        account: of its pod, where its states are written down.
        around: where it is.
        changed: called when the account has changed.
    """

    def __init__(
        self, container: Container, account: Account, around: Surroundings, changed: Callable[[], None]
    ) -> None:
        self._container = container
        self._account = account
        self._around = around
        self._changed = changed
        self._running: RunningContainer | None = None
        self._target: Target | None = None
        self._stop_signal = signal.SIGTERM
        self._said = LastWords(Path(), Path(), 0)
        self._is_stopping = False

    @property
    def _record(self) -> Record:
        return self._account.records[self._container.name]

    async def start(self, directory: Path, network: PodNetwork, facts: Facts, volumes: PodVolumes) -> None:
        """Pull the image and start the container.

        Raises:
            NotStartableError: something is missing, or not allowed.
        """
        machine, container = self._around.machine, self._container
        image = await self._image(facts)
        self._stop_signal = _signal(image.start.stop_signal)
        identifier = machine.runtime.new_identifier()
        task = self._task(image, facts)
        mounts = volumes.mounts(container)
        log = machine.logs / f"{str(key_of(facts.pod)).replace('/', '_')}_{container.name}.log"
        self._said = _listen(directory / f"message-{identifier}", log)
        mounts = [*self._own_files(directory), *mounts]
        place = Place(
            machine.runtime.root(identifier), network.path, hostname_of(facts, self._account.spec), mounts
        )
        try:
            await machine.runtime.prepare(identifier, image.root)
            self._running = await machine.runtime.start(
                identifier, configuration(container, task, place), log
            )
        except ProgramError as error:
            raise NotStartableError("CreateContainerError", str(error)) from error
        finally:
            if self._running is None:
                await machine.runtime.remove(identifier)
        self._target = Target(container, facts.address, self._running)
        record = self._record
        record.image_id, record.identifier = image.name, f"crun://{identifier}"
        record.state = Running(now())
        self._changed()

    async def _image(self, facts: Facts) -> StoredImage:
        cluster = self._around.cluster
        secrets = [
            texts(SECRET, found)
            for one in self._account.spec.image_pull_secrets
            if (found := cluster.get(SECRET, Key(facts.namespace, one.name))) is not None
        ]
        policy = self._container.image_pull_policy
        return await self._around.machine.images.image(self._container.image, policy, logins_of(secrets))

    def _task(self, image: StoredImage, facts: Facts) -> Task:
        spec, cluster, start = self._account.spec, self._around.cluster, image.start
        links = service_variables(facts.namespace, cluster.all(SERVICE), links=spec.enable_service_links)
        given = variables(self._container, facts, cluster, links)
        own = {"HOSTNAME": hostname_of(facts, spec)}
        return Task(
            arguments=command(self._container, start.entrypoint or (), start.cmd or (), given),
            environment={**own, **image_environment(start.env or ()), **given},
            directory=self._container.working_dir or start.working_dir or "/",
            user=user_of(self._container, spec.security_context, start.user, image.root),
        )

    def _own_files(self, directory: Path) -> list[Mount]:
        etc = [
            Mount(directory / "etc" / name, f"/etc/{name}") for name in ("hosts", "hostname", "resolv.conf")
        ]
        return [*etc, Mount(self._said.message, self._container.termination_message_path, writable=True)]

    async def to_its_end(self) -> Terminated:
        """Look at it until it ends; gives how it ended."""
        if self._running is None or self._target is None:
            raise AssertionError("a container is started before it is waited for")
        since = now()
        try:
            async with asyncio.TaskGroup() as group:
                probes = group.create_task(watch(self._target, self._verdicts()))
                ended = await self._running.wait()
                probes.cancel()
            return self._write_down(ended, since)
        finally:
            await self.close()

    def _write_down(self, ended: Ended, since: str) -> Terminated:
        record = self._record
        if ended.fault:
            exit_code, reason, message = _START_FAILED, "StartError", ended.fault
        else:
            exit_code, reason = ended.exit_code, "Error" if ended.exit_code else "Completed"
            message = last_words(self._container, self._said, exit_code)
        record.ready = record.started = False
        record.state = Terminated(exit_code, reason, since, now(), record.identifier, message)
        return record.state

    def _verdicts(self) -> Verdicts:
        def started() -> None:
            self._record.started = True
            self._changed()

        def ready(is_ready: bool) -> None:  # noqa: FBT001 - the verdict is a truth value
            self._record.ready = is_ready
            self._changed()

        async def failed(problem: str, probe: Probe) -> None:
            self._note(problem)
            own = probe.termination_grace_period_seconds
            await self.stop(self._account.spec.termination_grace_period_seconds if own is None else own)

        return Verdicts(started, ready, failed, self._note)

    def _note(self, text: str) -> None:
        self._around.machine.note(f"{key_of(self._account.pod)}: {self._container.name}: {text}")

    async def stop(self, grace_seconds: float) -> None:
        """Do what is to be done before, ask it to end, and kill it when the grace is over."""
        if self._running is None or self._is_stopping:
            return
        self._is_stopping = True
        begun = time.monotonic()
        hook = self._container.lifecycle.pre_stop
        if hook is not None and grace_seconds > 0:
            await self._run_hook(hook, grace_seconds)
        left = max(0.0, grace_seconds - (time.monotonic() - begun))
        await self._running.stop(self._stop_signal if left else signal.SIGKILL, left)

    async def _run_hook(self, hook: Hook, seconds: float) -> None:
        if self._target is None or self._running is None:
            return
        ended = asyncio.ensure_future(self._running.wait())
        work = asyncio.ensure_future(_hooked(hook, self._target, seconds))
        try:
            await asyncio.wait({ended, work}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (ended, work):
                one.cancel()
            results = await asyncio.gather(ended, work, return_exceptions=True)
        if isinstance(results[1], Exception):
            self._note(f"preStop hook: {results[1]}")

    async def close(self) -> None:
        """Kill it if it lives."""
        if self._running is not None:
            running, self._running = self._running, None
            await running.close()


async def _hooked(hook: Hook, target: Target, seconds: float) -> None:
    if hook.sleep is not None:
        await asyncio.sleep(hook.sleep.seconds)
    elif hook.exec is not None:
        await target.running.execute(hook.exec.command, seconds)
    elif hook.http_get is not None:
        try:
            await request(hook.http_get, target)
        except aiohttp.ClientError as error:
            raise OSError(f"{type(error).__name__}: {error}") from error


def _listen(message: Path, log: Path) -> LastWords:
    message.touch()
    message.chmod(_ANYBODY_WRITES)
    return LastWords(message, log, log.stat().st_size if log.exists() else 0)


def _signal(name: str) -> signal.Signals:
    """The signal that an image wants to be stopped by."""
    if name.isdigit():
        return signal.Signals(int(name))
    return signal.Signals[name] if name else signal.SIGTERM
