"""The registry that Debian packages (``docker-registry``), started for the time of a test or a measurement.

It is the reference implementation of the distribution API, so what passes here and on the simulator
says that the simulator tells the truth. It chooses its own free port and is ended by its process id.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from upgraph.oci import Repository
from upgraph.testing.certificates import Certificates

START_SECONDS = 20.0
"""Longest wait until the registry listens."""
STOP_SECONDS = 10.0
COPY_SECONDS = 60
"""Longest time for one copy with skopeo."""
USERNAME = "sailor"
PASSWORD = "anchor-and-chain"  # noqa: S105 - of a registry that lives as long as a test
NEXT_PASSWORD = "rope-and-rudder"  # noqa: S105 - of the same registry after a change of the password
_HASHES = {
    PASSWORD: "$2y$05$HSEa8T1Lhtd/SL5SymgnzOFKCLFn5KnpWE1PfLicwPOygFqCKiq02",
    NEXT_PASSWORD: "$2y$05$HSEa8T1Lhtd/SL5SymgnzO1ji0dxPgYP3qsqMSqo/kmbtTBWaTRpC",
}
_LISTENING = re.compile(r"listening on [\d.]+:(\d+)")


@dataclass(frozen=True, slots=True)
class RealRegistry:
    """A running registry."""

    port: int
    certificates: Certificates | None
    login: bool
    """Whether it wants ``USERNAME`` and the password."""
    wrapper: tuple[str, ...] = ()
    """What comes before every command, for example to put it into another network."""
    host: str = "127.0.0.1"
    password: str = PASSWORD
    """``PASSWORD`` or ``NEXT_PASSWORD``."""

    def repository(self, path: str) -> Repository:
        """A repository of it."""
        return Repository(f"{self.host}:{self.port}", path, "http" if self.certificates is None else "https")

    def push(self, layout: Path, tag: str, path: str) -> None:
        """Copy an image, with all architectures and unchanged digests, from an OCI layout.

        skopeo finds OCI images and indexes by tag in a layout, Docker images only inside an index.

        Raises:
            RuntimeError: skopeo failed; the text says why.
        """
        self._copy(f"oci:{layout}:{tag}", tag, path)

    def tag(self, digest: str, tag: str, path: str) -> None:
        """Let ``tag`` point to an image that the repository has.

        Raises:
            RuntimeError: skopeo failed; the text says why.
        """
        self._copy(f"docker://{self.repository(path).name}@{digest}", tag, path)

    def _copy(self, source: str, tag: str, path: str) -> None:
        login = [f"--{side}-creds={USERNAME}:{self.password}" for side in ("src", "dest")]
        target = f"docker://{self.repository(path).name}:{tag}"
        skopeo_copy(source, target, login if self.login else (), self.wrapper)


def skopeo_copy(source: str, target: str, options: Sequence[str] = (), wrapper: Sequence[str] = ()) -> None:
    """Copy an image, with all architectures and unchanged digests, between places that skopeo knows.

    Args:
        source: as skopeo names it.
        target: as skopeo names it.
        options: further ones for ``skopeo copy``.
        wrapper: command that runs skopeo, for another network for example.

    Raises:
        RuntimeError: skopeo failed; the text says why.
    """
    command = [*wrapper, program("skopeo"), "--insecure-policy", "copy", "--all", "--preserve-digests"]
    command += ["--src-tls-verify=false", "--dest-tls-verify=false", *options, source, target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COPY_SECONDS, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"skopeo copy failed: {done.stderr}")


def program(name: str) -> str:
    """The path of a program that comes from a Debian package.

    Raises:
        RuntimeError: it is not installed.
    """
    path = Path("/usr/bin") / name
    if not path.exists():
        raise RuntimeError(f"{path} is not there: run `make deps`, which installs the Debian package {name}")
    return str(path)


@contextmanager
def real_registry(  # each is said by name, and none goes without the others
    directory: Path,
    *,
    certificates: Certificates | None = None,
    login: bool = False,
    wrapper: tuple[str, ...] = (),
    host: str = "127.0.0.1",
) -> Iterator[RealRegistry]:
    """Run a registry that keeps everything in ``directory``.

    Args:
        directory: an existing empty directory.
        certificates: what it shows over TLS; None: plain HTTP.
        login: whether it wants ``USERNAME`` and ``PASSWORD`` (Basic).
        wrapper: what comes before every command; it has to become the command, not to start it.
        host: the IPv4 address that it listens on.

    Raises:
        RuntimeError: it is not installed or does not start; the text has its log.
    """
    with _running(directory, RealRegistry(0, certificates, login, wrapper, host)) as running:
        yield running


@contextmanager
def renewed_registry(
    directory: Path, before: RealRegistry, *, certificates: Certificates, password: str
) -> Iterator[RealRegistry]:
    """Run a registry in the place of one that has ended: what it has and where it listens stay.

    Args:
        directory: of the one before.
        before: which.
        certificates: what it shows from now on.
        password: what it wants from now on: ``PASSWORD`` or ``NEXT_PASSWORD``.

    Raises:
        RuntimeError: it does not start; the text has its log.
    """
    with _running(directory, replace(before, certificates=certificates, password=password)) as running:
        yield running


@contextmanager
def _running(directory: Path, wanted: RealRegistry) -> Iterator[RealRegistry]:
    """Run it; where no port is wanted it finds one."""
    config, log = directory / "config.yml", directory / "registry.log"
    config.write_text(_config(directory, wanted))
    # Without our environment: any REGISTRY_... in it would change the configuration.
    environment = {"PATH": os.defpath, "OTEL_TRACES_EXPORTER": "none"}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [*wanted.wrapper, program("docker-registry"), "serve", str(config)],
            stdout=output,
            stderr=output,
            env=environment,
            cwd=directory,
        )
    try:
        yield replace(wanted, port=_wait(process, log))
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


def _wait(process: subprocess.Popen[bytes], log: Path) -> int:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if found := _LISTENING.search(log.read_text()):
            return int(found[1])
        time.sleep(0.02)
    raise RuntimeError(f"docker-registry did not start: {log.read_text()}")


def _config(directory: Path, wanted: RealRegistry) -> str:
    lines = [
        "version: 0.1",
        "log: {level: info, accesslog: {disabled: true}}",
        f"storage: {{filesystem: {{rootdirectory: {directory}/data}}, cache: {{blobdescriptor: inmemory}}}}",
        "http:",
        f"  addr: {wanted.host}:{wanted.port}",
        "  secret: loopback",
    ]
    shown = wanted.certificates
    if shown is not None:
        lines.append(f"  tls: {{certificate: {shown.certificate}, key: {shown.key}}}")
    if wanted.login:
        (directory / "htpasswd").write_text(f"{USERNAME}:{_HASHES[wanted.password]}\n")
        lines.append(f"auth: {{htpasswd: {{realm: loopback, path: {directory}/htpasswd}}}}")
    return "\n".join(lines) + "\n"
