"""A real API server takes what installs the operator, judges UpdateServices as we do, and holds the operator to its rights."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.cluster.control_plane import ControlPlane
from upgraph.cli.main import run, upgraph
from upgraph.errors import RemoteError
from upgraph.kube import find_cluster
from upgraph.kube.api import RefusedError, Scope
from upgraph.kube.client import KubernetesApi, open_api
from upgraph.kube.kinds import (
    CLUSTER_VERSION,
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    IMAGE_CONFIG,
    LEASE,
    POD,
    PROXY_CONFIG,
    ROLE,
    ROUTE,
    SECRET,
    SERVICE,
)
from upgraph.kube.objects import Key, Kind, Object
from upgraph.operator.installation.manifests import as_yaml, manifests
from upgraph.operator.installation.parameters import OPERATOR, Installation
from upgraph.operator.resource.definition import CRD_NAME, definition
from upgraph.operator.resource.update_service import UPDATE_SERVICE, parse_update_service
from upgraph.testing.misshapen_update_services import AMOUNTS, IMAGES, VALUES, WELL_SHAPED
from upgraph.testing.update_services import ACCEPTED, OUT_OF_BOUNDS, REFUSED, SEED_STATUS, Example, Refused

NAMESPACE = "test-installation"
INSTALLATION = Installation(image="registry.example:5000/upgraph/upgraph:0.1.0", namespace=NAMESPACE)
SEED = """\
apiVersion: updateservice.operator.openshift.io/v1
kind: UpdateService
metadata:
  name: service
spec:
  replicas: 2
  releases: registry.example.com/ocp4/openshift4-release-images
  graphDataImage: registry.example.com/openshift/graph-data:latest
"""
READABLE = [
    pytest.param(SECRET, Scope("openshift-config", name="pull-secret"), id="the pull secret"),
    pytest.param(CONFIG_MAP, Scope("openshift-config", name="registry-ca"), id="the authorities"),
    pytest.param(
        CONFIG_MAP, Scope("openshift-config-managed", name="default-ingress-cert"), id="the ingress"
    ),
    pytest.param(IMAGE_CONFIG, Scope(name="cluster"), id="the configuration of images"),
    pytest.param(PROXY_CONFIG, Scope(name="cluster"), id="the proxy"),
    pytest.param(SECRET, Scope(NAMESPACE), id="its secrets"),
    pytest.param(POD, Scope(NAMESPACE), id="its pods"),
    pytest.param(UPDATE_SERVICE, Scope(NAMESPACE), id="its resources"),
    pytest.param(ROUTE, Scope(NAMESPACE), id="its routes"),
]
UNREADABLE = [
    pytest.param(SECRET, Scope(), id="all secrets"),
    pytest.param(SECRET, Scope("openshift-config"), id="all secrets of the configuration"),
    pytest.param(SECRET, Scope("openshift-config", name="htpasswd"), id="another secret"),
    pytest.param(SECRET, Scope("kube-system"), id="secrets of another namespace"),
    pytest.param(CONFIG_MAP, Scope("openshift-config"), id="all of the configuration"),
    pytest.param(CONFIG_MAP, Scope("openshift-config", name="admin-acks"), id="another of the configuration"),
    pytest.param(IMAGE_CONFIG, Scope(), id="configurations of any name"),
    pytest.param(CLUSTER_VERSION, Scope(name="version"), id="the version of the cluster"),
    pytest.param(UPDATE_SERVICE, Scope(), id="resources of all namespaces"),
    pytest.param(ROLE, Scope(NAMESPACE), id="roles"),
]


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: ControlPlane) -> Iterator[None]:
    made = manifests(INSTALLATION)
    cluster.kubectl("apply", "--server-side", "--filename=-", stdin=as_yaml(made))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{CRD_NAME}")
    yield
    # The definition is that of other tests as well.
    mine = [one for one in made if one["kind"] != CUSTOM_RESOURCE_DEFINITION.kind]
    cluster.kubectl("delete", "--wait=false", "--filename=-", stdin=as_yaml(mine))


@pytest.fixture
async def admin(cluster: ControlPlane) -> AsyncIterator[KubernetesApi]:
    address = find_cluster({}, kubeconfig=cluster.kubeconfig)
    async with open_api(address, manager="admin", kinds=[UPDATE_SERVICE]) as api:
        yield api


@pytest.fixture(scope="module")
def account(cluster: ControlPlane) -> Path:
    """A kubeconfig with the rights of the operator."""
    file = cluster.kubeconfig_for(NAMESPACE, OPERATOR)

    def may_read() -> bool:
        try:
            cluster.kubectl("get", "updateservices", f"--namespace={NAMESPACE}", kubeconfig=file)
        except RuntimeError:
            return False
        return True

    cluster.wait(may_read, what="the rights of the operator")
    return file


@pytest.fixture
async def operator(account: Path) -> AsyncIterator[KubernetesApi]:
    address = find_cluster({}, kubeconfig=account)
    async with open_api(address, manager=OPERATOR, kinds=[UPDATE_SERVICE]) as api:
        yield api


@pytest.fixture
async def service(admin: KubernetesApi) -> AsyncIterator[Object]:
    """An UpdateService."""
    made = await admin.create(Example("").object(NAMESPACE))
    yield made
    await admin.delete(UPDATE_SERVICE, Key(NAMESPACE, "service"))


def head_of(obj: Object) -> Object:
    """What names an object."""
    identity = {key: obj["metadata"][key] for key in ("name", "namespace")}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": identity}


def owned(kind: Kind, owner: Object, **content: object) -> Object:
    """An object that ends with its owner, and holds up its end, as the operator makes them."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {"name": "test-made", "namespace": NAMESPACE, "ownerReferences": [reference]}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **content}


