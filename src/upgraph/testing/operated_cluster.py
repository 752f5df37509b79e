"""A cluster in memory in which an operator can work: what administrators, controllers and kubelets do there, as calls.

It knows nothing of the operator: whoever tests one gives the kind of its resource.
"""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, EVENT, IMAGE_CONFIG, POD, ROUTE, SECRET
from upgraph.kube.objects import Key, Kind, Object
from upgraph.oci import OCI_CONFIG, OCI_MANIFEST, Descriptor, Digest
from upgraph.oci.images.documents import image_document
from upgraph.testing.api_server import SimulatedApiServer
from upgraph.testing.certificates import Authority
from upgraph.testing.registry import SimulatedRegistry
from upgraph.testing.simulated_replica import POD_ADDRESS, SimulatedReplica

NAMESPACE = "openshift-update-service"
OPERAND = "registry.example:5000/upgraph/upgraph@sha256:" + "1" * 64
WAIT_SECONDS = 180.0
"""Longest time for what a test waits for."""
QUIET_SECONDS = 0.5
"""So long nothing is written where nothing is to be written."""


def of_deployment(name: str) -> Object:
    """What the metadata of a pod has that a Deployment has come to have, by way of a ReplicaSet."""
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{name}-5f",
        "uid": f"replicas-of-{name}",
        "controller": True,
    }
    return {"labels": {"deployment": name, "pod-template-hash": "5f"}, "ownerReferences": [owner]}


def put_image(registry: SimulatedRegistry, tag: str, *command: str) -> Digest:
    """Let a tag be an image that is started with a command."""
    document = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {"Cmd": command or None}}
    ).encode()
    config = Descriptor(OCI_CONFIG, registry.add(document), len(document))
    return registry.add(image_document(config, [], OCI_MANIFEST), tag=tag)


