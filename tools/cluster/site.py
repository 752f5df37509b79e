"""What an administrator has before the first command: nodes that run pods, registries with the image of this package and
with releases, their authority, a pull secret.

Tests walk the procedures of the documentation at such a site, and measurements are made at it.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.client import Object
from tools.cluster.control_plane import ControlPlane
from tools.cluster.node.launching import RealNodes, Setup, real_nodes
from upgraph.oci import LayoutWriter
from upgraph.payload import ReleaseContent, add_release
from upgraph.testing.certificates import make_authority
from upgraph.testing.real_registry import (
    PASSWORD,
    USERNAME,
    RealRegistry,
    program,
    real_registry,
    skopeo_copy,
)

UPGRAPH = Path(sys.executable).parent / "upgraph"
COMMAND_SECONDS = 330
"""Longest time for one command; one that waits for a service gives up after five minutes."""
VERSIONS = ("4.1.0", "4.1.1")
"""The releases of the mirror."""
GRAPH_DATA = {
    "version": "1.1.0\n",
    "raw/metadata.json": "{}\n",
    "blocked-edges/4.0.0.yaml": "to: 4.0.0\nfrom: 3[.].*\n",
    "channels/stable-4.1.yaml": "name: stable-4.1\nversions:\n- 4.1.0\n- 4.1.1\n",
}
"""Graph data of these releases: texts by path."""


@dataclass(frozen=True)
class Site:
    """Everything that an administrator has before the first command."""

    cluster: ControlPlane
    nodes: RealNodes
    namespace: str
    ca: Path
    """The authority of the registries."""
    logins: Path
    """The pull secret."""
    images: RealRegistry
    """For everybody."""
    mirror: RealRegistry
    """For those who log in: releases and graph data."""
    folder: Path

    def oc(self, *arguments: str, stdin: str = "") -> str:
        """What the documentation does with oc, done with kubectl. Errors as for :meth:`ControlPlane.kubectl`."""
        return self.cluster.kubectl(*arguments, stdin=stdin)

    def upgraph(self, *arguments: str) -> str:
        """Run a command of this package, as the administrator would; gives what it prints.

        Raises:
            RuntimeError: it failed; the text is what it complained of.
        """
        done = self.done(*arguments)
        if done.returncode:
            raise RuntimeError(f"upgraph {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def done(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same, also where it may fail: what became of it."""
        return subprocess.run(
            [UPGRAPH, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
            env={
                "PATH": os.environ["PATH"],
                "KUBECONFIG": str(self.cluster.kubeconfig),
                "HOME": str(self.folder),
            },
        )

    def get(self, *what: str) -> Object:
        """An object or a list of the namespace."""
        found: Object = json.loads(self.oc("-n", self.namespace, "get", "-o", "json", *what))
        return found

    def status(self, name: str = "service") -> Object:
        """The status of an UpdateService; empty while it has none."""
        return self.get("updateservice", name).get("status") or {}

    def condition(self, kind: str, name: str = "service") -> Object:
        """A condition of an UpdateService; empty while it is not there."""
        listed = self.status(name).get("conditions") or []
        return next((one for one in listed if one["type"] == kind), {})

    def curl(self, url: str, *arguments: str) -> tuple[int, str]:
        """Ask as a cluster would: by name, with the authority of the ingress. Status 0 if nobody answers."""
        host = url.partition("://")[2].partition("/")[0]
        command = [program("curl"), "-s", "--max-time", "10", "-w", "\n%{http_code}"]
        command += ["--resolve", f"{host}:443:{self.cluster.addresses.cluster}"]
        command += ["--cacert", str(self.cluster.ingress_authority), *arguments, url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body

    def told(self) -> str:
        """What is known, for who waits in vain."""
        pods = [one["status"] for one in self.get("pods")["items"]]
        return json.dumps([self.status(), *pods], indent=1)[-6000:]

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait for something that will happen.

        Raises:
            AssertionError: it did not.
        """
        try:
            self.cluster.wait(holds, what=what)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.told()}") from error

    def pack(self, tag: str, *options: str, **more: str) -> None:
        """Pack graph data into an image of the mirror.

        Args:
            tag: of the image.
            options: further ones of the command.
            more: texts by path, beside the usual ones.
        """
        folder = self.folder / f"graph-data-{tag}"
        for path, text in (GRAPH_DATA | more).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        target = f"docker://{self.mirror.repository('openshift/graph-data').name}:{tag}"
        access = [f"--ca={self.ca}", f"--authfile={self.logins}"]
        self.upgraph("graph-data", "pack", str(folder), "-o", target, "--overwrite", *access, *options)


@contextmanager
def sites(cluster: ControlPlane, image_archive: Path, folder: Path) -> Iterator[Callable[[str], Site]]:
    """Registries and nodes for as long as the block lasts; gives what makes a site of a namespace.

    Args:
        cluster: with the APIs of OpenShift.
        image_archive: the image of this package, as ``oci-archive`` has it.
        folder: an existing empty one.

    Raises:
        RuntimeError: something cannot be started; the text says what it complained of.
    """
    host, make = str(cluster.addresses.host), _maker(folder)
    with ExitStack() as stack:
        authority = make_authority(make("authority"))
        shown = authority.issue(make("shown"), names=f"IP:{host},DNS:registry.example")
        images = stack.enter_context(real_registry(make("images"), certificates=shown, host=host))
        mirror = stack.enter_context(real_registry(make("mirror"), certificates=shown, login=True, host=host))
        own = f"docker://{images.repository('upgraph/upgraph').name}:test"
        skopeo_copy(f"oci-archive:{image_archive}", own)
        push_releases(mirror, make("releases"))
        setup = Setup(nodes=("real-a=a", "real-b=b"), authorities=[authority.certificate])
        nodes = stack.enter_context(real_nodes(cluster, setup))
        home = make("site")
        logins = home / "pull-secret.json"
        logins.write_text(pull_secret(f"{host}:{mirror.port}", USERNAME))
        yield lambda namespace: Site(
            cluster, nodes, namespace, authority.certificate, logins, images, mirror, home
        )


def _maker(folder: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    return make


def pull_secret(place: str, username: str) -> str:
    """The text of a pull secret with one login; the password is that of all registries of tests."""
    auth = base64.b64encode(f"{username}:{PASSWORD}".encode()).decode()
    return json.dumps({"auths": {place: {"auth": auth}}})


def push_releases(mirror: RealRegistry, folder: Path, versions: Sequence[str] = VERSIONS) -> None:
    """Have releases in the mirror, each with updates from all before it."""
    with LayoutWriter(folder / "layout") as layout:
        for at, version in enumerate(versions):
            add_release(layout, ReleaseContent(version, previous=tuple(versions[:at])), "amd64", version)
    for version in versions:
        mirror.push(folder / "layout", version, "ocp/release")
