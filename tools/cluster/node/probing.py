"""Looking at a container as the kubelet does: requests, connections, commands; and counting what they say.

The rules are those of the API (core/v1 Probe): a startup probe holds back the others until it has succeeded once; a
probe changes its mind after as many equal results as its threshold says.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from tools.cluster.node.runtime import RunningContainer
from tools.cluster.node.specification import Container, HttpAction, NotStartableError, Probe, TcpAction

MAX_BODY_BYTES = 10 * 1024
"""Most that is read of an answer."""
_LOWEST_FAILURE = 400
_LOWEST_SUCCESS = 200


@dataclass(frozen=True, slots=True)
class Target:
    """A container that can be looked at."""

    container: Container
    address: str
    """Of its pod."""
    running: RunningContainer


async def look(probe: Probe, target: Target) -> str:
    """Look once; gives what is wrong, or nothing."""
    try:
        async with asyncio.timeout(probe.timeout_seconds):
            if probe.http_get is not None:
                return await request(probe.http_get, target)
            if probe.tcp_socket is not None:
                return await _connect(probe.tcp_socket, target)
            if probe.exec is not None:
                said = await target.running.execute(probe.exec.command, probe.timeout_seconds)
                return said.text.strip() or f"exit code {said.exit_code}" if said.exit_code else ""
    except TimeoutError:
        return f"no answer within {probe.timeout_seconds} s"
    except (OSError, aiohttp.ClientError, NotStartableError) as error:
        return f"{type(error).__name__}: {error}"
    return "the probe has no action"


async def request(action: HttpAction, target: Target) -> str:
    """Make a request; gives what is wrong with the answer, or nothing.

    Raises:
        NotStartableError: there is no such port.
        aiohttp.ClientError, OSError: there is no answer.
    """
    host, port = action.host or target.address, target.container.port(action.port)
    url = f"{action.scheme.lower()}://{host}:{port}/{action.path.removeprefix('/')}"
    headers = {"User-Agent": "kube-probe/1.36", "Connection": "close"}
    headers.update({header.name: header.value for header in action.http_headers})
    # The kubelet does not verify certificates of pods either.
    connector = aiohttp.TCPConnector(ssl=False, force_close=True)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(url, headers=headers) as answer,
    ):
        body = await answer.content.read(MAX_BODY_BYTES)
        if _LOWEST_SUCCESS <= answer.status < _LOWEST_FAILURE:
            return ""
        return f"HTTP probe failed with statuscode: {answer.status}: {body[:200].decode(errors='replace')}"


async def _connect(action: TcpAction, target: Target) -> str:
    host, port = action.host or target.address, target.container.port(action.port)
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    await writer.wait_closed()
    return ""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What happens when a probe has made up its mind."""

    started: Callable[[], None]
    ready: Callable[[bool], None]
    failed: Callable[[str, Probe], Awaitable[None]]
    """A startup or liveness probe failed: the container is to be restarted."""
    note: Callable[[str], None]
    """Somebody should know what a probe saw."""


async def watch(target: Target, verdicts: Verdicts) -> None:
    """Look at a container until this is cancelled."""
    container = target.container
    if container.startup_probe is not None:
        problem = await _until_decided(container.startup_probe, target, verdicts)
        if problem:
            await verdicts.failed(f"startup probe failed: {problem}", container.startup_probe)
            return
    verdicts.started()
    async with asyncio.TaskGroup() as group:
        if container.readiness_probe is None:
            verdicts.ready(True)  # noqa: FBT003 - the verdict is a truth value
        else:
            group.create_task(_readiness(container.readiness_probe, target, verdicts))
        if container.liveness_probe is not None:
            group.create_task(_liveness(container.liveness_probe, target, verdicts))


async def _until_decided(probe: Probe, target: Target, verdicts: Verdicts) -> str:
    await asyncio.sleep(probe.initial_delay_seconds)
    failures = 0
    while True:
        problem = await look(probe, target)
        if not problem:
            return ""
        verdicts.note(f"startup probe: {problem}")
        failures += 1
        if failures >= probe.failure_threshold:
            return problem
        await asyncio.sleep(probe.period_seconds)


async def _readiness(probe: Probe, target: Target, verdicts: Verdicts) -> None:
    await asyncio.sleep(probe.initial_delay_seconds)
    is_ready, equal = False, 0
    while True:
        problem = await look(probe, target)
        if problem:
            verdicts.note(f"readiness probe: {problem}")
        equal = equal + 1 if is_ready == bool(problem) else 0
        if equal >= (probe.failure_threshold if is_ready else probe.success_threshold):
            is_ready, equal = not is_ready, 0
            verdicts.ready(is_ready)
        await asyncio.sleep(probe.period_seconds)


async def _liveness(probe: Probe, target: Target, verdicts: Verdicts) -> None:
    await asyncio.sleep(probe.initial_delay_seconds)
    failures = 0
    while True:
        problem = await look(probe, target)
        failures = failures + 1 if problem else 0
        if problem:
            verdicts.note(f"liveness probe: {problem}")
        if failures >= probe.failure_threshold:
            await verdicts.failed(f"liveness probe failed: {problem}", probe)
            return
        await asyncio.sleep(probe.period_seconds)
