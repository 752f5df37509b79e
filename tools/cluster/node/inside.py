"""The program of the node, inside a mount and a process namespace of its own; it ends with its input.

Lines that come over the socket ``control`` in its directory lose a node or bring it back: ``lose NAME`` kills its
containers and lets it fall silent, ``find NAME`` is the machine after it was switched on again. The socket is there when
pods are taken.
"""

import argparse
import asyncio
import ipaddress
import os
import shutil
import sys
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tools.cluster.node import dns
from tools.cluster.node.api_cluster import open_cluster
from tools.cluster.node.folder_cluster import FolderCluster
from tools.cluster.node.images import ImageStore, RegistryAccess
from tools.cluster.node.network import Network
from tools.cluster.node.node import Node
from tools.cluster.node.programs import ProgramError, run
from tools.cluster.node.proxy import Proxy
from tools.cluster.node.runtime import Runtime
from tools.cluster.node.service_table import Address, Names, names, table
from tools.cluster.node.surroundings import Cluster, Machine, Surroundings
from upgraph.kube.kinds import ENDPOINT_SLICE, SERVICE
from upgraph.kube.objects import Kind, Object

CONTROL = "control"
RETRY_SECONDS = 1.0
_CGROUPS = Path("/sys/fs/cgroup")


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.cluster.node", description="Run pods on this machine."
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--kubeconfig", type=Path, help="of the cluster, as an administrator")
    where.add_argument("--folder", type=Path, help="a directory of JSON files in place of a cluster")
    parser.add_argument("--directory", type=Path, required=True, help="where images, logs and volumes go")
    parser.add_argument("--pods", type=ipaddress.IPv4Network, required=True, help="addresses for pods")
    parser.add_argument(
        "--node", action="append", required=True, metavar="NAME[=ZONE]", help="may be repeated"
    )
    parser.add_argument("--domain", default="cluster.local", help="of the cluster")
    parser.add_argument(
        "--host", action="append", default=[], metavar="NAME=ADDRESS", help="a further name in DNS"
    )
    parser.add_argument(
        "--registry-ca", action="append", default=[], type=Path, help="authorities of registries"
    )
    parser.add_argument("--registry-without-tls", action="append", default=[], metavar="HOST:PORT")
    parser.add_argument("--logins", type=Path, help="of the node itself, for pulls of all pods")
    return parser.parse_args(arguments)


