"""A cluster of OpenShift with nodes that run pods, and a site around it: registries, authorities, an image of this package."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT_REASON
from tests.image.conftest import Image, build_image
from tools.cluster import nodes as kinds_of_nodes
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

__all__ = ["build_image"]

UPGRAPH = Path(sys.executable).parent / "upgraph"
COMMAND_SECONDS = 120
VERSIONS = ("4.1.0", "4.1.1")
GRAPH_DATA = {
    "version": "1.1.0\n",
    "raw/metadata.json": "{}\n",
    "blocked-edges/4.0.0.yaml": "to: 4.0.0\nfrom: 3[.].*\n",
    "channels/stable-4.1.yaml": "name: stable-4.1\nversions:\n- 4.1.0\n- 4.1.1\n",
}


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
        """What the documentation does with oc, done with kubectl."""
        return self.cluster.kubectl(*arguments, stdin=stdin)

    def upgraph(self, *arguments: str) -> str:
        """Run a command of this package, as the administrator would."""
        done = subprocess.run(
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
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, *what: str) -> Any:
        """Objects of the namespace."""
        return json.loads(self.oc("-n", self.namespace, "get", "-o", "json", *what))

    def status(self, name: str = "service") -> Any:
        return self.get("updateservice", name).get("status") or {}

    def condition(self, kind: str, name: str = "service") -> Any:
        listed = self.status(name).get("conditions") or []
        return next((one for one in listed if one["type"] == kind), {})

    def curl(self, url: str, *arguments: str) -> tuple[int, str]:
        """Ask as a cluster would: by name, with the authority of the ingress."""
        host = url.partition("://")[2].partition("/")[0]
        command = [program("curl"), "-s", "--max-time", "10", "-w", "\n%{http_code}"]
        command += ["--resolve", f"{host}:443:{self.cluster.addresses.cluster}"]
        command += ["--cacert", str(self.cluster.ingress_authority), *arguments, url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body

    def told(self) -> str:
        """What is known, for a test that waits in vain."""
        pods = [one["status"] for one in self.get("pods")["items"]]
        return json.dumps([self.status(), *pods], indent=1)[-6000:]

    def until(self, holds: Callable[[], object], what: str) -> None:
        try:
            self.cluster.wait(holds, what=what)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.told()}") from error

    def pack(self, tag: str, *options: str, **more: str) -> None:
        """Pack graph data into an image of the mirror."""
        folder = self.folder / f"graph-data-{tag}"
        for path, text in (GRAPH_DATA | more).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        target = f"docker://{self.mirror.repository('openshift/graph-data').name}:{tag}"
        access = [f"--ca={self.ca}", f"--authfile={self.logins}"]
        self.upgraph("graph-data", "pack", str(folder), "-o", target, "--overwrite", *access, *options)


@pytest.fixture(scope="module")
def image_archive(build_image: Callable[[], Image]) -> Path:
    return build_image().store.with_name("image.tar")


@pytest.fixture(scope="module")
def site_of(
    cluster: ControlPlane, image_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Site]]:
    if os.geteuid():
        pytest.skip(ROOT_REASON)
    make = tmp_path_factory.mktemp
    with ExitStack() as stack:
        host, folder = str(cluster.addresses.host), make("site")
        authority = make_authority(folder)
        shown = authority.issue(make("shown"), names=f"IP:{host},DNS:registry.example")
        images = stack.enter_context(real_registry(make("images"), certificates=shown, host=host))
        mirror = stack.enter_context(real_registry(make("mirror"), certificates=shown, login=True, host=host))
        skopeo_copy(
            f"oci-archive:{image_archive}", f"docker://{images.repository('upgraph/upgraph').name}:test"
        )
        _push_releases(mirror, make("releases"))
        setup = Setup(nodes=("real-a=a", "real-b=b"), authorities=[authority.certificate])
        nodes = stack.enter_context(real_nodes(cluster, setup))
        logins = folder / "pull-secret.json"
        auth = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        logins.write_text(json.dumps({"auths": {f"{host}:{mirror.port}": {"auth": auth}}}))
        yield lambda namespace: Site(
            cluster, nodes, namespace, authority.certificate, logins, images, mirror, folder
        )


@pytest.fixture
def site(site_of: Callable[[str], Site], new_namespace: Callable[..., str]) -> Site:
    return site_of(new_namespace(nodes=kinds_of_nodes.REAL))


def _push_releases(mirror: RealRegistry, folder: Path, versions: Sequence[str] = VERSIONS) -> None:
    with LayoutWriter(folder / "layout") as layout:
        for at, version in enumerate(versions):
            add_release(layout, ReleaseContent(version, previous=tuple(versions[:at])), "amd64", version)
    for version in versions:
        mirror.push(folder / "layout", version, "ocp/release")
