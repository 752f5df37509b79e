"""The operator on a real API server, under exactly the rights that its installation gives it."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.cluster.audit import Request
from tools.cluster.control_plane import ControlPlane
from tools.cluster.operating import configure, install, start_operator
from tools.cluster.waiting import until as wait_until
from upgraph.operator.installation.parameters import OPERATOR

GROUP = "/apis/updateservice.operator.openshift.io/v1"
REST_SECONDS = 12.0
"""So long a cluster is watched in which nothing happens: two renewals of the Lease."""


@dataclass(frozen=True, slots=True)
class Site:
    """A namespace with the operator at work in it."""

    cluster: ControlPlane
    namespace: str

    def path(self, plural: str, name: str = "", *, group: str = "/api/v1") -> str:
        return f"{group}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def find(self, plural: str, name: str, *, group: str = "/api/v1") -> Any:
        return self.cluster.client.find(self.path(plural, name, group=group)) or {}

    def deployment(self, name: str = "service") -> Any:
        return self.find("deployments", name, group="/apis/apps/v1")

    def update_service(self, name: str = "service", **spec: object) -> None:
        usual = {
            "replicas": 2,
            "releases": "198.18.0.1:1/ocp/release",
            "graphDataImage": "198.18.0.1:1/openshift/graph-data@sha256:" + "2" * 64,
        }
        content = {
            "apiVersion": "updateservice.operator.openshift.io/v1",
            "kind": "UpdateService",
            "metadata": {"name": name},
            "spec": usual | spec,
        }
        self.cluster.client.create(self.path("updateservices", group=GROUP), content)

    def status(self, name: str = "service") -> Any:
        return self.find("updateservices", name, group=GROUP).get("status") or {}

    def condition(self, kind: str, name: str = "service") -> Any:
        listed = self.status(name).get("conditions") or []
        return next((one for one in listed if one["type"] == kind), {})

    def until(self, holds: Callable[[], object], what: str) -> None:
        self.cluster.wait(holds, what=what)

    def settled(self) -> None:
        """Have a service whose objects are all written."""
        self.update_service()
        self.until(lambda: self.status().get("policyEngineURI"), "an address")
        self.until(lambda: self.condition("ReconcileCompleted").get("reason") == "Success", "success")
        self.until(
            lambda: self.condition("GraphDataReady").get("status") == "False", "a registry that is asked"
        )

    def requests(self) -> list[Request]:
        return self.cluster.requests(self.namespace, OPERATOR)

    def start(self, name: str) -> None:
        """Start an operator in the network of the cluster."""
        start_operator(self.cluster, self.namespace, name, "--status-listen=127.0.0.1:0")


@pytest.fixture(scope="module")
def configured(cluster: ControlPlane) -> None:
    """The cluster as its administrator has configured it: authorities and logins of the registry."""
    authority = Path(cluster.plan.credentials.authority.certificate).read_text()
    configure(cluster, authority=authority, logins='{"auths":{}}')


@pytest.fixture
def site(cluster: ControlPlane, namespace: str, configured: None) -> Iterator[Site]:
    install(cluster, namespace)
    made = Site(cluster, namespace)
    name = f"operator-{secrets.token_hex(3)}"
    made.start(name)
    yield made
    cluster.stop(name)


def test_all_is_made_with_the_rights_of_the_installation(site: Site) -> None:
    site.settled()
    assert site.status()["policyEngineURI"] == f"https://service-route-{site.namespace}.apps.example"
    made = site.deployment()
    assert made["spec"]["replicas"] == 2
    managers = {(one["manager"], one["operation"]) for one in made["metadata"]["managedFields"]}
    assert ("upgraph-operator", "Apply") in managers
    assert [one for one in site.requests() if one.status == 403] == []


def test_at_rest_only_the_lease_is_renewed(site: Site) -> None:
    site.settled()
    time.sleep(2)
    before = len(site.requests())
    time.sleep(REST_SECONDS)
    asked = {one.resource for one in site.requests()[before:] if one.verb != "watch"}
    assert asked == {"leases.coordination.k8s.io"}


@pytest.fixture
def new_domain(cluster: ControlPlane) -> Iterator[Callable[[], None]]:
    """Gives the cluster another domain, below which new Routes get their hosts."""
    path = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies/route-host"
    before = cluster.client.get(path)["spec"]["mutations"]
    probe = {"metadata": {"name": "probe"}, "spec": {"to": {"kind": "Service", "name": "probe"}}}
    route: Any = {"apiVersion": "route.openshift.io/v1", "kind": "Route", **probe}

    def turn(mutations: Any, domain: str) -> None:
        cluster.client.patch(path, {"spec": {"mutations": mutations}})
        # Policies take effect with a delay.
        where = "/apis/route.openshift.io/v1/namespaces/default/routes?dryRun=All"
        cluster.wait(
            lambda: cluster.client.create(where, route)["spec"]["host"] == f"probe-default.{domain}",
            what="another domain",
        )

    expression = before[0]["jsonPatch"]["expression"].replace(".apps.example", ".apps.new.example")
    yield lambda: turn([before[0] | {"jsonPatch": {"expression": expression}}], "apps.new.example")
    turn(before, "apps.example")


def test_a_route_that_is_made_again_keeps_the_host_that_clusters_have(
    site: Site, new_domain: Callable[[], None]
) -> None:
    site.settled()
    published, routes = site.status()["policyEngineURI"], "/apis/route.openshift.io/v1"
    new_domain()
    before = site.find("routes", "service-route", group=routes)["metadata"]["uid"]
    site.cluster.client.delete(site.path("routes", "service-route", group=routes))
    site.until(
        lambda: (
            site.find("routes", "service-route", group=routes).get("metadata", {}).get("uid", before)
            != before
        ),
        "another Route",
    )
    made = site.find("routes", "service-route", group=routes)["spec"]
    assert (f"https://{made['host']}", site.status()["policyEngineURI"]) == (published, published)


def test_what_somebody_changes_is_put_back_and_what_he_adds_stays(site: Site) -> None:
    site.settled()
    path = site.path("deployments", "service", group="/apis/apps/v1")
    added = {"metadata": {"labels": {"team": "harbour"}}, "spec": {"replicas": 7}}
    site.cluster.client.patch(path, added)
    site.until(lambda: site.deployment()["spec"]["replicas"] == 2, "the number of replicas")
    assert site.deployment()["metadata"]["labels"]["team"] == "harbour"


def test_a_field_that_is_no_longer_asked_for_is_taken_away(site: Site) -> None:
    site.update_service(scheduling={"nodeSelector": {"zone": "a"}})
    site.until(site.deployment, "the Deployment")
    path = site.path("updateservices", "service", group=GROUP)
    site.cluster.client.patch(path, {"spec": {"scheduling": None}})
    site.until(
        lambda: "nodeSelector" not in site.deployment()["spec"]["template"]["spec"], "pods for any node"
    )


def test_what_the_definition_cannot_judge_is_told_in_the_words_of_the_api_server(site: Site) -> None:
    wrong = {"matchExpressions": [{"key": "zone", "operator": "Is", "values": ["a"]}]}
    terms = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [wrong]}}
    site.update_service(scheduling={"affinity": {"nodeAffinity": terms}})
    site.until(
        lambda: site.condition("ReconcileCompleted").get("reason") == "CreateDeploymentFailed",
        "a Deployment that is refused",
    )
    told = site.condition("ReconcileCompleted")["message"]
    assert "matchExpressions[0].operator" in told
    path = site.path("updateservices", "service", group=GROUP)
    site.cluster.client.patch(path, {"spec": {"scheduling": {"affinity": None}}})
    site.until(site.deployment, "the Deployment")


def test_a_name_that_leaves_no_host_is_told_in_the_words_that_people_search_for(site: Site) -> None:
    name = "n" * 45
    site.update_service(name)
    site.until(lambda: site.condition("ReconcileCompleted", name).get("status") == "False", "the refusal")
    told = site.condition("ReconcileCompleted", name)
    assert told["reason"] == "CreateRouteFailed"
    assert (
        "host must conform to DNS 1123 naming convention and must be no more than 63 characters"
        in told["message"]
    )


def test_pods_that_a_deployment_has_come_to_have_are_known_as_its_own(site: Site) -> None:
    site.update_service(scheduling={"nodeSelector": {"zone": "nowhere"}})
    site.until(
        lambda: "; pod service-" in site.condition("Available").get("message", ""), "what is wrong with pods"
    )
    assert "Unschedulable" in site.condition("Available")["message"]


def test_replicas_are_spread_and_the_only_one_does_not_hold_up_a_drain(site: Site) -> None:
    site.update_service()
    pods = site.path("pods") + "?labelSelector=deployment%3Dservice"

    def listed() -> Any:
        found = site.cluster.client.find(pods) or {}
        return [one for one in found.get("items", []) if one["status"].get("phase") == "Running"]

    def nodes() -> list[str]:
        return [one["spec"]["nodeName"] for one in listed()]

    site.until(lambda: len(nodes()) == 2, "two pods that run")
    zones = {
        site.cluster.client.get(f"/api/v1/nodes/{name}")["metadata"]["labels"]["topology.kubernetes.io/zone"]
        for name in nodes()
    }
    assert (len(set(nodes())), len(zones)) == (2, 2)
    path = site.path("updateservices", "service", group=GROUP)
    site.cluster.client.patch(path, {"spec": {"replicas": 1}})
    site.until(lambda: len(listed()) == 1, "one pod")

    def allows() -> Any:
        budget = site.find("poddisruptionbudgets", "service", group="/apis/policy/v1")
        known = budget["status"].get("observedGeneration") == budget["metadata"]["generation"]
        return known and budget["spec"]["minAvailable"] == 0 and budget["status"]["disruptionsAllowed"] == 1

    site.until(allows, "a budget that has seen it")
    only = listed()[0]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": only}}
    # As `kubectl drain` asks; where the budget forbids it the answer is 429.
    site.cluster.client.create(site.path("pods", only) + "/eviction", eviction)
    site.until(lambda: only not in {one["metadata"]["name"] for one in listed()}, "the eviction")


def test_an_api_server_that_comes_back_is_followed_on(site: Site) -> None:
    site.settled()
    before = site.deployment()["spec"]
    holder = site.find("leases", OPERATOR, group="/apis/coordination.k8s.io/v1")["spec"]["holderIdentity"]
    log = site.cluster.folder / "logs" / f"{holder.rpartition('_')[0]}.log"
    site.cluster.stop("kube-apiserver", seconds=0)
    wait_until(lambda: "[kube-unreachable]" in log.read_text(), what="a line in the log of the operator")
    site.cluster.start_api_server()
    assert site.deployment()["spec"] == before
    path = site.path("updateservices", "service", group=GROUP)
    site.cluster.client.patch(path, {"spec": {"replicas": 3}})
    site.until(lambda: site.deployment()["spec"]["replicas"] == 3, "the new number of replicas")


def test_of_two_operators_one_works_and_the_other_takes_over(site: Site) -> None:
    site.settled()
    holder = site.find("leases", OPERATOR, group="/apis/coordination.k8s.io/v1")["spec"]["holderIdentity"]
    other = f"operator-{secrets.token_hex(3)}"
    site.start(other)
    time.sleep(3)
    site.cluster.stop(holder.rpartition("_")[0], seconds=5)
    path = site.path("updateservices", "service", group=GROUP)
    site.cluster.client.patch(path, {"spec": {"replicas": 4}})
    site.until(lambda: site.deployment()["spec"]["replicas"] == 4, "the new number of replicas")
    site.start(holder.rpartition("_")[0])
    site.cluster.stop(other, seconds=5)
