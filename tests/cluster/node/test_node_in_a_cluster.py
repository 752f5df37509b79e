"""The node under a real control plane: what controllers make of its pods, and what it makes of their objects."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Ground
from tests.cluster.node.conftest import HEALTHY, RESTRICTED, curl, until
from tools.cluster import nodes as kinds_of_nodes
from tools.cluster.control_plane import ControlPlane
from tools.cluster.node.launching import RealNodes
from upgraph.testing.real_registry import real_registry


@dataclass(frozen=True)
class Town:
    """A control plane with real nodes, and a namespace of a test."""

    cluster: ControlPlane
    nodes: RealNodes
    image: str
    namespace: str

    def apply(self, kind: str, name: str, version: str = "v1", **content: Any) -> None:
        """Have an object be so."""
        metadata = {"name": name, "namespace": self.namespace}
        obj = {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
        self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(obj))

    def deploy(self, replicas: int, **container: Any) -> None:
        """A Deployment ``web`` of witnesses and the Service of the same name."""
        labels = {"app": "web"}
        main = {
            "name": "main",
            "image": self.image,
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": HEALTHY,
            "securityContext": RESTRICTED,
            **container,
        }
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [main], "terminationGracePeriodSeconds": 5},
        }
        strategy = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
        selector = {"matchLabels": labels}
        spec = {"replicas": replicas, "selector": selector, "template": template, "strategy": strategy}
        self.apply("Deployment", "web", "apps/v1", spec=spec)
        ports = [{"name": "http", "port": 80, "targetPort": "http"}]
        self.apply("Service", "web", spec={"selector": labels, "ports": ports})

    def get(self, *what: str) -> Any:
        """Objects as kubectl shows them."""
        return json.loads(self.cluster.kubectl("get", "-n", self.namespace, "-o", "json", *what))

    @property
    def pods(self) -> list[Any]:
        """The pods of the namespace."""
        return list(self.get("pods")["items"])

    def wait(self, *what: str) -> None:
        """Wait as kubectl does."""
        self.cluster.kubectl("-n", self.namespace, *what, "--timeout=180s")

    def ask(self, path: str) -> Any:
        """Ask the Service; None if nobody answers."""
        address = self.get("service", "web")["spec"]["clusterIP"]
        got = curl(f"http://{address}{path}", self.cluster.enter)
        return got.json if got.status == 200 else None

    def asked(self, path: str) -> Any:
        """Ask the Service until somebody answers."""
        return until(lambda: self.ask(path), what=lambda: json.dumps(self.pods, indent=1))


@pytest.fixture(scope="module")
def town_of(
    cluster: ControlPlane, ground: Ground, layout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Town]]:
    host = str(cluster.addresses.host)
    folder = tmp_path_factory.mktemp("registry")
    shown = ground.authority.issue(folder, names=f"IP:{host}")
    with real_registry(folder, certificates=shown, host=host) as registry:
        registry.push(layout, "witness", "test/witness")
        image = f"{host}:{registry.port}/test/witness:witness"
        yield lambda namespace: Town(cluster, ground.nodes, image, namespace)


@pytest.fixture
def town(town_of: Callable[[str], Town], new_namespace: Callable[..., str]) -> Town:
    made = town_of(new_namespace(nodes=kinds_of_nodes.REAL))
    until(lambda: made.get("serviceaccounts")["items"], what=lambda: "the service account of the namespace")
    return made


def test_a_deployment_becomes_available_on_both_nodes_and_its_service_answers(town: Town) -> None:
    town.deploy(2)
    town.wait("rollout", "status", "deployment/web")
    assert {pod["spec"]["nodeName"] for pod in town.pods} == {"real-a", "real-b"}
    until(lambda: len({town.asked("/env")["HOSTNAME"] for _ in range(2)}) == 2, what=lambda: "both to answer")


def test_a_pod_finds_the_api_and_its_token_is_that_of_its_account(town: Town) -> None:
    town.deploy(1)
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert town.asked(f"/file{account}/namespace") == town.namespace
    assert "BEGIN CERTIFICATE" in town.asked(f"/file{account}/ca.crt")
    token = town.asked(f"/file{account}/token")
    who = json.loads(town.cluster.kubectl("auth", "whoami", f"--token={token}", "-o", "json"))
    assert who["status"]["userInfo"]["username"] == f"system:serviceaccount:{town.namespace}:default"
    api = town.asked("/env")["KUBERNETES_SERVICE_HOST"]
    assert town.asked("/host/kubernetes.default.svc")[1] == [api]
    assert "HTTP request to an HTTPS server" in town.asked(f"/fetch/{api}/443/version")


def test_a_volume_follows_its_config_map_within_seconds(town: Town) -> None:
    town.apply("ConfigMap", "settings", data={"colour": "blue"})
    town.cluster.kubectl("get", "-n", town.namespace, "configmap", "settings")
    town.deploy(1)
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    containers = [{"name": "main", "volumeMounts": [{"name": "settings", "mountPath": "/settings"}]}]
    patch = {"spec": {"template": {"spec": {"volumes": volumes, "containers": containers}}}}
    town.cluster.kubectl("-n", town.namespace, "patch", "deployment/web", "-p", json.dumps(patch))
    town.wait("rollout", "status", "deployment/web")
    town.apply("ConfigMap", "settings", data={"colour": "red"})
    until(lambda: town.ask("/file/settings/colour") == "red", what=lambda: "the new colour")


def test_a_rollout_leaves_no_moment_without_an_answer(town: Town) -> None:
    town.deploy(1, lifecycle={"preStop": {"sleep": {"seconds": 3}}})
    town.wait("rollout", "status", "deployment/web")
    before = town.asked("/env")["HOSTNAME"]
    town.deploy(1, lifecycle={"preStop": {"sleep": {"seconds": 3}}}, env=[{"name": "NEW", "value": "yes"}])
    answers: list[Any] = []

    def is_new() -> bool:
        answers.append(town.ask("/env"))
        return "NEW" in (answers[-1] or ())

    until(is_new, what=lambda: "the new pod")
    assert None not in answers
    until(lambda: len(town.pods) == 1, what=lambda: f"{before} to be gone")


def test_a_pod_whose_image_is_missing_says_so(town: Town) -> None:
    town.deploy(1, image=f"{town.image.rpartition(':')[0]}:nothing")

    def reason() -> str:
        statuses = [pod["status"].get("containerStatuses") or [{}] for pod in town.pods]
        return str([one[0].get("state", {}).get("waiting", {}).get("reason") for one in statuses])

    until(lambda: "ImagePullBackOff" in reason(), what=reason)


def test_a_deleted_pod_is_gone_and_followed_by_another(town: Town) -> None:
    town.deploy(1)
    town.wait("rollout", "status", "deployment/web")
    old = town.pods[0]["metadata"]["name"]
    town.cluster.kubectl("-n", town.namespace, "delete", "pod", old, "--timeout=180s")
    town.wait("rollout", "status", "deployment/web")
    assert old not in {pod["metadata"]["name"] for pod in town.pods}


def test_a_lost_node_takes_its_pods_out_of_the_service(town: Town) -> None:
    town.deploy(2)
    town.wait("rollout", "status", "deployment/web")
    lost, kept = sorted(town.pods, key=lambda pod: pod["spec"]["nodeName"] != "real-a")[:2]
    town.nodes.lose("real-a")
    try:
        address = lost["status"]["podIP"]

        def ready() -> list[str]:
            slices = town.get("endpointslices")["items"]
            found = [one for each in slices for one in each["endpoints"] or () if one["conditions"]["ready"]]
            return [one["addresses"][0] for one in found]

        until(lambda: address not in ready(), what=lambda: f"{address} to be out of {ready()}")
        assert {town.asked("/env")["HOSTNAME"] for _ in range(3)} == {kept["metadata"]["name"]}
    finally:
        town.nodes.find("real-a")
    town.wait("wait", "--for=condition=Available", "deployment/web")
    until(lambda: len(ready()) == 2, what=lambda: str(ready()))
