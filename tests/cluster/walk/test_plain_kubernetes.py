"""The page about Kubernetes without OpenShift, command by command, with pods that really run.

Nodes and registry are those of a site where everything needs a login, and where nobody but the nodes knows its authority. The cluster is one of its own, without the APIs of OpenShift.
"""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.walk.conftest import VERSIONS, Site, logins_of, push_releases
from tools.cluster import build
from tools.cluster.audit import Request
from tools.cluster.control_plane import NODES, PLAIN, ControlPlane, running
from tools.cluster.node.launching import Setup, real_nodes
from tools.pages import Page, read_pages
from upgraph.operator.installation.parameters import OPERATOR
from upgraph.testing.certificates import make_authority
from upgraph.testing.real_registry import USERNAME, real_registry, skopeo_copy

PAGE = "docs/how-to/operator-kubernetes.md"
NAMESPACE = "openshift-update-service"
"""The one of the page."""
INGRESS_HOST = "updates.example"
"""The one of the page."""
GATEWAY_HOST = "gate.example"
CLASS = "nginx"
GATEWAYS = "gateways"
"""The namespace of the Gateway."""
COMMAND_SECONDS = 330
"""Longest time for one command; one that waits for a service gives up after five minutes."""
INGRESS_CLASS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": CLASS},
    "spec": {"controller": "test.example/ingress"},
}


@dataclass(frozen=True)
class Plain:
    """A site on plain Kubernetes, and where its administrator types."""

    site: Site
    home: Path
    digest: str
    """Of the image of the operator."""

    def type(self, line: str) -> str:
        """Type a command of the page, with the names of this site; gives what is printed.

        Raises:
            AssertionError: it failed; the text is what it complained of.
        """
        if "operator manifests" in line:
            # As the page says where nodes have no login of their own.
            line = line.replace("--image ", "--image-pull-secret registry-login --image ")
        registry = f"{self.site.mirror.host}:{self.site.mirror.port}"
        line = line.replace("registry.example:5000", registry).replace("sha256:0123...", self.digest)
        if " registry login " in line:
            # Both are asked for where there is a terminal.
            line += f" --username={USERNAME} --password-stdin < password"
        programs = (Path(sys.executable).parent, self.site.cluster.plan.programs.folder)
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
            env={
                "PATH": ":".join([*map(str, programs), os.environ["PATH"]]),
                "KUBECONFIG": str(self.site.cluster.kubeconfig),
                "HOME": str(self.home),
            },
        )
        assert done.returncode == 0, f"{line}: {done.stderr}\n{self.site.told()}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def plain(
    programs: build.Programs, image_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plain]:
    """Registry, nodes and an ingress controller, before the first command of the page."""
    make = tmp_path_factory.mktemp
    with ExitStack() as stack:
        cluster = stack.enter_context(running(make("plain") / "run", programs, apis=PLAIN))
        host, home, folder = str(cluster.addresses.host), make("home"), make("site")
        authority = make_authority(make("authority"))
        shown = authority.issue(make("shown"), names=f"IP:{host}")
        registry = stack.enter_context(
            real_registry(make("registry"), certificates=shown, login=True, host=host)
        )
        push_releases(registry, make("releases"))
        own = f"docker://{registry.repository('upgraph/upgraph').name}:test"
        login = (f"--dest-creds={USERNAME}:{registry.password}", f"--digestfile={folder / 'digest'}")
        skopeo_copy(f"oci-archive:{image_archive}", own, login)
        hosts = [f"{one}={cluster.addresses.cluster}" for one in (INGRESS_HOST, GATEWAY_HOST)]
        setup = Setup(nodes=("real-a=a", "real-b=b"), hosts=hosts, authorities=[authority.certificate])
        running_nodes = stack.enter_context(real_nodes(cluster, setup))
        for one in NODES:
            cluster.client.delete(f"/api/v1/nodes/{one}")
        open_ingress(cluster, home)
        (home / "ca.pem").write_bytes(authority.certificate.read_bytes())
        (home / "password").write_text(registry.password)
        (folder / "logins.json").write_text(logins_of(registry))
        site = Site(
            cluster,
            running_nodes,
            NAMESPACE,
            authority.certificate,
            folder / "logins.json",
            registry,
            registry,
            folder,
        )
        site.pack("latest")
        yield Plain(site, home, (folder / "digest").read_text().strip())


