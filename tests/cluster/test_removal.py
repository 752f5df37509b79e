"""Two installations of the operator in one cluster: one is removed as the pages say it, and the other goes on."""

import json
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.cluster.test_operator import GROUP, Site
from tools.cluster import nodes
from tools.cluster.control_plane import ControlPlane
from tools.cluster.operating import OPERAND, UPGRAPH, configure, start_operator
from tools.pages import read_pages
from upgraph.operator.installation.parameters import DEFAULT_NAMESPACE, OPERATOR
from upgraph.operator.resource.definition import CRD_NAME

PLATFORMS = ("kubernetes", "openshift")
SHARED = (
    f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD_NAME}",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/updateservice-editor",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/updateservice-viewer",
)
RIGHTS = "clusterroles,clusterrolebindings,roles,rolebindings"


def commands(platform: str, namespace: str) -> list[str]:
    """What the page of a platform says for the removal of what is in a namespace."""
    page = read_pages()[f"docs/how-to/operator-{platform}.md"]
    (block,) = (text for text in page.blocks("text") if "--removal" in text)
    lines = [line.removeprefix("$ ") for line in block.replace(DEFAULT_NAMESPACE, namespace).splitlines()]
    # Which clusters ask elsewhere is another matter.
    return [line for line in lines if "clusterversion" not in line]


def upgraph(*arguments: str) -> str:
    done = subprocess.run([UPGRAPH, *arguments], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def typed(cluster: ControlPlane, line: str) -> None:
    """Do what somebody does with a line of a page."""
    first, _, second = line.partition(" | ")
    program, *arguments = first.split()
    text = ""
    if program == "upgraph":
        text = upgraph(*arguments)
        _, *arguments = second.split()
    cluster.kubectl(*arguments, stdin=text)


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    """What kind of cluster it is."""
    return str(request.param)


@pytest.fixture
def place(platform: str, request: pytest.FixtureRequest) -> ControlPlane:
    """A cluster of that kind, as its administrator has configured it."""
    if platform == "kubernetes":
        plain: ControlPlane = request.getfixturevalue("plain_cluster")
        return plain
    cluster: ControlPlane = request.getfixturevalue("cluster")
    authority = cluster.plan.credentials.authority.certificate.read_text()
    configure(cluster, authority=authority, logins='{"auths":{}}')
    return cluster


@pytest.fixture
def install(platform: str, place: ControlPlane) -> Iterator[Callable[[], Site]]:
    """Installs operators as the page says it. They run beside the cluster; their Deployments have simulated pods."""
    started = {}

    def make() -> Site:
        namespace, name = (f"{kind}-{secrets.token_hex(4)}" for kind in ("test", "operator"))
        place.client.create("/api/v1/namespaces", nodes.namespace(namespace))
        options = (f"--namespace={namespace}", f"--platform={platform}", f"--image={OPERAND}")
        made = upgraph("operator", "manifests", *options)
        place.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=made)
        start_operator(place, namespace, name, "--status-listen=127.0.0.1:0")
        started[name] = namespace
        return Site(place, namespace)

    yield make
    for name, namespace in started.items():
        place.stop(name, seconds=0)
        place.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


def rights_of(site: Site) -> list[str]:
    """Roles and bindings of the operator of a namespace, wherever they are."""
    listed = json.loads(site.cluster.kubectl("get", RIGHTS, "-A", "-o", "json"))["items"]
    own = re.compile(rf"upgraph-operator-{site.namespace}")
    return [
        f"{one['kind']} {one['metadata']['name']}"
        for one in listed
        if own.fullmatch(one["metadata"]["name"]) or one["metadata"].get("namespace") == site.namespace
    ]


def test_one_installation_is_removed_as_the_page_says_and_the_other_goes_on(
    platform: str, install: Callable[[], Site], needs: Callable[[str], None]
) -> None:
    needs("kube-controller-manager")
    stays, goes = install(), install()
    for site in (stays, goes):
        site.settled()
    client, namespace = stays.cluster.client, f"/api/v1/namespaces/{goes.namespace}"

    def others() -> list[object]:
        service = stays.find("updateservices", "service", group=GROUP)["metadata"]["uid"]
        shared = [client.get(path)["metadata"]["uid"] for path in SHARED]
        return [service, stays.deployment()["metadata"]["uid"], rights_of(stays), shared]

    before = others()
    assert rights_of(goes)
    for line in commands(platform, goes.namespace):
        typed(goes.cluster, line)
    goes.until(lambda: client.find(namespace) is None, "the end of the namespace")
    assert (rights_of(goes), others()) == ([], before)
    # Its operator still may do its work.
    client.patch(stays.path("updateservices", "service", group=GROUP), {"spec": {"replicas": 3}})
    stays.until(lambda: stays.deployment()["spec"]["replicas"] == 3, "the new number of replicas")
    assert [one for one in stays.requests() if one.status == 403] == []


def test_an_installation_is_removed_and_its_namespace_kept_without_a_word_about_its_platform(
    install: Callable[[], Site], needs: Callable[[str], None]
) -> None:
    needs("kube-controller-manager")
    site = install()
    site.settled()
    site.cluster.kubectl("-n", site.namespace, "create", "secret", "generic", "own")
    lease = site.path("leases", OPERATOR, group="/apis/coordination.k8s.io/v1")
    client = site.cluster.client
    assert client.find(lease)
    pods = site.deployment()["metadata"]["uid"]
    *_, line = commands("kubernetes", site.namespace)
    # As somebody does who no longer knows what kind of cluster it was.
    typed(site.cluster, line.replace("--removal", "--removal --keep-namespace"))
    site.until(lambda: client.find(lease) is None, "the end of the Lease")
    assert rights_of(site) == []
    gone = (site.path("deployments", OPERATOR, group="/apis/apps/v1"), site.path("serviceaccounts", OPERATOR))
    site.until(lambda: not any(map(client.find, gone)), "the end of the operator")
    assert site.find("secrets", "own")
    assert site.deployment()["metadata"]["uid"] == pods
    assert client.find(lease) is None
