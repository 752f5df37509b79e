"""Files that every container finds in its ``/etc``: names, its own and those of the DNS server; and its last words."""

from dataclasses import dataclass
from pathlib import Path

from tools.cluster.node.environment import Facts
from tools.cluster.node.specification import Container, PodSpec
from tools.cluster.node.surroundings import Machine

MAX_MESSAGE_BYTES = 4096
"""Most that is read of the last words of a container."""
MAX_LOG_TAIL_BYTES = 2048
"""Most that is taken from its log in their place."""
_LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def hostname_of(facts: Facts, spec: PodSpec) -> str:
    """The name by which a pod knows itself."""
    return spec.hostname or str(facts.pod["metadata"]["name"])


def etc_files(directory: Path, facts: Facts, spec: PodSpec, machine: Machine) -> None:
    """Write ``hosts``, ``hostname`` and ``resolv.conf`` of a pod."""
    directory.mkdir()
    name = hostname_of(facts, spec)
    whole = f"{name}.{spec.subdomain}.{facts.namespace}.svc.{machine.domain}\t" if spec.subdomain else ""
    (directory / "hosts").write_text(f"{_LOCAL}{facts.address}\t{whole}{name}\n")
    (directory / "hostname").write_text(f"{name}\n")
    search = f"{facts.namespace}.svc.{machine.domain} svc.{machine.domain} {machine.domain}"
    resolver = f"nameserver {machine.network.gateway}\nsearch {search}\noptions ndots:5\n"
    (directory / "resolv.conf").write_text(resolver)


@dataclass(frozen=True, slots=True)
class LastWords:
    """Where a container says something about its end."""

    message: Path
    """The file for that."""
    log: Path
    """What it prints, if it wants that to be taken."""
    begun: int
    """Bytes of the log that earlier runs of the container have printed."""


def last_words(container: Container, said: LastWords, exit_code: int) -> str:
    """What a container said about its end."""
    with said.message.open("rb") as file:
        text = file.read(MAX_MESSAGE_BYTES)
    if not text and exit_code and container.termination_message_policy == "FallbackToLogsOnError":
        with said.log.open("rb") as file:
            file.seek(max(said.begun, said.log.stat().st_size - MAX_LOG_TAIL_BYTES))
            text = file.read(MAX_LOG_TAIL_BYTES)
    return text.decode(errors="replace")
