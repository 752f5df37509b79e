"""Rows of the fault matrix: objects of somebody else, a namespace that ends, a definition of before."""

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster.faults.conftest import NAME, UPDATE_SERVICES, Site
from tools.cluster.operating import UPGRAPH
from upgraph.operator.controller import Controller
from upgraph.operator.resource.definition import CRD_NAME, definition

DEFINITION = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD_NAME}"
SPEC_OF_THE_REFERENCE = ("replicas", "releases", "graphDataImage")
STATUS_OF_THE_REFERENCE = ("conditions", "policyEngineURI")
CONDITION_OF_THE_REFERENCE = (
    "type",
    "status",
    "reason",
    "message",
    "lastTransitionTime",
    "lastHeartbeatTime",
)
MOST_REFUSED = 100
"""Requests of an operator that may do nothing any more."""


def of_the_reference() -> Any:
    """The definition with the fields of the reference operator and no rules, beside the names of objects in the namespace."""
    made = definition()
    schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema.pop("x-kubernetes-validations", None)
    spec, status = (schema["properties"][part] for part in ("spec", "status"))
    spec.pop("x-kubernetes-validations", None)
    # Tests trust a registry of their own, so these two have to stay.
    keep(spec, (*SPEC_OF_THE_REFERENCE, "trust", "credentials"))
    keep(status, STATUS_OF_THE_REFERENCE)
    keep(status["properties"]["conditions"]["items"], CONDITION_OF_THE_REFERENCE)
    return made


def keep(schema: Any, names: tuple[str, ...]) -> None:
    schema["properties"] = {name: one for name, one in schema["properties"].items() if name in names}


def redefine(site: Site, wanted: Any) -> None:
    """Put another definition in the place of that of the resource."""
    wanted["metadata"]["resourceVersion"] = site.cluster.client.get(DEFINITION)["metadata"]["resourceVersion"]
    site.cluster.kubectl("replace", "-f", "-", stdin=json.dumps(wanted))


def mend(site: Site) -> None:
    """Do what the condition says."""
    told = site.condition("Degraded")["message"]
    assert (
        "upgraph operator manifests --crd-only | kubectl apply --server-side --force-conflicts -f -" in told
    )
    command = [str(UPGRAPH), "operator", "manifests", "--crd-only"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    site.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=made)


@pytest.fixture
def old_definition(site: Site) -> Iterator[None]:
    """A cluster on which the reference operator was."""
    redefine(site, of_the_reference())
    yield
    redefine(site, definition())


async def test_a_definition_is_older_than_the_operator(
    site: Site, operator: Controller, old_definition: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upgraph.operator.reporting.writing.AGAIN_SECONDS", 2.0)
    monkeypatch.setattr("upgraph.operator.controller.AGAIN_SECONDS", 2.0)
    before = await site.settled()
    await site.degraded("[definition-old]")
    assert "graphData" not in site.status
    mend(site)
    await site.until(lambda: site.status.get("graphData"), "the whole status")
    await site.until(lambda: "definition-old" not in site.condition("Degraded")["message"], "its end")
    assert site.serving() == before


async def test_an_object_belongs_to_somebody_else(site: Site, operator: Controller) -> None:
    client = site.cluster.client
    owner = client.create(site.path("configmaps"), {"metadata": {"name": "shop"}})["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "shop", "uid": owner["uid"]}
    name = f"{NAME}-siblings"
    metadata = {"name": name, "ownerReferences": [reference | {"controller": True}]}
    theirs = client.create(site.path("services"), {"metadata": metadata, "spec": {"ports": [{"port": 1}]}})
    site.update_service()
    await site.told("ReconcileCompleted", "False", "ObjectOfAnother", name, "ConfigMap shop")
    assert site.find("services", name)["spec"] == theirs["spec"]
    client.delete(site.path("services", name))
    await site.told("ReconcileCompleted", "True", "Success")
    assert site.find("services", name)["metadata"]["ownerReferences"][0]["kind"] == "UpdateService"


async def test_a_namespace_ends(site: Site, operator: Controller, needs: Callable[[str], None]) -> None:
    needs("kube-controller-manager")
    await site.settled()
    place = f"/api/v1/namespaces/{site.namespace}"
    keeps = {"metadata": {"name": "kept", "finalizers": ["example.com/held"]}}
    site.cluster.client.create(site.path("configmaps"), keeps)
    site.cluster.client.delete(place)
    await site.until(lambda: left(site) == ["kept"], "the end of what can end")
    site.cluster.client.patch(site.path("configmaps", "kept"), {"metadata": {"finalizers": None}})
    await site.until(lambda: not site.cluster.client.find(place), "the end of the namespace")
    refused = [one for one in site.requests() if one.status == 403]
    assert len(refused) < MOST_REFUSED
    # The namespace is deleted once more when the test is over.
    site.cluster.client.create("/api/v1/namespaces", {"metadata": {"name": site.namespace}})


async def test_a_service_is_deleted(site: Site, operator: Controller, needs: Callable[[str], None]) -> None:
    needs("kube-controller-manager")
    await site.settled()
    site.cluster.client.delete(site.path("updateservices", NAME, group=UPDATE_SERVICES))
    await site.until(lambda: left(site) == [], "the end of everything")


def left(site: Site) -> list[str]:
    """What is in the namespace that neither the installation nor the cluster has put there."""
    kinds = "deployments,replicasets,services,configmaps,secrets,networkpolicies,poddisruptionbudgets,routes"
    listed = site.cluster.kubectl(
        "get", f"{kinds},pods,endpointslices,updateservices", "-n", site.namespace, "-o", "json"
    )
    names = {one["metadata"]["name"] for one in json.loads(listed)["items"]}
    return sorted(names - {"kube-root-ca.crt", "authorities", "logins", "shop"})
