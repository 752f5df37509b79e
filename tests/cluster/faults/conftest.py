"""An operator with the rights of its installation on a real API server, a bad network between them, and a registry.

Each module of this folder has rows of the fault matrix, which ``docs/reference/operator-faults.md`` shows. All have one form: a
service is there, the fault comes, the status tells it, what serves clusters is untouched, the fault goes, and the status
tells that without anybody's help. The operator lives in the process of the test, so that what it does every few minutes
can be had at once; that the program does the same is tested beside this folder.
"""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.cluster.audit import Request
from tools.cluster.control_plane import ControlPlane
from tools.cluster.credentials import PORT
from upgraph.kube import find_cluster
from upgraph.kube.api import Api
from upgraph.kube.client import open_api
from upgraph.kube.events import Recorder
from upgraph.operator.controller import Controller, Setup
from upgraph.operator.installation.manifests import as_yaml, manifests
from upgraph.operator.installation.parameters import OPERATOR, Flavour, Installation
from upgraph.operator.metrics import OperatorMetrics
from upgraph.operator.resource.update_service import UPDATE_SERVICE
from upgraph.testing.certificates import Authority, make_authority
from upgraph.testing.handshakes import cancelled_handshakes
from upgraph.testing.operated_cluster import OPERAND, put_image
from upgraph.testing.registry import SimulatedRegistry
from upgraph.testing.relay import Relay

PATIENCE_SECONDS = 180.0
"""Longest wait for something that must happen; what decides a test is never how long it took."""
LOOK_SECONDS = 0.1
QUICK_SECONDS = 0.5
"""In the place of the minutes between two looks at a registry or a service."""
NOT_INSTALLED = ("Namespace", "Deployment")
"""What the test itself brings: the namespace is that of the test, the operator lives in its process."""
NAME = "service"
UPDATE_SERVICES = "/apis/updateservice.operator.openshift.io/v1"
APPS = "/apis/apps/v1"
ROUTES = "/apis/route.openshift.io/v1"
SERVING = (
    (APPS, "deployments"),
    ("/api/v1", "services"),
    ("/apis/networking.k8s.io/v1", "networkpolicies"),
    (ROUTES, "routes"),
)
"""What clusters get their answers from, and what leads to it."""


