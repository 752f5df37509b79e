"""From what a cluster has to objects, for the fields that name something in it: keyrings, claims; and what Routes are told."""

import base64
from typing import Any

import pytest

from tests.reconcile.test_desired import DIGEST, GOLDEN, OPENSHIFT, OPERAND
from tools.golden import difference
from upgraph.cli.serve import serve
from upgraph.kube.kinds import CONFIG_MAP, SECRET
from upgraph.kube.objects import Kind, Object
from upgraph.operator.desired import plan_of
from upgraph.operator.inputs.gathering import Surroundings, gather
from upgraph.operator.inputs.own import MANAGED_BY
from upgraph.operator.inputs.values import GraphDataImage, Inputs, Platform
from upgraph.operator.installation.manifests import as_yaml
from upgraph.operator.resource.update_service import parse_update_service

NAMESPACE = "openshift-update-service"
KEYS = {"first.asc": "-----BEGIN PGP PUBLIC KEY BLOCK-----\nfirst\n"}
BINARY = {"second.gpg": base64.b64encode(b"\x99\x01second").decode()}
SOURCE = "docker://registry.example:5000/ocp/signatures:latest"
EXPOSED = {"annotations": {"haproxy.router.openshift.io/timeout": "5s"}}


class Known(dict[tuple[Kind, str, str], Object]):
    """A cluster with these objects and no others."""

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self.get((kind, namespace, name))


def keyrings(kind: Kind, **content: object) -> Known:
    return Known({(kind, NAMESPACE, "keys"): {"metadata": {"name": "keys"}, **content}})


def gathered(view: Known, platform: Platform = OPENSHIFT, **spec: Any) -> Inputs:
    usual = {
        "replicas": 1,
        "releases": "registry.example:5000/ocp/release",
        "graphDataImage": "registry.example:5000/openshift/graph-data:latest",
    }
    metadata = {"name": "service", "namespace": NAMESPACE, "uid": "7"}
    service = parse_update_service({"metadata": metadata, "spec": usual | spec})
    return gather(service, view, Surroundings(operand=OPERAND, platform=platform), GraphDataImage(DIGEST))


def made(inputs: Inputs, kind: str) -> Object:
    return next(one for one in plan_of(inputs).objects if one["kind"] == kind)


def pods(inputs: Inputs) -> Object:
    template: Object = made(inputs, "Deployment")["spec"]["template"]
    return template


def signed(**wanted: object) -> dict[str, Any]:
    return {"signatures": {"required": True, "source": SOURCE, **wanted}}


KEPT = gathered(
    keyrings(CONFIG_MAP, data=KEYS, binaryData=BINARY),
    **signed(keyringConfigMap="keys", policy="cluster"),
    volume={"claimName": "state"},
    exposure=EXPOSED,
)


def test_what_an_update_service_with_keyrings_and_a_claim_becomes() -> None:
    assert difference(GOLDEN / "kept.yaml", as_yaml(plan_of(KEPT).objects)) == ""


@pytest.mark.parametrize(
    ("kind", "field", "source", "content"),
    [
        pytest.param(CONFIG_MAP, "keyringConfigMap", "configMap", {"data": KEYS}, id="ConfigMap"),
        pytest.param(CONFIG_MAP, "keyringConfigMap", "configMap", {"binaryData": BINARY}, id="binary"),
        pytest.param(SECRET, "keyringSecret", "secret", {"data": BINARY}, id="Secret"),
    ],
)
def test_keyrings_are_mounted_from_where_they_are_and_asked_for(
    kind: Kind, field: str, source: str, content: Any
) -> None:
    (keys,) = content.values()
    found = pods(gathered(keyrings(kind, **content), **signed(**{field: "keys"})))
    (volume,) = (one for one in found["spec"]["volumes"] if one["name"] == "keyrings")
    assert [item["key"] for item in volume[source]["items"]] == sorted(keys)
    assert "keys" in volume[source].values()
    (container,) = found["spec"]["containers"]
    (mount,) = (one for one in container["volumeMounts"] if one["name"] == "keyrings")
    assert mount["readOnly"] is True
    asked = serve.make_context("serve", container["args"][1:]).params
    assert asked["require_signatures"] == tuple(f"{mount['mountPath']}/{key}" for key in sorted(keys))
    assert (asked["signatures"], asked["signature_policy"]) == (SOURCE, "strict")


@pytest.mark.parametrize(
    "other",
    [{"data": {"first.asc": "another"}}, {"data": KEYS | {"second.asc": "another"}}, {"binaryData": BINARY}],
    ids=["another key", "a second one", "another in binary"],
)
def test_other_keys_are_other_pods(other: Any) -> None:
    wanted = signed(keyringConfigMap="keys")
    before = gathered(keyrings(CONFIG_MAP, data=KEYS), **wanted)
    same = gathered(keyrings(CONFIG_MAP, data=dict(KEYS), metadata={"labels": {"a": "b"}}), **wanted)
    assert pods(before) == pods(same)
    assert pods(before) != pods(gathered(keyrings(CONFIG_MAP, **other), **wanted))


def test_one_pod_lets_go_of_a_claim_before_the_next_one_takes_it() -> None:
    spec = made(KEPT, "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]["rollingUpdate"]) == (1, {"maxUnavailable": 1, "maxSurge": 0})
    (volume,) = (one for one in spec["template"]["spec"]["volumes"] if one["name"] == "state")
    assert volume["persistentVolumeClaim"] == {"claimName": "state"}


WAYS = [
    ("Route", {}),
    ("Ingress", {"host": "updates.example"}),
    ("HTTPRoute", {"host": "updates.example", "gateway": {"name": "edge"}}),
]


@pytest.mark.parametrize(("kind", "exposure"), WAYS)
def test_what_exposes_the_service_has_the_annotations_that_are_asked_for(kind: str, exposure: Any) -> None:
    platform = Platform(routes=kind == "Route", http_routes=True)
    plain = made(gathered(Known(), platform, exposure=exposure), kind)["metadata"]["annotations"]
    found = made(gathered(Known(), platform, exposure=exposure | EXPOSED), kind)["metadata"]["annotations"]
    changed = {name for name in found if found[name] != plain.get(name)}
    assert EXPOSED["annotations"].items() <= found.items()
    assert changed == {*EXPOSED["annotations"], "updateservice.operator.openshift.io/applied"}


@pytest.mark.parametrize(
    "given", [{"shard": "internal"}, {"app": "another", MANAGED_BY: "me", "shard": "internal"}]
)
@pytest.mark.parametrize(("kind", "exposure"), WAYS)
def test_what_exposes_the_service_has_the_labels_that_are_asked_for_beside_its_own(
    kind: str, exposure: Any, given: Any
) -> None:
    platform = Platform(routes=kind == "Route", http_routes=True)
    own = made(gathered(Known(), platform, exposure=exposure), kind)["metadata"]["labels"]
    found = made(gathered(Known(), platform, exposure=exposure | {"labels": given}), kind)["metadata"][
        "labels"
    ]
    # An object of an older definition may ask for what is refused now.
    assert found == own | {"shard": "internal"}


def test_labels_are_of_what_exposes_the_service_alone() -> None:
    plan = plan_of(gathered(Known(), exposure={"labels": {"shard": "internal"}}))
    assert [one["kind"] for one in plan.objects if "shard" in one["metadata"]["labels"]] == ["Route"]
