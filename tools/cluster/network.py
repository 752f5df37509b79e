"""Give a cluster a network of its own that the tests and a developer's kubectl reach too.

A cluster lives in a network namespace, so its fixed ports meet nobody and it has no way out, as at a disconnected
site. A veth pair joins it to this machine with a block of addresses that it alone has; the route to the block lets
tests reach Services and pods, and pods reach servers of the tests. Proxies of single ports would need no root, but
they would hide what tests are about: connections that are refused, cut or silent.

Everything ends with the namespace: the kernel removes both ends of the pair and the route.
"""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

RANGE = IPv4Network("198.18.0.0/15")
"""For benchmarks inside a laboratory (RFC 2544): no site routes it."""
BLOCK_BITS = 20
"""Prefix of the block of one cluster: 4,096 addresses, and room for 32 clusters."""
_QUARTER_BITS = BLOCK_BITS + 2
COMMAND_SECONDS = 30
_INSIDE = "uplink"
"""What a cluster calls its end of the pair."""


class NetworkError(RuntimeError):
    """The network of a cluster cannot be made; the text says what the kernel said."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of one cluster."""

    block: IPv4Network

    @property
    def host(self) -> IPv4Address:
        """This machine, as the cluster sees it: what listens on it can be reached from pods."""
        return self.block[1]

    @property
    def cluster(self) -> IPv4Address:
        """The cluster, as this machine sees it: the API server listens there."""
        return self.block[2]

    @property
    def services(self) -> IPv4Network:
        """For addresses of Services; the first is that of the API server."""
        return list(self.block.subnets(new_prefix=_QUARTER_BITS))[1]

    @property
    def simulated_pods(self) -> IPv4Network:
        """For pods that kwok pretends to run: nothing answers there, unless somebody stands in for them."""
        return list(self.block.subnets(new_prefix=_QUARTER_BITS))[2]

    @property
    def pods(self) -> IPv4Network:
        """For pods that really run."""
        return list(self.block.subnets(new_prefix=_QUARTER_BITS))[3]


def enter(pid: int) -> tuple[str, ...]:
    """What comes before a command that belongs to the network of the process ``pid``."""
    return ("nsenter", f"--target={pid}", "--net", "--")


@contextmanager
def joined(pid: int) -> Iterator[Addresses]:
    """Join the network of the process ``pid`` to that of this process.

    Raises:
        NetworkError: it cannot be done, for want of rights for example, or all blocks are taken.
    """
    name, addresses = _claim(pid)
    try:
        # `net` is that of the process that looks, so this is not the switch of the machine.
        forward = ("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        _run(*enter(pid), *forward)
        _run(
            *enter(pid), "ip", "-batch", "-",
            lines=["link set lo up", f"addr add {addresses.cluster}/30 dev {_INSIDE}", f"link set {_INSIDE} up"],
        )  # fmt: skip
        yield addresses
    finally:
        # The kernel would do it too, but later: somebody may want the block at once.
        subprocess.run(
            ["ip", "link", "delete", name], check=False, stderr=subprocess.DEVNULL, timeout=COMMAND_SECONDS
        )


def _claim(pid: int) -> tuple[str, Addresses]:
    """A pair whose name belongs to its block: who makes it first has the block, whichever process asks."""
    blocks = list(RANGE.subnets(new_prefix=BLOCK_BITS))
    for number in secrets.SystemRandom().sample(range(len(blocks)), len(blocks)):
        name, addresses = f"upgraph{number}", Addresses(blocks[number])
        try:
            _run("ip", "link", "add", name, "type", "veth", "peer", "name", _INSIDE, "netns", str(pid))
        except NetworkError as error:
            if "File exists" not in str(error):
                raise
            continue
        _run(
            "ip", "-batch", "-",
            lines=[
                f"addr add {addresses.host}/30 dev {name}",
                f"link set {name} up",
                f"route add {addresses.block} via {addresses.cluster} dev {name}",
            ],
        )  # fmt: skip
        return name, addresses
    raise NetworkError(f"all {len(blocks)} blocks of {RANGE} are taken: `ip link` names them upgraphN")


def _run(*command: str, lines: list[str] | None = None) -> None:
    """Run a command that says nothing unless it fails."""
    text = "\n".join([*(lines or []), ""])
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
        )
    except FileNotFoundError as error:
        raise NetworkError(f"{command[0]} is not installed: run `make deps`") from error
    if done.returncode:
        raise NetworkError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