def test_the_resource_of_the_documentation_is_applied_as_it_is(cluster: ControlPlane) -> None:
    place = (f"--namespace={NAMESPACE}", "--filename=-")
    cluster.kubectl("apply", *place, stdin=SEED)
    try:
        got = yaml.safe_load(cluster.kubectl("get", "--output=yaml", *place, stdin=SEED))
    finally:
        cluster.kubectl("delete", *place, stdin=SEED)
    (kept,) = got.get("items", [got])
    assert kept["spec"] == yaml.safe_load(SEED)["spec"]


@pytest.mark.parametrize("example", [*ACCEPTED, *WELL_SHAPED], ids=lambda example: example.id)
async def test_what_can_work_is_accepted(admin: KubernetesApi, example: Example) -> None:
    made = await admin.create(example.object(NAMESPACE))
    await admin.delete(UPDATE_SERVICE, Key(NAMESPACE, example.name))
    asked = parse_update_service(example.object(NAMESPACE))
    assert parse_update_service(made).spec == asked.spec


@pytest.mark.parametrize("refused", [*REFUSED, *VALUES, *IMAGES], ids=lambda refused: refused.example.id)
async def test_what_can_never_work_is_refused_with_the_same_words(
    admin: KubernetesApi, refused: Refused
) -> None:
    with pytest.raises(RefusedError) as caught:
        await admin.create(refused.example.object(NAMESPACE))
    (cause,) = caught.value.causes
    assert refused.says in cause.message
    # The API server has no path for what it says of the object as a whole.
    assert cause.field == ("<nil>" if refused.path == "metadata.name" else refused.path)


@pytest.mark.parametrize("refused", AMOUNTS, ids=lambda refused: refused.example.id)
async def test_an_amount_that_is_none_is_told_once(admin: KubernetesApi, refused: Refused) -> None:
    with pytest.raises(RefusedError) as caught:
        await admin.create(refused.example.object(NAMESPACE))
    (cause,) = caught.value.causes
    assert cause.field == refused.path.replace("[", ".").replace("]", "")


