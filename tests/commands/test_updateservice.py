"""An UpdateService is made and looked at from the command line, against a simulated cluster."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands.conftest import Command, Done
from upgraph.cli.updateservice import pointing, waiting
from upgraph.errors.problems.operator import UPDATE_SERVICE_UNTRUSTED
from upgraph.kube.kinds import CLUSTER_VERSION, ROUTE
from upgraph.kube.objects import Key
from upgraph.operator.resource.definition import definition
from upgraph.operator.resource.update_service import UPDATE_SERVICE
from upgraph.testing.api_server import Fault, SimulatedApiServer
from upgraph.testing.update_services import NAMESPACE, SEED_SPEC, Example

KEY = Key(NAMESPACE, "service")
URI = "https://updates.apps.site.example"
ADDRESS = f"{URI}/api/upgrades_info/v1/graph"
PATCH = f"""oc patch clusterversion version --type=merge -p '{{"spec":{{"upstream":"{ADDRESS}"}}}}'"""
WISHES = ("--releases", SEED_SPEC["releases"], "--graph-data-image", SEED_SPEC["graphDataImage"])
GOOD = [
    {"type": "ReconcileCompleted", "status": "True", "reason": "Success"},
    {"type": "Available", "status": "True", "reason": "Answering", "message": f"{URI} answers."},
    {"type": "Degraded", "status": "False", "reason": "AsExpected"},
]
Upgraph = Callable[..., Awaitable[Done]]


@pytest.fixture
async def cluster(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SimulatedApiServer]:
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0.01)
    async with SimulatedApiServer() as running:
        running.state.kinds.append(UPDATE_SERVICE)
        running.state.put(
            CLUSTER_VERSION,
            {"metadata": {"name": "version"}, "spec": {"clusterID": "1", "channel": "stable-4.16"}},
        )
        yield running


@pytest.fixture
def updateservice(command: Command, cluster: SimulatedApiServer, tmp_path: Path) -> Upgraph:
    file = cluster.kubeconfig(tmp_path / "kubeconfig")

    async def run_line(*arguments: object) -> Done:
        return await asyncio.to_thread(command, "upgraph", "updateservice", *arguments, "--kubeconfig", file)

    return run_line


def put(cluster: SimulatedApiServer, *, name: str = "service", **status: Any) -> None:
    """What the operator has made of the resource."""
    found = Example("", name=name).object()
    found["metadata"]["generation"] = 1
    cluster.state.put(UPDATE_SERVICE, found | {"status": {"observedGeneration": 1, **status}})


async def operate(cluster: SimulatedApiServer, **status: Any) -> None:
    """Be the operator: as soon as there is a resource, say how it is."""
    made = asyncio.Event()
    cluster.state.listeners.add(made.set)
    await made.wait()
    put(cluster, **status)


async def test_what_would_be_made_is_printed_and_no_cluster_is_asked(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    done = await updateservice("create", "service", *WISHES, "--dry-run")
    assert done.code == 0
    assert yaml.safe_load(done.out) == Example("").object()
    assert cluster.requests == []


async def test_wishes_become_fields(updateservice: Upgraph) -> None:
    wishes = ["--host", "u.example", "--exposure", "HTTPRoute", "--gateway", "gateways/site", "--replicas", 3]
    wishes += ["--ca-configmap", "ca", "--pull-secret", "pull", "--keyring-secret", "keys"]
    wishes += ["--signatures", "https://signatures.example/"]
    wishes += ["--versions-configmap", "promoted", "--releases", "registry.example/more"]
    done = await updateservice("create", "service", *WISHES, *wishes, "-o", "json")
    assert done.json["spec"] == {
        **SEED_SPEC,
        "replicas": 3,
        "additionalReleases": ["registry.example/more"],
        "exposure": {
            "type": "HTTPRoute",
            "host": "u.example",
            "gateway": {"name": "site", "namespace": "gateways"},
        },
        "trust": {"configMap": "ca"},
        "credentials": {"secret": "pull"},
        "signatures": {
            "required": True,
            "keyringSecret": "keys",
            "source": "https://signatures.example/",
        },
        "versions": {"configMap": "promoted"},
    }


async def test_it_waits_until_it_answers_and_prints_the_patch(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    graph = {"releases": 1369, "updates": 5120}
    async with asyncio.TaskGroup() as group:
        group.create_task(operate(cluster, conditions=GOOD, policyEngineURI=URI, graph=graph))
        done = await updateservice("create", "service", *WISHES)
    assert done.code == 0
    assert done.out.splitlines() == [
        f"{ADDRESS} answers with 1,369 releases, 5,120 updates",
        "To point a cluster to it:",
        f"  {PATCH}",
    ]
    assert "UpdateService openshift-update-service/service was made" in done.err
    assert "Available is True (Answering): https://updates.apps.site.example answers." in done.err


async def test_what_holds_it_up_is_told_when_time_is_over(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    conditions = [
        {
            "type": "ReleasesReachable",
            "status": "False",
            "reason": "ReleasesUnreadable",
            "message": "x509: give a CA",
        },
        {"type": "Available", "status": "False", "reason": "NoReplicaReady", "message": "0 of 2"},
    ]
    async with asyncio.TaskGroup() as group:
        group.create_task(operate(cluster, conditions=conditions))
        done = await updateservice("create", "service", *WISHES, "--timeout", 2)
    assert done.code == 4
    assert "after 2 s ReleasesReachable is False (ReleasesUnreadable): x509: give a CA" in done.err
    assert "update-service-not-answering" in done.err


async def test_an_operator_that_is_not_there_is_told(updateservice: Upgraph) -> None:
    done = await updateservice("create", "service", *WISHES, "--timeout", 0.2)
    assert done.code == 4
    assert "after 0.2 s no operator has looked at it" in done.err


async def test_a_cluster_that_is_away_for_a_moment_is_waited_for(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    cluster.faults += [Fault(verb="get", plural="updateservices", status=503)] * 2
    async with asyncio.TaskGroup() as group:
        group.create_task(operate(cluster, conditions=GOOD, policyEngineURI=URI))
        done = await updateservice("create", "service", *WISHES)
    assert done.code == 0
    assert "503" in done.err


async def test_this_cluster_is_pointed_to_it(cluster: SimulatedApiServer, updateservice: Upgraph) -> None:
    put(cluster, conditions=GOOD, policyEngineURI=URI, servingCA={"trustedByCluster": True})
    first = await updateservice("create", "service", *WISHES, "--point-cluster")
    again = await updateservice("create", "service", *WISHES, "--point-cluster")
    assert "(before: the default of its installation)" in first.out
    assert f"ClusterVersion points to {ADDRESS} already" in again.out
    assert "warning" not in first.err
    spec = cluster.state.get(CLUSTER_VERSION, Key("", "version"))["spec"]
    assert spec == {"clusterID": "1", "channel": "stable-4.16", "upstream": ADDRESS}


async def test_a_cluster_is_not_pointed_to_what_it_does_not_trust(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    authority = {"subject": "CN=ingress", "trustedByCluster": False}
    put(cluster, conditions=GOOD, policyEngineURI=URI, servingCA=authority)
    done = await updateservice("create", "service", *WISHES, "--point-cluster")
    assert done.code == 2
    assert "a certificate by CN=ingress, which this cluster does not trust" in done.err
    assert "Its certificate is not in the status" in done.err
    assert "upstream" not in cluster.state.get(CLUSTER_VERSION, Key("", "version"))["spec"]


async def test_a_cluster_is_not_pointed_before_it_is_known_what_it_trusts(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    put(cluster, conditions=GOOD, policyEngineURI=URI)
    pointing = asyncio.ensure_future(updateservice("create", "service", *WISHES, "--point-cluster"))
    # It has seen several times that the service answers.
    seen = "get", UPDATE_SERVICE.plural
    while not pointing.done() and sum((one.verb, one.plural) == seen for one in cluster.requests) < 5:  # noqa: ASYNC110  # of another thread
        await asyncio.sleep(0.01)
    put(cluster, conditions=GOOD, policyEngineURI=URI, servingCA={"trustedByCluster": False})
    done = await pointing
    assert (done.code, "update-service-untrusted" in done.err) == (2, True)
    assert "upstream" not in cluster.state.get(CLUSTER_VERSION, Key("", "version"))["spec"]


async def test_a_cluster_that_never_says_what_it_trusts_is_pointed_with_a_warning(
    cluster: SimulatedApiServer, updateservice: Upgraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "JUDGING_SECONDS", 0.1)
    put(cluster, conditions=GOOD, policyEngineURI=URI)
    done = await updateservice("create", "service", *WISHES, "--point-cluster")
    assert done.code == 0
    assert "warning: it is not known whether this cluster trusts https" in done.err
    assert cluster.state.get(CLUSTER_VERSION, Key("", "version"))["spec"]["upstream"] == ADDRESS


@pytest.mark.parametrize(
    "remedy",
    [
        pytest.param(UPDATE_SERVICE_UNTRUSTED.remedy, id="catalogue"),
        pytest.param("Ask: oc get updateservice NAME -n NAMESPACE -o yaml.", id="other order"),
        pytest.param(
            "Ask: oc -n NAMESPACE get updateservice NAME -o yaml. Look: oc get ingress NAME-route.", id="more"
        ),
    ],
)
async def test_how_this_cluster_comes_to_trust_it_is_told_with_its_names(
    cluster: SimulatedApiServer, updateservice: Upgraph, monkeypatch: pytest.MonkeyPatch, remedy: str
) -> None:
    monkeypatch.setattr(
        pointing, "UPDATE_SERVICE_UNTRUSTED", replace(UPDATE_SERVICE_UNTRUSTED, remedy=remedy)
    )
    authority = {"subject": "CN=ingress", "trustedByCluster": False, "certificate": "PEM"}
    put(cluster, conditions=GOOD, policyEngineURI=URI, servingCA=authority)
    done = await updateservice("create", "service", *WISHES, "--point-cluster")
    told = " ".join(done.err.split())
    assert "-n openshift-update-service" in told
    assert "get updateservice service" in told
    assert "NAME" not in told


async def test_what_clusters_will_not_trust_is_a_warning_beside_the_patch(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    put(cluster, conditions=GOOD, policyEngineURI=URI, servingCA={"trustedByCluster": False})
    done = await updateservice("create", "service", *WISHES)
    assert done.code == 0
    assert done.err.count("warning: ") == 1


INSIDE = "http://service-policy-engine.openshift-update-service.svc"


async def test_a_cluster_is_not_pointed_to_an_address_that_only_pods_find(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    put(cluster, conditions=GOOD, policyEngineURI=INSIDE)
    done = await updateservice("create", "service", *WISHES, "--point-cluster")
    assert done.code == 2
    assert f"{INSIDE} is the address of a Service" in done.err
    assert "update-service-inside" in done.err
    assert "upstream" not in cluster.state.get(CLUSTER_VERSION, Key("", "version"))["spec"]


async def test_such_an_address_is_a_warning_beside_the_patch(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    put(cluster, conditions=GOOD, policyEngineURI=INSIDE)
    done = await updateservice("create", "service", *WISHES)
    assert done.code == 0
    assert done.err.count("warning: ") == 1
    assert "is the address of a Service" in done.err
    assert f'"upstream":"{INSIDE}/api/upgrades_info/v1/graph"' in done.out


async def test_who_asks_for_services_alone_and_to_be_pointed_there_gets_nothing_made(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    done = await updateservice("create", "service", *WISHES, "--exposure", "None", "--point-cluster")
    assert (done.code, cluster.requests) == (2, [])
    assert "update-service-inside" in done.err


async def test_only_openshift_can_be_pointed(cluster: SimulatedApiServer, updateservice: Upgraph) -> None:
    cluster.state.kinds.remove(CLUSTER_VERSION)
    put(cluster, conditions=GOOD, policyEngineURI=URI, servingCA={"trustedByCluster": True})
    done = await updateservice("create", "service", *WISHES, "--point-cluster")
    assert done.code == 2
    assert "cluster-version-missing" in done.err


async def test_what_is_there_and_the_same_is_waited_for(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    put(cluster, conditions=GOOD, policyEngineURI=URI)
    done = await updateservice("create", "service", *WISHES)
    assert done.code == 0
    assert "is there already" in done.err


async def test_defaults_that_are_written_out_are_no_difference(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    put(cluster)
    there = cluster.state.get(UPDATE_SERVICE, KEY)
    defaults = {"exposure": {"type": "Auto"}, "signatures": {"required": False}, "additionalReleases": []}
    cluster.state.put(UPDATE_SERVICE, there | {"spec": there["spec"] | defaults})
    done = await updateservice("create", "service", *WISHES, "--timeout", 0)
    assert done.code == 0, done.err


async def test_what_is_there_and_asks_for_something_else_stays(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    put(cluster)
    done = await updateservice("create", "service", *WISHES, "--replicas", 5)
    assert done.code == 2
    assert "is there, with replicas 2 instead of 5" in done.err
    assert cluster.state.get(UPDATE_SERVICE, KEY)["spec"]["replicas"] == 2


async def test_a_name_without_a_host_is_refused_where_there_are_routes(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    done = await updateservice("create", "a" * 33, *WISHES)
    assert done.code == 2
    assert "a name may have 32" in done.err
    assert cluster.state.all(UPDATE_SERVICE) == []


async def test_a_name_without_a_host_is_taken_where_there_are_none(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    cluster.state.kinds.remove(ROUTE)
    done = await updateservice("create", "a" * 33, *WISHES, "--timeout", 0)
    assert done.code == 0


async def test_without_a_cluster_such_a_name_is_a_warning(updateservice: Upgraph) -> None:
    done = await updateservice("create", "a" * 33, *WISHES, "--dry-run")
    assert done.code == 0
    assert "warning: where the cluster has Routes, it gets none" in done.err


async def test_a_cluster_without_the_resource_says_what_installs_it(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    cluster.state.kinds.remove(UPDATE_SERVICE)
    done = await updateservice("create", "service", *WISHES)
    assert done.code == 4
    assert "upgraph operator manifests --crd-only" in " ".join(done.err.split())


async def test_what_can_never_work_is_refused_before_a_cluster_is_asked(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    done = await updateservice(
        "create", "service", "--releases", "quay.io", "--graph-data-image", "registry.example/a"
    )
    assert done.code == 2
    assert "spec.releases: must be HOST/PATH" in done.err
    assert cluster.requests == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("Service",), "metadata.name: the name may have lower case", id="name"),
        pytest.param(("my.service",), "metadata.name: the name may have lower case", id="name with a dot"),
        pytest.param(("a" * 50,), "metadata.name: the name may have at most 49", id="long name"),
        pytest.param(
            ("service", "--namespace", "Updates"), "metadata.namespace: must be the name of", id="namespace"
        ),
        pytest.param(
            ("service", "--namespace", "a" * 64), "metadata.namespace: has 64 characters", id="long namespace"
        ),
        pytest.param(
            ("service", "--pull-secret", "Login"),
            "spec.credentials.secret: must be the name of an object",
            id="Secret",
        ),
        pytest.param(
            ("service", "--exposure", "HTTPRoute", "--host", "u.example", "--gateway", "a_b/c"),
            "spec.exposure.gateway.namespace: must be the name of a namespace",
            id="namespace of a gateway",
        ),
    ],
)
async def test_a_name_that_no_cluster_takes_is_refused_before_one_is_asked(
    cluster: SimulatedApiServer, updateservice: Upgraph, arguments: tuple[str, ...], said: str
) -> None:
    done = await updateservice("create", *arguments, *WISHES)
    assert (done.code, "update-service-invalid" in done.err) == (2, True)
    assert said in " ".join(done.err.split())
    assert cluster.requests == []


async def test_a_service_that_is_well_is_shown_in_one_line(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    put(cluster, conditions=GOOD, policyEngineURI=URI, readyReplicas=2, graph={"releases": 1369})
    done = await updateservice("status")
    assert done.code == 0
    line = done.out.strip().splitlines()[-1].split()
    assert line == ["service", "True", "False", "2/2", "1,369", ADDRESS]


async def test_the_age_of_the_last_refreshing_is_shown(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    refreshed = datetime.now(UTC) - timedelta(days=3, hours=1)
    put(cluster, conditions=GOOD, policyEngineURI=URI, graph={"refreshedAt": refreshed.isoformat()})
    done = await updateservice("status")
    heads, *_, line = (one.split() for one in done.out.strip().splitlines())
    assert (heads[-2], line[-2]) == ("REFRESHED", "3d1h")


async def test_what_is_wrong_is_shown_with_its_repair(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    wrong = {"type": "Degraded", "status": "True", "reason": "ReleasesUnreadable", "message": "Give a CA."}
    put(cluster, conditions=[*GOOD[:2], wrong], policyEngineURI=URI)
    done = await updateservice("status", "service")
    assert done.code == 3
    assert "service: Degraded is True (ReleasesUnreadable): Give a CA." in done.out


async def test_one_that_is_not_well_among_others_decides(
    cluster: SimulatedApiServer, updateservice: Upgraph
) -> None:
    put(cluster, conditions=GOOD, policyEngineURI=URI)
    put(cluster, name="another")
    done = await updateservice("status", "-o", "json")
    assert done.code == 3
    assert [(one["name"], one["healthy"]) for one in done.json] == [("another", False), ("service", True)]
    assert done.json[1]["address"] == ADDRESS


@pytest.mark.parametrize("form", ["table", "wide", "json", "yaml"])
async def test_every_form_shows_the_address(
    cluster: SimulatedApiServer, updateservice: Upgraph, form: str
) -> None:
    data = {"image": "a", "digest": "sha256:0123456789abcdef"}
    put(cluster, conditions=GOOD, policyEngineURI=URI, graphData=data)
    done = await updateservice("status", "-o", form)
    assert ADDRESS in done.out
    assert ("0123456789ab" in done.out) == (form != "table")


async def test_a_namespace_without_one_is_said(updateservice: Upgraph) -> None:
    done = await updateservice("status", "-n", "elsewhere")
    assert (done.code, done.out) == (0, "There is no UpdateService in the namespace elsewhere.\n")


async def test_one_that_is_not_there_is_an_error(updateservice: Upgraph) -> None:
    done = await updateservice("status", "absent")
    assert done.code == 4
    assert "kube-not-found" in done.err


def test_what_is_wrong_moves_no_cursor(command: Command) -> None:
    name = "a\x1b[2J"
    done = command("upgraph", "updateservice", "create", name, *WISHES, "--dry-run")
    assert done.code == 2
    assert "\x1b" not in done.err


def test_the_definition_is_that_of_the_resource_that_is_asked_for() -> None:
    assert definition()["spec"]["names"]["plural"] == UPDATE_SERVICE.plural
