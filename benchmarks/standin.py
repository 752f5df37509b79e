"""Stands in for the pods of update services: answers at the address of every simulated pod as a service does.

Run as a program (``python -m benchmarks.standin``) in the network of a cluster, to which the addresses of its simulated
pods have to lead. What an operator does with services that do not answer is another matter than what it does at rest.
"""

import asyncio
import json
import time

from upgraph.operator.desired.ports import POLICY_ENGINE, STATUS

MAX_REQUEST_BYTES = 16 * 1024
CHANNELS = 76
"""As many as the real graph data has; they make most of the status of a service."""
GRAPH = json.dumps({"version": 1, "nodes": [], "edges": [], "conditionalEdges": []}).encode()


def status() -> bytes:
    """What a service with a graph of ordinary size says of itself."""
    counts = {"amd64": 40, "arm64": 40, "multi": 40, "ppc64le": 40, "s390x": 40}
    now = time.time()
    graph = {
        "digest": "4d21aa398856194b0b566213ab3a3ee286d1c57698f365ab4c48d3a720c7a1f5",
        "age_seconds": 12.0,
        "refreshed_at": now - 12.0,
        "releases": 4104,
        "nodes": 4104,
        "nodes_by_arch": counts,
        "edges_by_arch": dict.fromkeys(counts, 50_000),
        "conditional_edges_by_arch": dict.fromkeys(counts, 6_000),
        "channels": {f"stable-4.{number}": counts for number in range(CHANNELS)},
    }
    sources = [
        {"kind": kind, "name": name, "last_good": {"at": now - 12.0}, "left_out": 0}
        for kind, name in (
            ("releases", "docker://registry.example/ocp/release"),
            ("graph-data", "/graph-data"),
        )
    ]
    told = {"ready": True, "reason": None, "version": "0", "time": now, "graph": graph, "sources": sources}
    return json.dumps(told | {"findings": [], "details": [], "problems": {}}).encode()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        content = status() if head.startswith(b"GET /status ") else GRAPH
        kind = b"Content-Type: application/json\r\nConnection: close\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (kind, len(content), content))
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        # Who looked whether a port is open asks nothing.
        pass
    finally:
        writer.close()


async def main() -> None:
    """Answer until the end of the cluster."""
    servers = [
        await asyncio.start_server(_answer, "0.0.0.0", port.number, limit=MAX_REQUEST_BYTES)  # of all pods
        for port in (POLICY_ENGINE, STATUS)
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