async def settle(directory: Path, network: Network) -> None:
    """Make this place one where pods can run.

    Raises:
        ProgramError: the machine does not let us.
    """
    kind = await run("stat", "-f", "-c", "%T", str(_CGROUPS))
    if kind.strip() != "cgroup2fs":
        # crun understands the newer form alone, also where it is to leave it alone.
        await run("umount", "-R", str(_CGROUPS))
        await run("mount", "-t", "cgroup2", "cgroup2", str(_CGROUPS))
    for name in ("containers", "pods"):
        # Of an earlier run, whose containers have ended with it.
        await asyncio.to_thread(shutil.rmtree, directory / name, ignore_errors=True)
    for name in ("images", "containers", "logs", "pods"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    await run("mount", "-t", "tmpfs", "tmpfs", "/run")
    await network.open()
    # Images come from registries that have their names here as well.
    resolver = directory / "resolv.conf"
    resolver.write_text(f"nameserver {network.gateway}\n")
    await run("mount", "--bind", str(resolver), str(_resolver_of_machine()))


def _resolver_of_machine() -> Path:
    usual = Path("/etc/resolv.conf").resolve()
    # It may have been below what was mounted anew.
    usual.parent.mkdir(parents=True, exist_ok=True)
    usual.touch()
    return usual


class Services:
    """Keeps proxy and DNS as the cluster has its Services.

    Args:
        machine: whose pods use them.
        cluster: what it has.
        around: the domain of the cluster, and names beside its own.
        api: the API server, where it is known.
    """

    def __init__(self, machine: Machine, cluster: Cluster, around: Names, api: Address | None) -> None:
        self._note = machine.note
        self._cluster = cluster
        self._proxy = Proxy(machine.network)
        self._api = api
        self._changed = asyncio.Event()
        self.names = around
        cluster.listen(self._listen)

    def _listen(self, kind: Kind, _old: Object | None, _new: Object | None) -> None:
        if kind in {SERVICE, ENDPOINT_SLICE}:
            self._changed.set()

    def find(self, name: str) -> tuple[str, ...] | None:
        """The addresses of a name."""
        return self.names.find(name)

    async def follow(self) -> None:
        """Do what the cluster says now."""
        services, slices = list(self._cluster.all(SERVICE)), list(self._cluster.all(ENDPOINT_SLICE))
        self.names = names(services, slices, domain=self.names.domain, hosts=self.names.hosts)
        await self._proxy.follow(table(services, slices, self._api))

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        while True:
            self._changed.clear()
            try:
                await self.follow()
            except (OSError, ProgramError) as error:
                # One Service that cannot be had must not take away all others.
                self._note(f"Services: {error}")
                await asyncio.sleep(RETRY_SECONDS)
                self._changed.set()
            await self._changed.wait()

    async def close(self) -> None:
        """End all connections."""
        await self._proxy.close()


class Fleet:
    """The nodes of this process.

    Args:
        machine: what they share.
        cluster: where they are nodes.
        zones: by the names of the nodes.
    """

    def __init__(self, machine: Machine, cluster: Cluster, zones: dict[str, str]) -> None:
        self._machine = machine
        self._cluster = cluster
        self._zones = zones
        self._running: dict[str, asyncio.Task[None]] = {}

    def find(self, name: str) -> None:
        """Let a node be there."""
        if name in self._zones and name not in self._running:
            around = Surroundings(self._machine, self._cluster, name, self._machine.network.gateway)
            self._running[name] = asyncio.create_task(Node(around, self._zones[name]).run())
            self._running[name].add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._machine.note("".join(traceback.format_exception(error)))

    async def lose(self, name: str) -> None:
        """Let a node be gone: everything on it is killed, and nobody is told."""
        if (task := self._running.pop(name, None)) is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do what a line says, and say so."""
        word, _, name = (await reader.readline()).decode().strip().partition(" ")
        if word == "lose":
            await self.lose(name)
        elif word == "find":
            self.find(name)
        writer.write(b"done\n")
        writer.close()

    async def close(self) -> None:
        """Lose all nodes."""
        for name in list(self._running):
            await self.lose(name)


@asynccontextmanager
async def cluster_of(chosen: argparse.Namespace) -> AsyncIterator[tuple[Cluster, Address | None]]:
    """The cluster, and its API server where it has one."""
    if chosen.folder is not None:
        yield FolderCluster(chosen.folder), None
        return
    async with open_cluster(chosen.kubeconfig) as cluster:
        yield cluster, cluster.server


async def serve(chosen: argparse.Namespace) -> None:
    """Be nodes until the input ends."""
    network = Network(chosen.pods)
    await settle(chosen.directory, network)
    without_tls = frozenset(chosen.registry_without_tls)
    access = RegistryAccess(tuple(chosen.registry_ca), without_tls, chosen.logins)
    machine = Machine(
        chosen.directory,
        ImageStore(chosen.directory / "images", access),
        Runtime(chosen.directory / "containers"),
        network,
        chosen.domain,
        note=lambda line: print(line, file=sys.stderr, flush=True),
    )
    zones = {name: zone or name for name, _, zone in (one.partition("=") for one in chosen.node)}
    hosts = dict(one.split("=", 1) for one in chosen.host)
    async with cluster_of(chosen) as (cluster, api):
        services = Services(machine, cluster, Names(chosen.domain, hosts=hosts), api)
        fleet = Fleet(machine, cluster, zones)
        server = await dns.serve(network.gateway, services.find)
        async with asyncio.TaskGroup() as group:
            following = group.create_task(cluster.run())
            await cluster.wait_until_known()
            proxying = group.create_task(services.run())
            for name in zones:
                fleet.find(name)
            control = await asyncio.start_unix_server(fleet.obey, chosen.directory / CONTROL)
            await _end_of_input()
            control.close()
            await fleet.close()
            for task in (following, proxying):
                task.cancel()
        server.close()
        await services.close()


async def _end_of_input() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def main() -> int:
    """Be the first process of the tree, which takes note of the dead that belong to nobody; the second one is the nodes.

    A container ends only when all its dead have been taken note of, also those whose parent was killed outside of it.
    """
    nodes = os.fork()
    if nodes == 0:
        asyncio.run(serve(options(sys.argv[1:])))
        return 0
    while True:
        ended, status = os.wait()
        if ended == nodes:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