@dataclass
class OperatedCluster:
    """The cluster, and what a test does with it."""

    server: SimulatedApiServer
    registry: SimulatedRegistry
    authority: Authority
    resource: Kind
    """The kind that the operator looks after."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, kind: Kind, name: Key | str, **content: object) -> Object:
        """Have an object, as if somebody else had made it."""
        key = name if isinstance(name, Key) else Key(NAMESPACE if kind.namespaced else "", name)
        if self.server.state.has(kind, key):
            return self.server.state.put(kind, self.server.state.get(kind, key) | content)
        metadata = {"name": key.name} | ({"namespace": key.namespace} if key.namespace else {})
        head = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
        return self.server.state.put(kind, head | content)

    def edit(self, kind: Kind, name: str, **content: object) -> Object:
        """Change parts of an object, as if somebody else did."""
        return self.server.state.merge(kind, Key(NAMESPACE, name), content, "kubectl")

    def find(self, kind: Kind, name: str) -> Object:
        """An object; empty if there is none."""
        key = Key(NAMESPACE if kind.namespaced else "", name)
        return self.server.state.get(kind, key) if self.server.state.has(kind, key) else {}

    def update_service(self, name: str = "sample", **spec: object) -> Object:
        """Have an UpdateService as in the documentation of the OpenShift Update Service."""
        return self.put(self.resource, name, spec=self._spec(spec))

    def _spec(self, more: Object) -> Object:
        return {
            "replicas": 2,
            "releases": "registry.example:5000/ocp/release",
            "graphDataImage": f"{self.registry.repository.name}:latest",
        } | more

    def begin(self, *command: str, **spec: object) -> Digest:
        """Have all that the documentation asks for, and an UpdateService; the digest of its graph-data image.

        Args:
            command: of the image.
            spec: more fields of the resource.
        """
        digest = put_image(self.registry, "latest", *(command or ("/copier",)))
        self.trust_registry()
        self.put(self.resource, "sample", spec=self._spec(spec))
        return digest

    async def settle(self) -> Digest:
        """Begin, and wait until all that is known before pods run is written."""
        digest = self.begin()
        await self.until(lambda: self.find(ROUTE, "sample-route") and self.find(DEPLOYMENT, "sample"))
        self.admit("localhost")
        await self.until(lambda: self.status().get("policyEngineURI"))
        # Each write is heard of and looked at once more.
        quiet = -1
        while quiet != self.server.state.version:
            quiet = self.server.state.version
            await asyncio.sleep(QUIET_SECONDS)
        return digest

    async def begin_with(self, replica: SimulatedReplica, **spec: object) -> None:
        """Let a service run whose replica, and whose address for clusters, are these."""
        self.begin(**spec)
        await self.until(lambda: self.find(ROUTE, "sample-route") and self.find(DEPLOYMENT, "sample"))
        self.admit(replica.host)
        self.run_pods()

    def status(self, name: str = "sample") -> Object:
        """The status of an UpdateService."""
        return dict(self.find(self.resource, name).get("status") or {})

    @staticmethod
    def key(name: str) -> Key:
        """A key in the namespace."""
        return Key(NAMESPACE, name)

    def asked(self) -> Counter[str]:
        """All requests but those of watches, which come again and again."""
        return Counter(
            {what: count for what, count in self.server.counts.items() if not what.startswith("watch")}
        )

    def trust_registry(self) -> None:
        """Configure the cluster as the documentation says."""
        text = self.authority.certificate.read_text()
        config = Key("openshift-config", "registry-ca")
        self.put(CONFIG_MAP, config, data={"updateservice-registry": text})
        self.put(IMAGE_CONFIG, "cluster", spec={"additionalTrustedCA": {"name": config.name}})
        self.pull_secret({"auths": {}})

    def pull_secret(self, document: Object) -> None:
        """Let the cluster have these logins."""
        encoded = base64.b64encode(json.dumps(document).encode()).decode()
        key = Key("openshift-config", "pull-secret")
        self.put(SECRET, key, type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": encoded})

    def condition(self, kind: str, name: str = "sample") -> Object:
        """A condition of an UpdateService; empty if there is none."""
        listed = self.status(name).get("conditions") or []
        return next((one for one in listed if one["type"] == kind), {})

    def admit(self, host: str, name: str = "sample-route") -> None:
        """Let a router take a Route."""
        admitted = [{"type": "Admitted", "status": "True"}]
        route = self.find(ROUTE, name) | {"status": {"ingress": [{"host": host, "conditions": admitted}]}}
        self.server.state.put(ROUTE, route)

    def owned(self, name: str = "sample") -> set[tuple[str, str]]:
        """Kind and name of everything that belongs to an UpdateService."""
        uid = self.find(self.resource, name).get("metadata", {}).get("uid")
        return {
            (kind.kind, obj["metadata"]["name"])
            for kind in self.server.state.kinds
            for obj in self.server.state.all(kind)
            if any(one["uid"] == uid for one in obj["metadata"].get("ownerReferences") or [])
        }

    def arguments(self, name: str = "sample") -> list[str]:
        """What the service is called with; empty without a Deployment."""
        found = self.find(DEPLOYMENT, name)
        return found["spec"]["template"]["spec"]["containers"][0]["args"] if found else []

    def variables(self, name: str = "sample") -> dict[str, str]:
        """What the service has in its environment; empty without a Deployment."""
        found = self.find(DEPLOYMENT, name)
        listed = found["spec"]["template"]["spec"]["containers"][0].get("env") if found else []
        return {one["name"]: one["value"] for one in listed or ()}

    def run_pods(self, name: str = "sample", ready: int = 2) -> None:
        """Let the replicas run, as controllers and a kubelet would."""
        deployment = self.find(DEPLOYMENT, name)
        counts = {"replicas": deployment["spec"]["replicas"], "readyReplicas": ready}
        self.server.state.put(DEPLOYMENT, deployment | {"status": counts})
        self.run_pod(f"{name}-pod", POD_ADDRESS, name, is_ready=bool(ready))

    def run_pod(self, pod: str, address: str, name: str = "sample", *, is_ready: bool = True) -> None:
        """Let one replica of an UpdateService run."""
        metadata = {"name": pod, "namespace": NAMESPACE} | of_deployment(name)
        said = [{"type": "Ready", "status": "True" if is_ready else "False"}]
        status = {"podIP": address, "conditions": said}
        self.server.state.put(
            POD, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}
        )

    def writes(self) -> int:
        """How many requests have been sent that write, except for Events."""
        verbs = ("create", "update", "patch", "delete")
        return sum(one.verb in verbs and one.plural != EVENT.plural for one in self.server.requests)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something is so in the cluster."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not holds():
                    self.changed.clear()
                    with suppress(TimeoutError):
                        # What is asked for may be outside of the cluster, so it is looked for in between too.
                        async with asyncio.timeout(0.1):
                            await self.changed.wait()
        except TimeoutError:
            status = [one.get("status") for one in self.server.state.all(self.resource)]
            raise AssertionError(f"did not become so; statuses: {json.dumps(status, indent=1)}") from None
