"""What cannot be done is told in the words that people search for, and all else is done."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from upgraph.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    HTTP_ROUTE,
    INGRESS,
    NETWORK_POLICY,
    PROXY_CONFIG,
    ROUTE,
    SECRET,
    SERVICE,
)
from upgraph.kube.kinds import NAMESPACE as NAMESPACE_KIND
from upgraph.kube.objects import Kind, Object
from upgraph.operator.controller import Controller
from upgraph.operator.resource.standing import standing_of
from upgraph.operator.resource.update_service import parse_update_service
from upgraph.testing.api_server import Fault
from upgraph.testing.operated_cluster import NAMESPACE, OperatedCluster, put_image

Start = Callable[[], AbstractAsyncContextManager[Controller]]
PROXY = {"httpsProxy": "http://proxy.example:3128", "noProxy": "127.0.0.1,localhost"}


async def test_a_name_that_leaves_no_host_for_a_route(cluster: OperatedCluster, operator: Controller) -> None:
    name = "a-name-that-is-longer-than-a-route-can-have"
    put_image(cluster.registry, "latest", "/copier")
    cluster.trust_registry()
    cluster.update_service(name)
    await cluster.until(lambda: cluster.find(DEPLOYMENT, name))
    told = cluster.condition("ReconcileCompleted", name)
    assert (told["status"], told["reason"]) == ("False", "CreateRouteFailed")
    assert (
        "host must conform to DNS 1123 naming convention and must be no more than 63 characters"
        in told["message"]
    )
    assert "a name may have 32" in told["message"]
    assert not cluster.find(ROUTE, f"{name}-route")


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        ({"type": "Ingress", "host": "localhost"}, {"type": "Route"}, "CreateRouteFailed"),
        ({"type": "Route", "host": "localhost"}, {"type": "HTTPRoute"}, "ExposureUnavailable"),
    ],
)
async def test_the_way_to_what_runs_stays_while_another_one_cannot_be_made(
    cluster: OperatedCluster, operator: Controller, first: Object, then: Object, reason: str
) -> None:
    name = "a-name-that-is-longer-than-a-route-can-have"
    kind = {"Ingress": INGRESS, "Route": ROUTE}[first["type"]]
    put_image(cluster.registry, "latest", "/copier")
    cluster.trust_registry()
    cluster.update_service(name, exposure=first)
    await cluster.until(lambda: cluster.find(kind, f"{name}-route") and cluster.find(DEPLOYMENT, name))
    before = cluster.find(kind, f"{name}-route")["spec"]
    cluster.update_service(name, exposure=then, replicas=3)
    await cluster.until(lambda: cluster.condition("ReconcileCompleted", name)["reason"] == reason)
    await cluster.until(lambda: cluster.find(DEPLOYMENT, name)["spec"]["replicas"] == 3)
    assert cluster.find(kind, f"{name}-route").get("spec") == before
    # Whatever led there does so still, also past the routers of OpenShift.
    clients = cluster.find(NETWORK_POLICY, name)["spec"]["ingress"][0]
    assert "from" not in clients


async def test_a_way_that_serves_stays_while_too_little_is_said_for_it(
    cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.server.state.kinds = [kind for kind in cluster.server.state.kinds if kind != ROUTE]
    cluster.begin(exposure={"gateway": {"name": "edge"}, "host": "localhost"})
    await cluster.until(lambda: cluster.find(HTTP_ROUTE, "sample-route"))
    before = cluster.find(HTTP_ROUTE, "sample-route")
    cluster.update_service(exposure={"gateway": {"name": "edge"}})
    await cluster.until(
        lambda: cluster.condition("ReconcileCompleted").get("reason") == "ExposureUnavailable"
    )
    cluster.update_service(exposure={"gateway": {"name": "edge"}}, replicas=3)
    await cluster.until(lambda: cluster.status()["observedGeneration"] == 3)
    assert cluster.find(HTTP_ROUTE, "sample-route") == before


async def test_a_right_that_is_missing_is_told_and_the_rest_is_made(
    cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.server.forbidden.add(("patch", "networkpolicies"))
    cluster.begin()
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))
    await cluster.until(
        lambda: cluster.condition("ReconcileCompleted")["reason"] == "CreateNetworkPolicyFailed"
    )
    assert "is forbidden" in cluster.condition("ReconcileCompleted")["message"]


@pytest.mark.parametrize("plural", ["secrets", "configmaps", "images", "proxies"])
async def test_what_may_not_be_read_is_not_taken_for_absent(
    cluster: OperatedCluster, start: Start, plural: str
) -> None:
    cluster.put(PROXY_CONFIG, "cluster", status=PROXY)
    async with start():
        await cluster.settle()
    before = cluster.arguments(), cluster.owned(), cluster.writes()
    cluster.server.forbidden.add(("list", plural))
    async with start() as operator:
        await cluster.until(lambda: any(plural in fault.seen for fault in operator.world.faults))
        await asyncio.sleep(0.5)
        assert (cluster.arguments(), cluster.owned(), cluster.writes()) == before
        cluster.server.forbidden.clear()
        cluster.update_service(replicas=3)
        await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 3)
    assert (cluster.arguments(), cluster.owned()) == before[:2]


async def test_what_was_refused_for_a_moment_is_done_by_itself(
    cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.server.faults.append(Fault("patch", "networkpolicies", times=2, status=503))
    cluster.begin()
    await cluster.until(lambda: cluster.find(NETWORK_POLICY, "sample"))
    await cluster.until(lambda: cluster.condition("ReconcileCompleted")["reason"] == "Success")


async def test_a_lost_list_of_versions_starts_no_pods(cluster: OperatedCluster, operator: Controller) -> None:
    cluster.begin(versions={"configMap": "promoted", "key": "staging"})
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "VersionsNotFound")
    await cluster.until(lambda: cluster.find(SERVICE, "sample-policy-engine"))
    assert not cluster.find(DEPLOYMENT, "sample")
    cluster.put(CONFIG_MAP, "promoted", data={"staging": "4.18.1\n"})
    await cluster.until(lambda: "--promoted=/etc/upgraph/versions/versions" in cluster.arguments())
    assert cluster.find(CONFIG_MAP, "sample-versions")["data"] == {"versions": "4.18.1\n"}


@pytest.mark.parametrize(
    "wanted", [{"configMap": "promoted"}, {"allow": ["4.16.1"]}], ids=["lost", "written"]
)
async def test_pods_never_read_a_list_of_versions_that_somebody_else_has_put_there(
    cluster: OperatedCluster, operator: Controller, wanted: Object
) -> None:
    foreign = cluster.put(CONFIG_MAP, "sample-versions", data={"versions": "4.99.0\n"})
    cluster.begin(versions=wanted)
    await cluster.until(lambda: cluster.condition("GraphDataReady").get("reason") == "Resolved")
    assert cluster.condition("ReconcileCompleted")["message"].count("was not made for an UpdateService") == 1
    assert not cluster.find(DEPLOYMENT, "sample")
    assert cluster.find(CONFIG_MAP, "sample-versions") == foreign
    cluster.server.state.delete(CONFIG_MAP, cluster.key("sample-versions"))
    cluster.put(CONFIG_MAP, "promoted", data={"versions": "4.16.1\n"})
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))
    assert cluster.find(CONFIG_MAP, "sample-versions")["data"]["versions"] == "4.16.1\n"


@pytest.mark.parametrize(
    ("kind", "name"),
    [(SECRET, "sample-pull-secret"), (CONFIG_MAP, "sample-trusted-ca"), (CONFIG_MAP, "sample-cluster-ca")],
    ids=["logins", "authorities of registries", "authorities of the cluster"],
)
async def test_pods_never_read_what_somebody_else_has_put_in_the_place_of_a_copy(
    cluster: OperatedCluster, operator: Controller, kind: Kind, name: str
) -> None:
    cluster.put(PROXY_CONFIG, "cluster", spec={"trustedCA": {"name": "user-ca-bundle"}})
    cluster.put(kind, name, data={})
    cluster.begin()
    await cluster.until(lambda: cluster.condition("GraphDataReady").get("reason") == "Resolved")
    assert name in cluster.condition("ReconcileCompleted")["message"]
    assert not cluster.find(DEPLOYMENT, "sample")


async def test_a_lost_keyring_leaves_the_pods_as_they_are(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    pods = cluster.find(DEPLOYMENT, "sample")["spec"]
    cluster.update_service(
        signatures={"required": True, "keyringSecret": "keys", "source": "https://s.example"}
    )
    await cluster.until(lambda: cluster.condition("ReconcileCompleted")["reason"] == "KeyringNotFound")
    assert cluster.find(DEPLOYMENT, "sample")["spec"] == pods


async def test_several_replicas_get_no_claim_together(cluster: OperatedCluster, operator: Controller) -> None:
    cluster.begin(volume={"claimName": "state"})
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "VolumeShared")
    assert not cluster.find(DEPLOYMENT, "sample")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("releases", "no-path"),
        ("graphDataImage", "registry.example/data@sha256:short"),
        ("signatures", {"source": "https://signatures.example:99999/"}),
    ],
    ids=["releases", "graph data", "signatures"],
)
async def test_a_name_that_an_old_definition_let_in(
    cluster: OperatedCluster, operator: Controller, field: str, value: object
) -> None:
    cluster.begin(**{field: value})
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "InvalidSpec")
    told = cluster.condition("ReconcileCompleted")["message"]
    assert (value if isinstance(value, str) else f"spec.{field}.source") in told


async def test_an_object_of_another_form_is_told(cluster: OperatedCluster, operator: Controller) -> None:
    cluster.begin(replicas="many")
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "InvalidSpec")
    assert "spec.replicas" in cluster.condition("ReconcileCompleted")["message"]


async def test_a_fault_that_nobody_has_foreseen_is_told_and_passes(
    cluster: OperatedCluster, operator: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("upgraph.operator.controller.plan_of", lambda inputs: inputs.no_such_field)
        cluster.begin()
        await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "OperatorFault")
    assert "AttributeError" in cluster.condition("ReconcileCompleted")["message"]
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))


async def test_what_stops_the_operator_is_told_of_the_resource_as_it_is_now(
    cluster: OperatedCluster, operator: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.settle()
    monkeypatch.setattr("upgraph.operator.controller.plan_of", lambda inputs: inputs.no_such_field)
    cluster.update_service(replicas=3)
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "OperatorFault")
    standing = standing_of(parse_update_service(cluster.find(cluster.resource, "sample")))
    assert standing.is_current
    assert not standing.is_healthy
    assert standing.obstacles[0].reason == "OperatorFault"


async def test_a_namespace_that_ends_is_told_and_gets_nothing_new(
    cluster: OperatedCluster, operator: Controller
) -> None:
    ending = {"name": NAMESPACE, "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["kubernetes"]}
    cluster.server.state.put(NAMESPACE_KIND, {"apiVersion": "v1", "kind": "Namespace", "metadata": ending})
    cluster.begin()
    await cluster.until(lambda: "terminated" in cluster.condition("ReconcileCompleted").get("message", ""))
    assert not cluster.find(SERVICE, "sample-policy-engine")


async def test_a_definition_that_knows_less_of_the_status_is_not_written_to_for_ever(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    old = {key: value for key, value in cluster.status().items() if key in ("conditions", "policyEngineURI")}
    cluster.put(cluster.resource, "sample", status=old)
    await cluster.until(lambda: cluster.status().get("graphData"))
    before = cluster.writes()
    await asyncio.sleep(0.5)
    assert cluster.writes() == before
