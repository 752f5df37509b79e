"""Rows of the fault matrix: what the operator logs in with, and whom it takes for the API server.

Both are files that a kubelet replaces while the operator runs. The cluster is one of its own, as no other test could go on when
its API server shows another certificate.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.faults.conftest import Site
from tools.cluster import build
from tools.cluster.client import ApiError, Client
from tools.cluster.control_plane import PLAIN, ControlPlane, running
from tools.cluster.credentials import PORT
from upgraph.kube import find_cluster
from upgraph.kube.api import Api
from upgraph.kube.client import open_api
from upgraph.operator.controller import Controller
from upgraph.operator.installation.parameters import OPERATOR, Flavour
from upgraph.operator.resource.update_service import UPDATE_SERVICE
from upgraph.testing.certificates import make_authority
from upgraph.testing.handshakes import cancelled_handshakes

SECONDS_OF_A_TOKEN = 3600


@pytest.fixture(scope="module")
def cluster(programs: build.Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running(tmp_path_factory.mktemp("identity") / "run", programs, apis=PLAIN) as started:
        yield started


@pytest.fixture
def flavour() -> Flavour:
    return Flavour.KUBERNETES


@dataclass(frozen=True)
class Mounted:
    """The directory in which a pod finds what it is."""

    site: Site
    folder: Path

    @property
    def token(self) -> Path:
        return self.folder / "token"

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    def give_token(self, name: str) -> None:
        """Have a token that is valid for as long as a Secret is there."""
        made = self.site.cluster.client.create(self.site.path("secrets"), {"metadata": {"name": name}})
        bound = {"kind": "Secret", "apiVersion": "v1", "name": name, "uid": made["metadata"]["uid"]}
        wanted = {"spec": {"expirationSeconds": SECONDS_OF_A_TOKEN, "boundObjectRef": bound}}
        path = self.site.path("serviceaccounts", f"{OPERATOR}/token")
        answer = self.site.cluster.client.create(path, wanted)
        self.token.write_text(answer["status"]["token"])

    def kubeconfig(self) -> Path:
        file = self.folder / "kubeconfig"
        server = f"https://{self.site.cluster.addresses.cluster}:{PORT}"
        cluster = {"server": server, "certificate-authority": str(self.authority)}
        document = {
            "current-context": "pod",
            "clusters": [{"name": "pod", "cluster": cluster}],
            "users": [{"name": "pod", "user": {"tokenFile": str(self.token)}}],
            "contexts": [{"name": "pod", "context": {"cluster": "pod", "user": "pod"}}],
        }
        file.write_text(json.dumps(document))
        return file


@pytest.fixture
def mounted(site: Site, tmp_path: Path) -> Mounted:
    made = Mounted(site, tmp_path / "serviceaccount")
    made.folder.mkdir()
    made.give_token("first")
    made.authority.write_bytes(site.cluster.plan.credentials.authority.certificate.read_bytes())
    return made


@pytest.fixture
async def api(mounted: Mounted) -> AsyncIterator[Api]:
    """The API server as a pod reaches it."""
    cluster = find_cluster({}, kubeconfig=mounted.kubeconfig())
    with cancelled_handshakes():
        async with open_api(cluster, manager="upgraph-operator", kinds=[UPDATE_SERVICE]) as opened:
            yield opened


async def test_the_token_of_the_operator_ends(
    site: Site, mounted: Mounted, operator: Controller, logged: Callable[[str], bool]
) -> None:
    before = await site.settled()
    old, host = mounted.token.read_text(), str(site.cluster.addresses.cluster)
    user = Client(host, PORT, mounted.authority, old)
    site.cluster.client.delete(site.path("secrets", "first"))
    # The API server remembers for some seconds that it was valid.
    await site.until(lambda: is_unknown(user, site), "the end of the token")
    site.ask_for(replicas=3)
    await site.until(lambda: logged("kube-unauthorized"), "a line in the log")
    assert site.serving() == before
    mounted.give_token("second")
    await site.until(lambda: site.deployment["spec"]["replicas"] == 3, "the new number of replicas")


def is_unknown(user: Client, site: Site) -> bool:
    try:
        user.get(site.path("services"))
    except ApiError as error:
        return error.status == 401
    return False


async def test_the_authority_of_the_api_server_is_rotated(
    site: Site, mounted: Mounted, operator: Controller, tmp_path: Path, logged: Callable[[str], bool]
) -> None:
    before = await site.settled()
    credentials = site.cluster.plan.credentials
    (tmp_path / "other").mkdir()
    other = make_authority(tmp_path / "other", name="the next cluster authority")
    await asyncio.to_thread(site.cluster.stop, "kube-apiserver", seconds=0)
    names = f"IP:{site.cluster.addresses.cluster},IP:127.0.0.1"
    other.issue(credentials.serving.certificate.parent, names=names)
    both = credentials.authority.certificate.read_bytes() + other.certificate.read_bytes()
    # That of the administrator, who is told first.
    credentials.authority.certificate.write_bytes(both)
    await asyncio.to_thread(site.cluster.start_api_server)
    site.ask_for(replicas=3)
    await site.until(
        lambda: any(one.reference == "kube-untrusted" for one in operator.world.faults), "a refusal"
    )
    assert logged("kube-untrusted")
    assert site.serving() == before
    mounted.authority.write_bytes(both)
    await site.until(lambda: site.deployment["spec"]["replicas"] == 3, "the new number of replicas")
