"""The operator as a process says on its status port what it waits for."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from upgraph.operator.resource.update_service import UPDATE_SERVICE
from upgraph.testing.api_server import Fault, SimulatedApiServer
from upgraph.testing.http_client import HttpClient

IMAGE = "registry.example:5000/upgraph/upgraph:0.1.0"
PATIENCE_SECONDS = 180.0
FOR_EVER = 1_000_000


@pytest.fixture
async def server() -> AsyncIterator[SimulatedApiServer]:
    async with SimulatedApiServer() as running:
        running.state.kinds.append(UPDATE_SERVICE)
        yield running


Readiness = Callable[[str], Awaitable[None]]


@pytest.fixture
async def until_said(server: SimulatedApiServer, tmp_path: Path) -> AsyncIterator[Readiness]:
    """Waits until the readiness probe of an operator that may lead says something."""
    options = ("--kubeconfig", server.kubeconfig(tmp_path / "kubeconfig"), "--operand", IMAGE)
    line = ("operator", "run", *options, "--status-listen", "127.0.0.1:0", "--leader-elect")
    program = Path(sys.executable).with_name("upgraph")
    process = await asyncio.create_subprocess_exec(program, *line, stderr=PIPE, env=dict(os.environ))
    if process.stderr is None:
        raise AssertionError("it was asked for")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (
                found := re.search(rb"probes and metrics are at \S+:(\d+)", await process.stderr.readline())
            ):
                assert not process.stderr.at_eof()
        draining = asyncio.create_task(process.stderr.read())
        probe = HttpClient("127.0.0.1", int(found[1]))

        async def said(text: str) -> None:
            until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
            while text not in (seen := (await probe.get("/readyz")).body.decode()):
                assert asyncio.get_running_loop().time() < until, seen
                await asyncio.sleep(0.05)

        yield said
    finally:
        process.terminate()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await process.wait()
    await draining
    assert process.returncode == 0


async def test_it_is_ready_when_all_is_read_and_until_then_says_what_is_not(
    server: SimulatedApiServer, until_said: Readiness
) -> None:
    server.faults.append(Fault("list", "secrets", status=403, message="not for you", times=FOR_EVER))
    await until_said("list Secret in openshift-update-service: status 403: not for you [operator-not-ready]")
    server.faults.clear()
    await until_said("ready\n")


async def test_a_lease_that_cannot_be_had_is_said_and_one_of_another_is_as_it_should_be(
    server: SimulatedApiServer, until_said: Readiness
) -> None:
    server.faults.append(Fault(plural="leases", status=403, message="not for you", times=FOR_EVER))
    await until_said("Lease")
    server.faults.clear()
    await until_said("ready\n")