@pytest.mark.parametrize("refused", OUT_OF_BOUNDS, ids=lambda refused: refused.example.id)
async def test_what_is_out_of_bounds_is_refused_at_the_same_field(
    admin: KubernetesApi, refused: Refused
) -> None:
    with pytest.raises(RefusedError) as caught:
        await admin.create(refused.example.object(NAMESPACE))
    fields = {cause.field for cause in caught.value.causes}
    # An item that stands twice is named by its number.
    assert refused.path in fields or f"{refused.path}[1]" in fields


async def test_the_status_of_the_reference_operator_is_taken(admin: KubernetesApi, service: Object) -> None:
    written = await admin.apply_status(head_of(service) | {"status": SEED_STATUS})
    assert written["status"] == SEED_STATUS


async def test_objects_of_an_older_definition_stay_and_get_a_status(admin: KubernetesApi) -> None:
    old = Example("", {"releases": "registry.example/ocp:4.16"}, "older").object(NAMESPACE)
    key = Key(NAMESPACE, "older")
    try:
        await redefine(admin, without_rules(definition()))
        await eventually(lambda: admin.create(old))
    finally:
        await redefine(admin, definition())
    try:
        await eventually(lambda: expect_refusal(admin, REFUSED[0]))
        assert (await admin.apply_status(head_of(old) | {"status": SEED_STATUS}))["status"] == SEED_STATUS
        changed = await admin.patch(UPDATE_SERVICE, key, {"spec": {"replicas": 3}})
        assert changed["spec"]["replicas"] == 3
    finally:
        await admin.delete(UPDATE_SERVICE, key)


async def redefine(admin: KubernetesApi, wanted: Object) -> None:
    """Put another definition in the place of that of the resource."""
    found = await admin.get(CUSTOM_RESOURCE_DEFINITION, Key("", CRD_NAME))
    await admin.replace({**found, "spec": wanted["spec"]})


def without_rules(value: Any) -> Any:
    """A definition without rules in CEL, as that of the reference operator is."""
    if isinstance(value, dict):
        return {key: without_rules(one) for key, one in value.items() if key != "x-kubernetes-validations"}
    return [without_rules(one) for one in value] if isinstance(value, list) else value


async def expect_refusal(admin: KubernetesApi, refused: Refused) -> None:
    """Goes well once the API server refuses."""
    try:
        await admin.create(refused.example.object(NAMESPACE))
    except RefusedError:
        return
    await admin.delete(UPDATE_SERVICE, Key(NAMESPACE, refused.example.name))
    raise AssertionError(f"{refused.example.id} was accepted")


async def eventually(attempt: Callable[[], Awaitable[object]]) -> None:
    """Try until it goes well: the API server takes a moment to know a changed definition."""
    async with asyncio.timeout(180):
        while True:
            try:
                await attempt()
            except (RemoteError, AssertionError):
                await asyncio.sleep(0.1)
            else:
                return


def test_the_columns_are_shown(cluster: ControlPlane, service: Object) -> None:
    place = ("get", "updateservices", f"--namespace={NAMESPACE}")
    assert cluster.kubectl(*place).split("\n")[0].split() == [
        "NAME",
        "AVAILABLE",
        "READY",
        "GRAPH",
        "AGE",
        "REFRESHED",
        "AGE",
    ]
    assert "POLICY ENGINE URI" in cluster.kubectl(*place, "--output=wide")


def test_every_field_is_explained(cluster: ControlPlane) -> None:
    assert "additionalTrustedCA" in cluster.kubectl("explain", "updateservice.spec.trust")


def test_who_may_edit_a_namespace_may_make_update_services_there(cluster: ControlPlane) -> None:
    cluster.wait(
        lambda: "updateservices" in cluster.kubectl("get", "clusterrole", "edit", "--output=yaml"),
        what="the role that is widened",
    )