@dataclass(frozen=True)
class Site:
    """A namespace, what an administrator does in it, and what is seen there."""

    cluster: ControlPlane
    namespace: str
    registry: SimulatedRegistry
    authority: Authority

    def path(self, plural: str, name: str = "", *, group: str = "/api/v1") -> str:
        return f"{group}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def find(self, plural: str, name: str, *, group: str = "/api/v1") -> Any:
        return self.cluster.client.find(self.path(plural, name, group=group)) or {}

    def apply(self, kind: str, name: str, *, version: str = "v1", **content: object) -> None:
        """Have an object, as an administrator makes it."""
        metadata = {"name": name, "namespace": self.namespace}
        obj = {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
        forced = ("--server-side", "--force-conflicts", "--field-manager=administrator")
        self.cluster.kubectl("apply", *forced, "-f", "-", stdin=json.dumps(obj))

    def trust(self, authority: Authority) -> None:
        """Give the authority of the registry to the UpdateService."""
        self.apply(
            "ConfigMap", "authorities", data={"updateservice-registry": authority.certificate.read_text()}
        )

    def log_in(self, username: str, password: str) -> None:
        """Give a login of the registry to the UpdateService."""
        auth = base64.b64encode(f"{username}:{password}".encode()).decode()
        document = json.dumps({"auths": {self.registry.repository.host: {"auth": auth}}})
        data = {".dockerconfigjson": base64.b64encode(document.encode()).decode()}
        self.apply("Secret", "logins", type="kubernetes.io/dockerconfigjson", data=data)

    def update_service(self, **spec: object) -> None:
        """Make the UpdateService, with its own authority and login: what the cluster has is that of other tests too."""
        self.trust(self.authority)
        self.log_in("sailor", "anchor")
        usual = {
            "replicas": 2,
            "releases": "registry.example:5000/ocp/release",
            "graphDataImage": f"{self.registry.repository.name}:latest",
            "trust": {"configMap": "authorities"},
            "credentials": {"secret": "logins"},
        }
        version = "updateservice.operator.openshift.io/v1"
        self.apply("UpdateService", NAME, version=version, spec=usual | spec)

    def ask_for(self, **spec: object) -> None:
        """Change what is asked for."""
        self.cluster.client.patch(self.path("updateservices", NAME, group=UPDATE_SERVICES), {"spec": spec})

    @property
    def status(self) -> Any:
        return self.find("updateservices", NAME, group=UPDATE_SERVICES).get("status") or {}

    def condition(self, kind: str) -> Any:
        listed = self.status.get("conditions") or []
        return next((one for one in listed if one["type"] == kind), {})

    @property
    def deployment(self) -> Any:
        return self.find("deployments", NAME, group=APPS)

    def serving(self) -> dict[str, Any]:
        """What serves clusters, as it was last asked for; pods are made anew when this changes and never otherwise."""
        found = {}
        for group, plural in SERVING:
            listed = self.cluster.client.find(self.path(plural, group=group)) or {"items": []}
            for one in listed["items"]:
                named = f"{plural}/{one['metadata']['name']}"
                found[named] = (one["metadata"]["uid"], one["spec"])
        return found

    def requests(self) -> list[Request]:
        """All that the operator has asked of the API server so far."""
        return self.cluster.requests(self.namespace, OPERATOR)

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait for something to be seen."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not holds():
            if asyncio.get_running_loop().time() > deadline:
                told = json.dumps(self.status, indent=1)
                raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain for {what}; the status: {told}")
            await asyncio.sleep(LOOK_SECONDS)

    async def told(self, kind: str, status: str, reason: str, *words: str) -> None:
        """Wait until a condition says this."""

        def is_said() -> bool:
            said = self.condition(kind)
            message = said.get("message", "")
            is_so = (said.get("status"), said.get("reason")) == (status, reason)
            return is_so and all(one in message for one in words)

        await self.until(is_said, f"{kind} {status} {reason} {words}")

    async def degraded(self, word: str) -> None:
        """Wait until Degraded tells of this, beside that pods of simulated nodes say nothing."""
        await self.until(
            lambda: word in self.condition("Degraded").get("message", ""), f"Degraded with {word}"
        )

    async def settled(self, **spec: object) -> dict[str, Any]:
        """Have a service whose objects are all written; what serves clusters."""
        put_image(self.registry, "latest", "/copier")
        self.update_service(**spec)
        await self.told("ReconcileCompleted", "True", "Success")
        await self.told("GraphDataReady", "True", "Resolved")
        await self.until(lambda: self.status.get("policyEngineURI"), "an address")
        return self.serving()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def registry(authority: Authority, tmp_path: Path) -> AsyncIterator[SimulatedRegistry]:
    shown = authority.issue(tmp_path)
    async with SimulatedRegistry("openshift/graph-data", tls=shown.server_context()) as running:
        yield running


@pytest.fixture
def flavour() -> Flavour:
    """What kind of cluster it is."""
    return Flavour.OPENSHIFT


@pytest.fixture
def site(
    cluster: ControlPlane,
    flavour: Flavour,
    namespace: str,
    registry: SimulatedRegistry,
    authority: Authority,
) -> Site:
    """A namespace with the rights of the operator, and the definition of the resource."""
    made = manifests(Installation(image=OPERAND, namespace=namespace, flavour=flavour))
    installed = as_yaml(one for one in made if one["kind"] not in NOT_INSTALLED)
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=installed)
    return Site(cluster, namespace, registry, authority)


@pytest.fixture
async def network(cluster: ControlPlane) -> AsyncIterator[Relay]:
    """What is between the operator and the API server."""
    async with Relay(str(cluster.addresses.cluster), PORT) as relay:
        yield relay


@pytest.fixture
async def api(site: Site, network: Relay) -> AsyncIterator[Api]:
    """The API server as the operator reaches it."""
    file = site.cluster.kubeconfig_for(site.namespace, OPERATOR)
    document = json.loads(file.read_text())
    document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{network.port}"
    file.write_text(json.dumps(document))
    cluster = find_cluster({}, kubeconfig=file)
    with cancelled_handshakes():
        async with open_api(cluster, manager="upgraph-operator", kinds=[UPDATE_SERVICE]) as opened:
            yield opened


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[str], bool]:
    """Whether the operator has told of a problem in its log, by the reference."""
    caplog.set_level(logging.INFO)
    return lambda reference: any(getattr(one, "reference", "") == reference for one in caplog.records)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done every few minutes is done at once."""
    monkeypatch.setattr("upgraph.operator.observing.graph_data_watch.AT_REST_SECONDS", QUICK_SECONDS)


Start = Callable[[], AbstractAsyncContextManager[Controller]]


@pytest.fixture
def start(api: Api, site: Site, quick: None) -> Start:
    """Starts an operator, for as long as a block lasts. Whatever it raises fails the test."""

    @asynccontextmanager
    async def started() -> AsyncIterator[Controller]:
        events = Recorder(api, "test", "test", asyncio.get_running_loop().time)
        setup = Setup(namespace=site.namespace, operand=OPERAND)
        controller = Controller(api, setup, events, OperatorMetrics())
        task = asyncio.create_task(controller.run())
        yield controller
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is not None:
            raise task.exception() or AssertionError

    return started


@pytest.fixture
async def operator(start: Start) -> AsyncIterator[Controller]:
    """The operator at work."""
    async with start() as running:
        yield running
