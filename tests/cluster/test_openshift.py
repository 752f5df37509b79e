"""The APIs of OpenShift are there with the fields that matter, and behave where an operator would notice."""

from collections.abc import Callable

import pytest

from tools.cluster.client import ApiError, Client, Object
from tools.cluster.control_plane import ControlPlane

ROUTES = "/apis/route.openshift.io/v1/namespaces/{}/routes"
EDGE = {"termination": "edge", "certificate": "PEM", "key": "PEM"}


def route(name: str, **fields: object) -> Object:
    spec = {"to": {"kind": "Service", "name": "policy-engine"}, **fields}
    return {"apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def admitted(cluster: ControlPlane) -> Callable[[str, str], Object]:
    """Waits for the verdict on a Route, and gives it."""

    def look(namespace: str, name: str) -> Object:
        found = cluster.client.get(f"{ROUTES.format(namespace)}/{name}")
        entries = found.get("status", {}).get("ingress", [])
        return {"host": entries[0]["host"], **entries[0]["conditions"][0]} if entries else {}

    return lambda namespace, name: cluster.wait(lambda: look(namespace, name), what="a verdict")


@pytest.fixture
def exposer(cluster: ControlPlane, namespace: str) -> Client:
    """A service account that may make Routes, but not choose their hosts."""
    cluster.kubectl("create", "serviceaccount", "exposer", "-n", namespace)
    verbs = "--verb=create,get,update,patch"
    cluster.kubectl(
        "create", "role", "exposer", verbs, "--resource=routes.route.openshift.io", "-n", namespace
    )
    cluster.kubectl(
        "create",
        "rolebinding",
        "exposer",
        "--role=exposer",
        f"--serviceaccount={namespace}:exposer",
        "-n",
        namespace,
    )
    return Client.of(cluster.kubeconfig_for(namespace, "exposer"))


def test_a_route_gets_the_host_of_its_name_and_is_admitted(
    cluster: ControlPlane, namespace: str, admitted: Callable[[str, str], Object]
) -> None:
    made = cluster.client.create(ROUTES.format(namespace), route("sample-route"))
    assert made["spec"]["host"] == f"sample-route-{namespace}.apps.example"
    verdict = admitted(namespace, "sample-route")
    assert (verdict["host"], verdict["type"], verdict["status"]) == (made["spec"]["host"], "Admitted", "True")


def test_a_host_with_a_label_of_more_than_63_characters_is_refused(
    cluster: ControlPlane, namespace: str
) -> None:
    name = "n" * (64 - len(f"-{namespace}"))
    with pytest.raises(
        ApiError, match=r"host must conform to DNS 1123 naming convention.* no more than 63"
    ) as refused:
        cluster.client.create(ROUTES.format(namespace), route(name))
    assert refused.value.status == 422
    cluster.client.create(ROUTES.format(namespace), route(name[1:]))


def test_the_older_route_keeps_a_host_until_it_goes(
    cluster: ControlPlane, new_namespace: Callable[[], str], admitted: Callable[[str, str], Object]
) -> None:
    rivals = [new_namespace(), new_namespace()]
    for namespace in rivals:
        cluster.client.create(ROUTES.format(namespace), route("a", host=f"{rivals[0]}.apps.example"))

    def loser() -> str:
        # Which one it is, is decided by the id if both were made in one second.
        return "".join(name for name in rivals if admitted(name, "a")["status"] == "False")

    last = cluster.wait(loser, what="a decision")
    assert admitted(last, "a")["reason"] == "HostAlreadyClaimed"
    rivals.remove(last)
    cluster.client.delete(f"{ROUTES.format(rivals[0])}/a")
    cluster.wait(lambda: admitted(last, "a")["status"] == "True", what="the host to pass on")


def test_a_cleared_host_comes_back(cluster: ControlPlane, namespace: str) -> None:
    made = cluster.client.create(ROUTES.format(namespace), route("kept"))
    changed = cluster.client.patch(f"{ROUTES.format(namespace)}/kept", {"spec": {"host": None}})
    assert changed["spec"]["host"] == made["spec"]["host"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"host": "updates.example"}, "permission to set the host field", id="host"),
        pytest.param({"tls": EDGE}, "permission to set certificate fields", id="certificate"),
    ],
)
def test_hosts_and_certificates_of_ones_own_take_a_right_of_their_own(
    namespace: str, exposer: Client, fields: Object, says: str
) -> None:
    with pytest.raises(ApiError, match=says) as refused:
        exposer.create(ROUTES.format(namespace), route("own", **fields))
    assert refused.value.status == 403


