"""A replica of an update service that says of itself what a test wants, on the address of a pod."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

STATUS_PORT = 9081
POD_ADDRESS = f"127.61.{os.getpid() >> 8 & 255}.{os.getpid() % 254 + 1}"
"""An address of the loopback that hardly another process has, so that a pod can have the port that pods have."""
OTHER_POD_ADDRESS = POD_ADDRESS.replace("127.61.", "127.62.")
"""The address of another pod."""


@dataclass
class SimulatedReplica:
    """What a replica says, and what is found at the address for clusters."""

    report: dict[str, object] = field(default_factory=dict)
    status: int = 200
    """With what its status is answered."""
    answer: int = 200
    body: bytes = b'{"nodes": [], "edges": []}'
    host: str = ""
    looks: int = 0
    """How often it was asked how it is."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """That the address for clusters was asked."""
    waits_for: asyncio.Event | None = None
    """What has to happen before it says how it is."""

    def graph(self, digest: str = "1", refreshed_at: float = 0, **more: object) -> None:
        """Say that there is a graph."""
        graph = {
            "digest": digest,
            "releases": 91,
            "refreshed_at": refreshed_at,
            "edges_by_arch": {"amd64": 7},
        }
        sources = [{"kind": "releases", "name": "docker://registry.example/ocp"}]
        self.report = {"ready": True, "graph": graph, "sources": sources} | more


@asynccontextmanager
async def running_replica(address: str, context: ssl.SSLContext) -> AsyncIterator[SimulatedReplica]:
    """A replica on the address of a pod, and an address for clusters.

    Args:
        address: of the pod.
        context: with the certificate of the address for clusters.
    """
    made = SimulatedReplica()

    async def status(_: web.Request) -> web.Response:
        made.looks += 1
        if made.waits_for is not None:
            await made.waits_for.wait()
        document = msgspec.json.encode(made.report)
        return web.Response(body=document, status=made.status, content_type="application/json")

    async def graph(_: web.Request) -> web.Response:
        made.asked.set()
        return web.Response(body=made.body, status=made.answer, content_type="application/json")

    app = web.Application()
    app.add_routes([web.get("/status", status), web.get("/api/upgrades_info/v1/graph", graph)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, STATUS_PORT, reuse_address=True).start()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        made.host = f"localhost:{runner.addresses[-1][1]}"
        made.graph()
        yield made
    finally:
        await runner.cleanup()
