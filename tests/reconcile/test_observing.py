"""The status says what really runs: what the replicas say of themselves, and whether the address answers."""

import asyncio
import base64
import ssl
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path

import pytest

from upgraph.kube.kinds import CONFIG_MAP, EVENT, POD, ROUTE, SECRET
from upgraph.kube.objects import Key
from upgraph.operator.controller import Controller
from upgraph.operator.observing import statuses
from upgraph.operator.observing.pods import PodAddress
from upgraph.operator.observing.private_files import AccessPool
from upgraph.operator.observing.replicas import ServiceWish, look_at
from upgraph.operator.observing.statuses import MAX_ASKED
from upgraph.testing.certificates import Authority, Certificates, make_authority
from upgraph.testing.operated_cluster import NAMESPACE, WAIT_SECONDS, OperatedCluster, of_deployment
from upgraph.testing.simulated_replica import POD_ADDRESS, SimulatedReplica


def _counted(
    context: ssl.SSLContext, asked: list[str], name: str, method: Callable[..., object], **arguments: object
) -> object:
    asked.append(name)
    return method(context, **arguments)


async def test_a_service_is_available_when_its_address_answers(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    told = cluster.condition("Available")["message"]
    assert told == f"https://{replica.host} answers with a graph of 91 releases and 7 updates."
    assert cluster.status()["graph"]["releases"] == 91
    await cluster.until(lambda: cluster.condition("ReleasesReachable")["reason"] == "Reachable")


async def test_a_usual_start_raises_no_alarm(
    cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    told = {one["reason"] for one in cluster.server.state.all(EVENT)}
    assert told & {"StatusUnreadable", "AddressNotAnswering"} == set()


async def test_a_second_look_takes_no_certificate_apart(
    replica: SimulatedReplica, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in ("load_verify_locations", "get_ca_certs"):
        counted = partialmethod(_counted, asked, name, getattr(ssl.SSLContext, name))
        monkeypatch.setattr(ssl.SSLContext, name, counted)
    known = authority.certificate.read_text()
    wish = ServiceWish((PodAddress(POD_ADDRESS, "a"),), f"https://{replica.host}", other_authorities=(known,))
    with AccessPool() as pool:
        first = await look_at(pool, wish, None)
        assert asked
        asked.clear()
        assert await look_at(pool, wish, first) == first
    assert first.is_settled
    assert asked == []


async def test_the_address_is_asked_while_replicas_are_silent(
    replica: SimulatedReplica, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("STATUS_SECONDS", "ALL_SECONDS"):
        monkeypatch.setattr(statuses, limit, WAIT_SECONDS)
    replica.waits_for = replica.asked
    known = authority.certificate.read_text()
    wish = ServiceWish((PodAddress(POD_ADDRESS, "a"),), f"https://{replica.host}", other_authorities=(known,))
    with AccessPool() as pool:
        seen = await look_at(pool, wish, None)
    assert seen.is_settled


async def test_silent_replicas_take_no_longer_when_they_are_many(
    replica: SimulatedReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statuses, "STATUS_SECONDS", WAIT_SECONDS)
    monkeypatch.setattr(statuses, "ALL_SECONDS", 0.2)
    replica.waits_for = asyncio.Event()
    names = [f"pod-{one}" for one in range(MAX_ASKED)]
    seen = await statuses.ask_all([PodAddress(POD_ADDRESS, name) for name in names])
    replica.waits_for.set()
    assert seen.unanswered == set(names)
    assert "that there are for all replicas" in seen.fault


async def test_an_address_that_does_not_answer_makes_the_service_unavailable(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    replica.answer = 503
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("reason") == "AddressNotAnswering")
    assert "status 503" in cluster.condition("Available")["message"]
    replica.answer = 200
    await cluster.until(lambda: cluster.condition("Available")["status"] == "True")


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b"<html>welcome</html>", "the answer is no update graph."),
        (200, b'{"nodes": []}', "the answer is no update graph."),
        (404, b"the keys of the kingdom", "status 404."),
        (403, b'{"kind": "Status", "message": "keys"}', "status 403."),
        (
            400,
            b'{"kind": "missing_params", "value": "no channel"}',
            "status 400: missing_params: no channel.",
        ),
        (500, b'{"kind": ' + b"[" * 5000, "status 500."),
    ],
    ids=["a page", "half a graph", "another server", "an API server", "an update service", "a deep answer"],
)
@pytest.mark.usefixtures("quick", "operator")
async def test_only_what_an_update_service_says_is_repeated(
    cluster: OperatedCluster, replica: SimulatedReplica, status: int, body: bytes, told: str
) -> None:
    replica.answer, replica.body = status, body
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("reason") == "AddressNotAnswering")
    assert f"channel=upgraph-operator: {told} " in cluster.condition("Available")["message"]


@pytest.mark.usefixtures("quick", "operator")
async def test_a_route_goes_when_the_ingress_in_its_place_answers(
    cluster: OperatedCluster, replica: SimulatedReplica
) -> None:
    cluster.begin()
    await cluster.until(lambda: cluster.find(ROUTE, "sample-route"))
    cluster.admit("127.0.0.1")
    await cluster.until(lambda: cluster.status().get("policyEngineURI") == "https://127.0.0.1")
    replica.answer = 503
    cluster.update_service(exposure={"type": "Ingress", "host": replica.host, "tlsSecret": "shown"})
    waits = "until the Ingress leads to the service, what was there stays: the Route sample-route"
    await cluster.until(lambda: waits in cluster.condition("Degraded").get("message", ""))
    replica.answer = 200
    await cluster.until(lambda: cluster.status()["policyEngineURI"] == f"https://{replica.host}")
    await cluster.until(lambda: not cluster.find(ROUTE, "sample-route"))


