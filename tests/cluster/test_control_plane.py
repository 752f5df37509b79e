"""The cluster of the tests is a real one: rights, controllers, scheduling, garbage collection."""

import json
from collections.abc import Callable

import pytest

from tools.cluster import nodes
from tools.cluster.audit import Request
from tools.cluster.client import ApiError, Client, Object
from tools.cluster.control_plane import NODES, ControlPlane

READER = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"}} | {
    "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "reader"},
} | {
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
    "subjects": [{"kind": "ServiceAccount", "name": "default"}],
}
ACCOUNT = "/api/v1/namespaces/{}/serviceaccounts/default"
ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}"


def deployment(name: str, replicas: int) -> Object:
    labels = {"app": name}
    container = {"name": "server", "image": "registry.example/server:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


@pytest.fixture
def account(cluster: ControlPlane, namespace: str) -> Client:
    """The default service account of the namespace, which has no rights."""
    cluster.wait(lambda: cluster.client.find(ACCOUNT.format(namespace)), what="the account")
    return Client.of(cluster.kubeconfig_for(namespace, "default"))


def test_a_cluster_has_the_pinned_version_and_ready_nodes(cluster: ControlPlane) -> None:
    assert cluster.client.get("/version")["gitVersion"].startswith("v1.36.")
    listed = json.loads(cluster.kubectl("get", "nodes", "--output=json"))["items"]
    ready = {node["metadata"]["name"]: nodes.is_ready(node) for node in listed}
    # Other tests bring nodes of their own to this cluster.
    assert {name: ready.get(name) for name in NODES} == dict.fromkeys(NODES, True)


def test_kubectl_says_why_it_failed(cluster: ControlPlane) -> None:
    with pytest.raises(RuntimeError, match='namespaces "nowhere" not found'):
        cluster.kubectl("get", "namespace", "nowhere")


def test_a_service_account_may_do_only_what_its_role_says(
    cluster: ControlPlane, namespace: str, account: Client
) -> None:
    mine = f"/api/v1/namespaces/{namespace}"
    with pytest.raises(ApiError, match="cannot list resource"):
        account.get(f"{mine}/configmaps")
    cluster.client.create(ROLES.format(namespace) + "/roles", READER)
    cluster.client.create(ROLES.format(namespace) + "/rolebindings", BINDING)
    cluster.wait(lambda: _status(account, f"{mine}/configmaps") == 200, what="the right to list")
    assert [_status(account, path) for path in (f"{mine}/secrets", "/api/v1/configmaps")] == [403, 403]


def _status(account: Client, path: str) -> int:
    try:
        account.get(path)
    except ApiError as error:
        return error.status
    return 200


def test_what_a_service_account_asks_is_counted(
    cluster: ControlPlane, namespace: str, account: Client
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    assert _status(account, f"{path}/settings") == 403
    assert cluster.requests(namespace, "default") == [
        Request("get", "configmaps", namespace, "settings", 403)
    ]


def test_an_owner_that_blocks_takes_the_right_to_its_finalizers(
    cluster: ControlPlane, namespace: str, account: Client
) -> None:
    owner = cluster.client.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment("owner", 0))
    cluster.kubectl("create", "role", "maker", "--verb=create", "--resource=configmaps", "-n", namespace)
    cluster.kubectl(
        "create",
        "rolebinding",
        "maker",
        "--role=maker",
        f"--serviceaccount={namespace}:default",
        "-n",
        namespace,
    )
    reference = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
    }
    owned = {"metadata": {"name": "owned", "ownerReferences": [{**reference, "blockOwnerDeletion": True}]}}
    with pytest.raises(ApiError, match="cannot set blockOwnerDeletion"):
        account.create(f"/api/v1/namespaces/{namespace}/configmaps", owned)


def test_a_deployment_becomes_available_on_simulated_nodes(
    cluster: ControlPlane, namespace: str, needs: Callable[[str], None]
) -> None:
    needs("kwok")
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    cluster.client.create(path, deployment("web", 2))
    cluster.wait(
        lambda: cluster.client.get(f"{path}/web")["status"].get("availableReplicas") == 2, what="both"
    )
    pods = cluster.client.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    assert {pod["spec"]["nodeName"] for pod in pods} <= set(NODES)


def test_what_a_deployment_owns_goes_with_it(
    cluster: ControlPlane, namespace: str, needs: Callable[[str], None]
) -> None:
    needs("kube-controller-manager")
    path, sets = (
        f"/apis/apps/v1/namespaces/{namespace}/deployments",
        f"/apis/apps/v1/namespaces/{namespace}/replicasets",
    )
    cluster.client.create(path, deployment("web", 1))
    cluster.wait(lambda: cluster.client.get(sets)["items"], what="the ReplicaSet")
    cluster.client.delete(f"{path}/web")
    cluster.wait(lambda: not cluster.client.get(sets)["items"], what="the end of the ReplicaSet")
    cluster.wait(
        lambda: not cluster.client.get(f"/api/v1/namespaces/{namespace}/pods")["items"],
        what="the end of the pods",
    )


@pytest.mark.parametrize("sort", [nodes.SIMULATED, nodes.REAL])
def test_a_namespace_chooses_the_nodes_of_its_pods(
    cluster: ControlPlane, new_namespace: Callable[..., str], sort: str
) -> None:
    namespace = new_namespace(nodes=sort)
    cluster.wait(lambda: cluster.client.find(ACCOUNT.format(namespace)), what="the account")
    pod = {"metadata": {"name": "one"}, "spec": deployment("one", 1)["spec"]["template"]["spec"]}
    made = cluster.client.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    assert made["spec"]["nodeSelector"] == {nodes.LABEL: sort}


def test_the_service_of_the_api_server_leads_to_it(cluster: ControlPlane) -> None:
    service = cluster.client.get("/api/v1/namespaces/default/services/kubernetes")
    slices = cluster.client.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes")
    assert service["spec"]["clusterIP"] == str(cluster.addresses.services[1])
    assert slices["endpoints"][0]["addresses"] == [str(cluster.addresses.cluster)]