def open_ingress(cluster: ControlPlane, home: Path) -> None:
    """Have an ingress controller, and certificate and key for the hosts of the site."""
    cluster.ingress_authority.parent.mkdir()
    authority = make_authority(cluster.ingress_authority.parent, name="site")
    shown = authority.issue(home, names=f"DNS:{INGRESS_HOST},DNS:{GATEWAY_HOST}")
    shown.certificate.rename(home / "chain.pem")
    shown.key.rename(home / "key.pem")
    cluster.client.create("/apis/networking.k8s.io/v1/ingressclasses", INGRESS_CLASS)
    command = [sys.executable, "-m", "tools.cluster.ingress", f"--class={CLASS}"]
    cluster.start("ingress", command, {"PYTHONPATH": str(build.ROOT)})


def commands(*titles: str) -> list[str]:
    """What sections of the page have typed, in its order; what stands there twice is done once."""
    text = read_pages()[PAGE].text
    sections = [one for one in text.split("\n## ") if one.partition("\n")[0] in titles]
    assert len(sections) == len(titles)
    found = [line for one in sections for line in Page(PAGE, one).commands()]
    return list(dict.fromkeys(found))


def inline(page: str) -> list[str]:
    """Commands inside of the prose of a page."""
    return re.findall(r"`(kubectl [^`]+)`", read_pages()[page].text)


def refused(site: Site) -> list[Request]:
    """What the operator has asked for without the right to."""
    asked = site.cluster.requests(NAMESPACE, OPERATOR)
    assert {one.resource for one in asked} >= {"ingresses.networking.k8s.io", "secrets"}
    return [one for one in asked if one.status == 403]


def test_the_page_ends_with_a_service_behind_an_ingress_and_later_behind_a_gateway(plain: Plain) -> None:
    lines = commands("How nodes pull the image", "Install", "What the service needs")
    # This site has no proxy.
    told = [plain.type(line) for line in lines if " set env " not in line][-1].splitlines()
    site = plain.site
    assert f"https://{INGRESS_HOST}/api/upgrades_info/v1/graph answers with 2 releases, 1 updates" in told
    assert site.uri() == f"https://{INGRESS_HOST}"
    assert site.versions(site.uri()) == set(VERSIONS)
    site.settled()
    (ingress,) = site.get("ingresses")["items"]
    assert ingress["spec"]["ingressClassName"] == CLASS
    a_gateway_takes_the_place_of_the_ingress(plain)
    assert refused(site) == []


def a_gateway_takes_the_place_of_the_ingress(plain: Plain) -> None:
    """The way is changed, with definitions that come after the operator, and an address stays until another one answers."""
    site = plain.site
    site.cluster.install(["gateway"])
    (restart,) = (line for line in inline(PAGE) if "rollout restart" in line)
    plain.type(restart)
    # It takes routes of its own namespace alone, until its administrator lets others in.
    put_gateway(plain, routes="Same")
    gateway = {"name": "site", "namespace": GATEWAYS}
    site.patch(
        "service",
        exposure={
            "type": "HTTPRoute",
            "host": GATEWAY_HOST,
            "gateway": gateway,
            "ingressClassName": None,
            "tlsSecret": None,
        },
    )
    site.until(
        lambda: "NotAllowedByListeners" in site.condition("Degraded").get("message", ""), "a refusal told"
    )
    assert site.uri() == f"https://{INGRESS_HOST}"
    put_gateway(plain, routes="All")
    site.until(lambda: site.status()["policyEngineURI"] == f"https://{GATEWAY_HOST}", "the other address")
    assert site.versions(site.uri()) == set(VERSIONS)
    site.until(lambda: site.get("ingresses")["items"] == [], "the end of the Ingress")
    site.settled()


def put_gateway(plain: Plain, *, routes: str) -> None:
    """Have a Gateway that takes HTTPRoutes of its own namespace (``Same``) or of all."""
    site = plain.site
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": GATEWAYS}}
    pair = {
        f"tls.{kind}": base64.b64encode((plain.home / file).read_bytes()).decode()
        for kind, file in (("crt", "chain.pem"), ("key", "key.pem"))
    }
    place = {"namespace": GATEWAYS}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "data": pair}
    listener = {
        "name": "https",
        "port": 443,
        "protocol": "HTTPS",
        "tls": {"certificateRefs": [{"name": "updates-tls"}]},
        "allowedRoutes": {"namespaces": {"from": routes}},
    }
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "site", **place},
        "spec": {"gatewayClassName": CLASS, "listeners": [listener]},
    }
    site.apply(namespace)
    site.apply({**secret, "metadata": {"name": "updates-tls", **place}}, gateway)