async def test_a_registry_of_releases_that_fails_is_told_with_the_repair_of_the_service(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    fault = {"reference": "registry-untrusted", "seen": "self-signed certificate", "since": 1}
    source = {"kind": "releases", "name": "docker://registry.example/ocp", "fault": fault}
    replica.graph(sources=[source], problems={"registry-untrusted": {"remedy": "Give the authority."}})
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("ReleasesReachable").get("status") == "False")
    told = cluster.condition("ReleasesReachable")["message"]
    assert (
        "docker://registry.example/ocp: self-signed certificate. Put the certificate of the authority into the ConfigMap of spec.trust"
        in told
    )
    assert cluster.condition("Degraded")["status"] == "True"


async def test_what_is_left_out_is_told(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    source = {"kind": "releases", "name": "docker://registry.example/ocp", "left_out": 1}
    detail = {"severity": "error", "reference": "a-b", "seen": "no metadata", "file": "4.18.1-x86_64"}
    replica.graph(sources=[source], details=[detail])
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("ReleasesReachable").get("reason") == "SomeLeftOut")
    assert "4.18.1-x86_64: no metadata" in cluster.condition("ReleasesReachable")["message"]
    assert cluster.status()["graph"]["leftOut"] == 1


async def test_another_graph_of_the_same_size_is_told(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.status().get("graph", {}).get("digest") == "1")
    replica.graph(graph={"digest": "2", "releases": 91, "refreshed_at": 0, "edges_by_arch": {"amd64": 7}})
    await cluster.until(lambda: cluster.status()["graph"]["digest"] == "2")


async def test_a_graph_that_is_not_renewed_is_told(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    graph = {"digest": "1", "releases": 91, "refreshed_at": 1_000_000_000}
    replica.graph(graph=graph)
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Degraded").get("reason") == "GraphOld")
    assert "2001-09-09T01:46:40Z" in cluster.condition("Degraded")["message"]


async def test_an_authority_that_the_cluster_does_not_trust_is_told_and_given(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica, tmp_path: Path
) -> None:

    other = make_authority(tmp_path, name="Another Root").certificate.read_text()
    own = cluster.authority.certificate.read_text()

    cluster.put(
        CONFIG_MAP, Key("openshift-config-managed", "default-ingress-cert"), data={"ca-bundle.crt": own}
    )
    await cluster.begin_with(replica)
    cluster.edit(CONFIG_MAP, "sample-cluster-ca", data={"ca-bundle.crt": other})
    await cluster.until(lambda: cluster.status().get("servingCA", {}).get("trustedByCluster") is False)
    assert cluster.status()["servingCA"]["certificate"].split() == own.split()
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "ServingCAUntrusted")
    assert "user-ca-bundle" in cluster.condition("Degraded")["message"]
    cluster.edit(CONFIG_MAP, "sample-cluster-ca", data={"ca-bundle.crt": other + own})
    await cluster.until(lambda: cluster.status()["servingCA"]["trustedByCluster"] is True)


async def test_an_authority_that_comes_with_the_certificate_is_given(
    quick: None,
    cluster: OperatedCluster,
    operator: Controller,
    replica: SimulatedReplica,
    certificates: Certificates,
) -> None:
    own = cluster.authority.certificate
    files = {"tls.crt": certificates.certificate, "tls.key": certificates.key, "ca.crt": own}
    data = {name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()}
    cluster.put(SECRET, "shown", type="kubernetes.io/tls", data=data)
    await cluster.begin_with(replica, exposure={"tlsSecret": "shown"})
    await cluster.until(lambda: cluster.status().get("servingCA", {}).get("certificate"))
    assert cluster.status()["servingCA"]["certificate"].split() == own.read_text().split()


async def test_an_image_that_cannot_be_pulled_is_told_in_the_words_of_the_kubelet(
    quick: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}}
    status = {"initContainerStatuses": [{"name": "graph-data", "state": waiting}]}
    pod = {"name": "sample-pod", "namespace": NAMESPACE} | of_deployment("sample")
    cluster.server.state.put(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": pod, "status": status})
    await cluster.until(lambda: cluster.condition("GraphDataReady")["reason"] == "GraphDataContainerFailed")
    assert "ImagePullBackOff: Back-off pulling image" in cluster.condition("Available")["message"]
    assert cluster.condition("Degraded")["status"] == "True"


async def test_a_replica_on_a_node_that_is_lost_is_told_and_is_no_outage(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    # As the cluster leaves a pod of which nobody hears: the kubelet was the last to speak of its containers.
    said = [{"type": "ContainersReady", "status": "True"}, {"type": "Ready", "status": "False"}]
    pod = {"name": "sample-lost", "namespace": NAMESPACE} | of_deployment("sample")
    lost = {"apiVersion": "v1", "kind": "Pod", "metadata": pod, "spec": {"nodeName": "node-7"}}
    cluster.server.state.put(POD, lost | {"status": {"conditions": said}})
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "NodeLost")
    assert "the node node-7 does not answer" in cluster.condition("Degraded")["message"]
    assert cluster.condition("Available")["status"] == "True"


async def test_nothing_is_written_while_a_service_runs_as_it_should(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    await asyncio.sleep(1)
    before = cluster.asked()
    await asyncio.sleep(1.5)
    assert cluster.asked() - before == {}