def test_who_may_make_routes_gets_a_host_but_cannot_change_it(namespace: str, exposer: Client) -> None:
    exposer.create(ROUTES.format(namespace), route("given", tls={"termination": "edge"}))
    with pytest.raises(ApiError, match="field is immutable") as refused:
        exposer.patch(f"{ROUTES.format(namespace)}/given", {"spec": {"host": "other.example"}})
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        pytest.param("images/cluster", {"additionalTrustedCA": {"name": "registries"}}, id="Image"),
        pytest.param("proxies/cluster", {"trustedCA": {"name": "bundle"}, "noProxy": ".example"}, id="Proxy"),
        pytest.param("clusterversions/version", {"upstream": "https://u.example/graph"}, id="ClusterVersion"),
        pytest.param("ingresses/cluster", {"domain": "apps.example"}, id="Ingress"),
    ],
)
def test_the_configuration_of_the_cluster_takes_what_matters_and_prunes_the_rest(
    cluster: ControlPlane, path: str, spec: Object
) -> None:
    url = f"/apis/config.openshift.io/v1/{path}?dryRun=All"
    made = cluster.client.patch(url, {"spec": {**spec, "unknownField": 1}})
    assert {name: made["spec"].get(name) for name in (*spec, "unknownField")} == {
        **spec,
        "unknownField": None,
    }


def test_a_cluster_version_without_an_id_is_refused(cluster: ControlPlane) -> None:
    with pytest.raises(ApiError, match=r"spec\.clusterID: Required value"):
        cluster.client.patch(
            "/apis/config.openshift.io/v1/clusterversions/version", {"spec": {"clusterID": None}}
        )


def test_an_http_route_has_the_defaults_of_the_gateway_api(cluster: ControlPlane, namespace: str) -> None:
    spec = {
        "parentRefs": [{"name": "edge"}],
        "rules": [{"backendRefs": [{"name": "policy-engine", "port": 80}]}],
    }
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes"
    body = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "a"},
        "spec": spec,
    }
    made = cluster.client.create(path, body)
    assert made["spec"]["parentRefs"][0]["kind"] == "Gateway"
    assert made["spec"]["rules"][0]["backendRefs"][0]["weight"] == 1


def test_an_api_server_that_was_started_again_does_what_it_did(
    cluster: ControlPlane, namespace: str, exposer: Client
) -> None:
    cluster.stop("kube-apiserver", seconds=0)
    cluster.start_api_server()
    made = cluster.client.create(ROUTES.format(namespace), route("again"))
    assert made["spec"]["host"] == f"again-{namespace}.apps.example"
    with pytest.raises(ApiError, match="permission to set certificate fields"):
        exposer.create(ROUTES.format(namespace), route("own", tls=EDGE))


def test_a_plain_cluster_has_kubernetes_alone(plain_cluster: ControlPlane) -> None:
    groups = {group["name"] for group in plain_cluster.client.get("/apis")["groups"]}
    # That of the UpdateService may have been installed by another test.
    groups.discard("updateservice.operator.openshift.io")
    assert not [name for name in groups if name.endswith(("openshift.io", "gateway.networking.k8s.io"))]
    assert "networking.k8s.io" in groups
