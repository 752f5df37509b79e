"""The network of pods: a bridge in the network of the cluster, and for each pod a network and an address of its own."""

import asyncio
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.node.programs import ProgramError, run

_BRIDGE = "pods0"
_SERVICES = "services0"
_NAMED = Path("/run/netns")
"""Where ``ip netns`` keeps its namespaces. ``/run`` is mounted anew for this process, so they end with it."""


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
        pods: addresses for pods; the first one is that of the bridge, where DNS answers and packets go on.
    """

    def __init__(self, pods: ipaddress.IPv4Network) -> None:
        self._pods = pods
        self.gateway = str(pods[1])
        self._free = [str(address) for address in reversed(list(pods.hosts())[1:])]
        self._made = 0
        self._services: set[str] = set()
        self._changing = asyncio.Lock()

    async def open(self) -> None:
        """Make the bridge; what an earlier process left behind in this network goes away.

        Raises:
            ProgramError: the machine does not let us.
        """
        for name in (_BRIDGE, _SERVICES):
            try:
                await run("ip", "link", "delete", name)
            except ProgramError:
                # It was not there.
                continue
        await run("ip", "-batch", "-", text=self._bridges())
        await asyncio.to_thread(Path("/proc/sys/net/ipv4/ip_forward").write_text, "1")

    def _bridges(self) -> str:
        return "\n".join(
            [
                "link set lo up",
                f"link add {_BRIDGE} type bridge",
                f"address add {self.gateway}/{self._pods.prefixlen} dev {_BRIDGE}",
                f"link set {_BRIDGE} up",
                f"link add {_SERVICES} type bridge",
                f"link set {_SERVICES} up",
            ]
        )

    async def add(self) -> PodNetwork:
        """Make a network for a pod.

        Raises:
            ProgramError: there is no address left, or the machine does not let us.
        """
        if not self._free:
            raise ProgramError(f"{self._pods} has no address left for a pod")
        self._made += 1
        made = PodNetwork(f"pod{self._made}", self._free.pop())
        link = f"veth{self._made}"
        await run("ip", "netns", "add", made.name)
        await run(
            "ip",
            "-batch",
            "-",
            text=f"link add {link} type veth peer name eth0 netns {made.name}\n"
            f"link set {link} master {_BRIDGE} up\n",
        )
        await run(
            "ip",
            "-n",
            made.name,
            "-batch",
            "-",
            text="link set lo up\n"
            f"address add {made.address}/{self._pods.prefixlen} dev eth0\n"
            "link set eth0 up\n"
            f"route add default via {self.gateway}\n",
        )
        return made

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
            lines = [f"address delete {one}/32 dev {_SERVICES}" for one in sorted(self._services - wanted)]
            lines += [f"address add {one}/32 dev {_SERVICES}" for one in sorted(wanted - self._services)]
            if lines:
                await run("ip", "-batch", "-", text="\n".join(lines) + "\n")
            self._services = wanted
