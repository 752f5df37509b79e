"""Who asks for the host of a Route reaches what is behind it, as on OpenShift."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.cluster.client import Object
from tools.cluster.control_plane import ControlPlane
from tools.cluster.waiting import until
from upgraph.testing.certificates import make_certificates

PORT = 9000
CURL_SECONDS = 30
Ask = Callable[..., tuple[str, str]]


@pytest.fixture
def backend(cluster: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[str]:
    """A Service with one server behind it, which runs beside the control plane; gives the namespace."""
    (tmp_path / "graph").write_text("nodes and edges")
    cluster.start("backend", [sys.executable, "-m", "http.server", f"--directory={tmp_path}", str(PORT)])
    port = {"name": "policy-engine", "port": 80}
    service = {"metadata": {"name": "web"}, "spec": {"ports": [{**port, "targetPort": PORT}]}}
    cluster.client.create(f"/api/v1/namespaces/{namespace}/services", service)
    piece = {
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{**port, "port": PORT}],
        "endpoints": [{"addresses": [str(cluster.addresses.cluster)], "conditions": {"ready": True}}],
    }
    cluster.client.create(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", piece)
    yield namespace
    cluster.stop("backend")


@pytest.fixture
def publish(cluster: ControlPlane, backend: str) -> Callable[..., str]:
    """Makes a Route to the Service and waits until it is admitted; gives its host."""

    def make(name: str, **fields: object) -> str:
        path = f"/apis/route.openshift.io/v1/namespaces/{backend}/routes"
        spec = {"to": {"kind": "Service", "name": "web"}, "port": {"targetPort": "policy-engine"}, **fields}
        body = {
            "apiVersion": "route.openshift.io/v1",
            "kind": "Route",
            "metadata": {"name": name},
            "spec": spec,
        }
        made = cluster.client.create(path, body)
        cluster.wait(lambda: "ingress" in cluster.client.get(f"{path}/{name}").get("status", {}), what=name)
        return str(made["spec"]["host"])

    return make


@pytest.fixture
def ask(cluster: ControlPlane) -> Ask:
    """Asks the router as curl does; gives the status and the body."""

    def run(url: str, *, authority: Path | None = None) -> tuple[str, str]:
        host = url.split("/")[2]
        places = [f"{host}:{port}:{cluster.addresses.cluster}" for port in (80, 443)]
        ways = [word for place in places for word in ("--resolve", place)]
        trust = ["--cacert", str(authority or cluster.ingress_authority)]
        command = ["curl", "-sS", "--max-time", "20", *ways, *trust, "-w", "\n%{http_code}", url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=CURL_SECONDS)
        body, _, status = done.stdout.rpartition("\n")
        return status, body or done.stderr

    return run


def answers(ask: Ask, url: str, **options: Path) -> bool:
    """The server may have been started a moment ago."""
    return until(lambda: ask(url, **options) == ("200", "nodes and edges"), what=url)


def test_a_route_leads_to_its_service(publish: Callable[..., str], ask: Ask) -> None:
    assert answers(ask, f"http://{publish('plain')}/graph")


def test_tls_ends_at_the_router_with_the_certificate_of_the_platform(
    cluster: ControlPlane, publish: Callable[..., str], ask: Ask
) -> None:
    assert answers(ask, f"https://{publish('edge', tls={'termination': 'edge'})}/graph")
    said = cluster.client.get("/api/v1/namespaces/openshift-config-managed/configmaps/default-ingress-cert")
    assert said["data"]["ca-bundle.crt"] == cluster.ingress_authority.read_text()


def test_a_route_shows_its_own_certificate(publish: Callable[..., str], ask: Ask, tmp_path: Path) -> None:
    own = make_certificates(tmp_path, names="DNS:updates.site.example")
    tls = {"termination": "edge", "certificate": own.certificate.read_text(), "key": own.key.read_text()}
    publish("own", host="updates.site.example", tls=tls)
    assert answers(ask, "https://updates.site.example/graph", authority=own.certificate)


@pytest.mark.parametrize(
    ("policy", "status"), [("Redirect", "302"), ("Allow", "200"), ("None", "503")], ids=str.lower
)
def test_a_route_with_tls_says_what_becomes_of_http(
    publish: Callable[..., str], ask: Ask, policy: str, status: str
) -> None:
    host = publish("both", tls={"termination": "edge", "insecureEdgeTerminationPolicy": policy})
    assert answers(ask, f"https://{host}/graph")
    assert ask(f"http://{host}/graph")[0] == status


def test_a_host_that_no_route_has_is_not_available(ask: Ask) -> None:
    assert ask("http://nobody.apps.example/") == ("503", "The application is not available")


def test_a_route_without_ready_pods_is_not_available(
    cluster: ControlPlane, backend: str, publish: Callable[..., str], ask: Ask
) -> None:
    url = f"http://{publish('empty')}/graph"
    assert answers(ask, url)
    path = f"/apis/discovery.k8s.io/v1/namespaces/{backend}/endpointslices/web-1"
    piece: Object = cluster.client.get(path)
    piece["endpoints"][0]["conditions"]["ready"] = False
    cluster.client.patch(path, {"endpoints": piece["endpoints"]})
    assert ask(url)[0] == "503"
