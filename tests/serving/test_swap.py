"""A new graph is swapped in while requests run."""

import asyncio
from hashlib import sha256
from pathlib import Path

from tests.serving.conftest import make_graph, make_snapshot
from upgraph.service.answering.edge import InForce
from upgraph.service.snapshot import Coding, Snapshot
from upgraph.testing.http_client import Answer, HttpClient

GRAPH = "/graph?channel=stable-4.9"
ROUNDS = 40


async def ask_again_and_again(client: HttpClient, target: str = GRAPH) -> list[Answer]:
    async with client.connected() as connection:
        answers = []
        for _ in range(ROUNDS):
            await connection.send(client.request("GET", target, ("Accept", "application/json")))
            answers.append(await connection.receive())
        return answers


async def swap_until(done: asyncio.Event, in_force: InForce, snapshots: tuple[Snapshot, Snapshot]) -> None:
    while not done.is_set():
        for snapshot in snapshots:
            in_force.snapshot = snapshot
            await asyncio.sleep(0)


async def test_every_answer_is_whole_and_of_one_snapshot(
    cluster: HttpClient, in_force: InForce, snapshot: Snapshot, newer_snapshot: Snapshot
) -> None:
    done, both = asyncio.Event(), (snapshot, newer_snapshot)
    async with asyncio.TaskGroup() as group:
        group.create_task(swap_until(done, in_force, both))
        clients = [group.create_task(ask_again_and_again(cluster)) for _ in range(4)]
        await asyncio.wait(clients)
        done.set()
    seen = {(answer.header("etag"), answer.body) for client in clients for answer in client.result()}
    bodies = [one.answer("stable-4.9", "amd64").body(Coding.IDENTITY) for one in both]
    assert seen <= {(f'"{sha256(body).hexdigest()}-json-identity"', body) for body in bodies}
    assert sum(len(client.result()) for client in clients) == 4 * ROUNDS


async def test_graph_data_are_whole_and_of_one_set(
    cluster: HttpClient, in_force: InForce, tmp_path: Path
) -> None:
    sets = [letter * 2_000_000 for letter in (b"a", b"b")]
    old, new = (make_snapshot(tmp_path, make_graph(), data) for data in sets)
    in_force.snapshot = old
    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(swap_until(done, in_force, (old, new)))
        clients = [group.create_task(ask_again_and_again(cluster, "/graph-data")) for _ in range(4)]
        await asyncio.wait(clients)
        done.set()
    bodies = [answer.body for client in clients for answer in client.result()]
    assert len(bodies) == 4 * ROUNDS
    assert all(body in sets for body in bodies)