@pytest.mark.parametrize(("kind", "scope"), READABLE)
async def test_the_operator_reads_what_it_needs(operator: KubernetesApi, kind: Kind, scope: Scope) -> None:
    listing = await operator.list(kind, scope)
    watch = operator.watch(kind, scope, listing.version)
    beginning = asyncio.ensure_future(anext(watch))
    # A watch that is refused is so at once; one that is allowed has nothing to say.
    done, _ = await asyncio.wait([beginning], timeout=0.3)
    beginning.cancel()
    await asyncio.wait([beginning])
    await watch.aclose()
    assert not done or done.pop().exception() is None


@pytest.mark.parametrize(("kind", "scope"), UNREADABLE)
async def test_the_operator_reads_nothing_else(operator: KubernetesApi, kind: Kind, scope: Scope) -> None:
    with pytest.raises(RemoteError) as caught:
        await operator.list(kind, scope)
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        pytest.param(CONFIG_MAP, {"data": {"a": "b"}}, id="ConfigMap"),
        pytest.param(SECRET, {"stringData": {"a": "b"}}, id="Secret"),
        pytest.param(SERVICE, {"spec": {"ports": [{"port": 80}]}}, id="Service"),
        pytest.param(
            ROUTE, {"spec": {"host": "u.example", "to": {"kind": "Service", "name": "a"}}}, id="Route"
        ),
    ],
)
async def test_the_operator_makes_changes_and_takes_away_what_a_resource_owns(
    operator: KubernetesApi, service: Object, kind: Kind, content: Object
) -> None:
    made = await operator.apply(owned(kind, service, **content))
    labelled = owned(kind, service, **content)
    labelled["metadata"]["labels"] = {"a": "b"}
    assert (await operator.apply(labelled))["metadata"]["labels"] == {"a": "b"}
    await operator.delete(kind, Key(NAMESPACE, "test-made"), uid=made["metadata"]["uid"])


async def test_the_operator_writes_a_status_and_not_the_resource(
    operator: KubernetesApi, service: Object
) -> None:
    told = await operator.apply_status(head_of(service) | {"status": {"replicas": 2}})
    assert told["status"]["replicas"] == 2
    with pytest.raises(RemoteError) as caught:
        await operator.patch(UPDATE_SERVICE, Key(NAMESPACE, "service"), {"spec": {"replicas": 9}})
    assert caught.value.status == 403


async def test_the_operator_holds_its_lease_and_no_other(operator: KubernetesApi) -> None:
    def lease(name: str) -> Object:
        metadata = {"name": name, "namespace": NAMESPACE}
        spec = {"holderIdentity": "test", "leaseDurationSeconds": 15}
        return {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": spec}

    with contextlib.suppress(RemoteError):  # the Deployment of the installation may have made it
        await operator.create(lease(OPERATOR))
    held = await operator.get(LEASE, Key(NAMESPACE, OPERATOR))
    await operator.replace({**held, "spec": {**held["spec"], "holderIdentity": "another"}})
    with pytest.raises(RemoteError) as caught:
        await operator.get(LEASE, Key(NAMESPACE, "another"))
    assert caught.value.status == 403


def test_a_resource_is_made_and_looked_at_from_the_command_line(
    cluster: ControlPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    place = [f"--namespace={NAMESPACE}", f"--kubeconfig={cluster.kubeconfig}"]
    wishes = ["--releases=registry.example/ocp/release", "--graph-data-image=registry.example/graph-data:1"]
    assert run(upgraph, ["updateservice", "create", "typed", *wishes, *place, "--timeout=0"]) == 0
    assert run(upgraph, ["updateservice", "status", "typed", *place]) == 3
    cluster.kubectl("delete", "updateservice", "typed", f"--namespace={NAMESPACE}")
    assert "the operator has not seen the resource" in capsys.readouterr().out


def test_the_operator_is_deployed(cluster: ControlPlane) -> None:
    found = cluster.kubectl("get", DEPLOYMENT.plural, OPERATOR, f"--namespace={NAMESPACE}", "--output=yaml")
    assert yaml.safe_load(found)["spec"]["template"]["spec"]["serviceAccountName"] == OPERATOR
