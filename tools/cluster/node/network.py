"""The network of pods: a bridge in the network of the cluster, and for each pod a network and an address of its own.

Addresses of Services are in one more such network: a server that listens on all addresses of the cluster, as routers do,
would take their ports otherwise.
"""

import asyncio
import ctypes
import ipaddress
import os
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.node.programs import ProgramError, run

_BRIDGE = "pods0"
_SERVICES = "services"
_SERVICES_LINK = "services0"
_NAMED = Path("/run/netns")
"""Where ``ip netns`` keeps its namespaces. ``/run`` is mounted anew for this process, so they end with it."""
_NEW_NETWORK = 0x40000000
"""``CLONE_NEWNET`` of setns(2), which Python itself has since 3.12."""


@dataclass(frozen=True, slots=True)
class PodNetwork:
    """The network of one pod."""

    name: str
    address: str

    @property
    def path(self) -> Path:
        """The file of the namespace."""
        return _NAMED / self.name


class Network:
    """The bridge and what hangs on it.

    Args:
        pods: addresses for pods; the first one is that of the bridge, where DNS answers and packets go on, the second
            that of the network of Services.
    """

    def __init__(self, pods: ipaddress.IPv4Network) -> None:
        self._pods = pods
        self.gateway = str(pods[1])
        self._proxy = str(pods[2])
        self._free = [str(address) for address in reversed(list(pods.hosts())[2:])]
        self._made = 0
        self._services: set[str] = set()
        self._changing = asyncio.Lock()

    async def open(self) -> None:
        """Make the bridge; what an earlier process left behind in this network goes away.

        Raises:
            ProgramError: the machine does not let us.
        """
        for name in (_BRIDGE, _SERVICES_LINK):
            try:
                await run("ip", "link", "delete", name)
            except ProgramError:
                # It was not there.
                continue
        await run(
            "ip",
            "-batch",
            "-",
            text=f"link set lo up\nlink add {_BRIDGE} type bridge\n"
            f"address add {self.gateway}/{self._pods.prefixlen} dev {_BRIDGE}\nlink set {_BRIDGE} up\n",
        )
        await self._join(_SERVICES, _SERVICES_LINK, self._proxy)
        await asyncio.to_thread(Path("/proc/sys/net/ipv4/ip_forward").write_text, "1")

    async def add(self) -> PodNetwork:
        """Make a network for a pod.

        Raises:
            ProgramError: there is no address left, or the machine does not let us.
        """
        if not self._free:
            raise ProgramError(f"{self._pods} has no address left for a pod")
        self._made += 1
        made = PodNetwork(f"pod{self._made}", self._free.pop())
        await self._join(made.name, f"veth{self._made}", made.address)
        return made

    async def _join(self, name: str, link: str, address: str) -> None:
        """Make a network with one address and join it to the bridge."""
        await run("ip", "netns", "add", name)
        await run(
            "ip",
            "-batch",
            "-",
            text=f"link add {link} type veth peer name eth0 netns {name}\n"
            f"link set {link} master {_BRIDGE} up\n",
        )
        await run(
            "ip",
            "-n",
            name,
            "-batch",
            "-",
            text="link set lo up\n"
            f"address add {address}/{self._pods.prefixlen} dev eth0\n"
            "link set eth0 up\n"
            f"route add default via {self.gateway}\n",
        )

    async def remove(self, network: PodNetwork) -> None:
        """Take a network away.

        Raises:
            ProgramError: the machine does not let us.
        """
        await run("ip", "netns", "delete", network.name)
        # The address is used again as late as possible: whoever still asks for it must not meet a stranger.
        self._free.insert(0, network.address)

    async def serve(self, addresses: Iterable[str]) -> None:
        """Have these addresses of Services and no others.

        Raises:
            ProgramError: the machine does not let us.
        """
        async with self._changing:
            wanted = set(addresses)
            old, new = sorted(self._services - wanted), sorted(wanted - self._services)
            if old or new:
                inner = [f"address delete {one}/32 dev lo" for one in old]
                inner += [f"address add {one}/32 dev lo" for one in new]
                await run("ip", "-n", _SERVICES, "-batch", "-", text="\n".join(inner) + "\n")
                outer = [f"route delete {one}/32 via {self._proxy}" for one in old]
                outer += [f"route add {one}/32 via {self._proxy}" for one in new]
                await run("ip", "-batch", "-", text="\n".join(outer) + "\n")
            self._services = wanted

    async def listen(self, host: str, port: int) -> socket.socket:
        """A socket that listens on an address of a Service.

        Raises:
            OSError: the address cannot be used.
        """
        # A thread of its own: it enters the network of Services, and must not be used for anything else afterwards.
        with ThreadPoolExecutor(max_workers=1) as thread:
            return await asyncio.get_running_loop().run_in_executor(thread, _listening, host, port)


def _listening(host: str, port: int) -> socket.socket:
    handle = os.open(_NAMED / _SERVICES, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(handle, _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), f"setns: {_SERVICES}")
    finally:
        os.close(handle)
    return socket.create_server((host, port))
