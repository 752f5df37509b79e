"""Pods get their users as OpenShift gives them, and what names another one is refused."""

from collections.abc import Callable

import pytest

from tools.cluster.client import ApiError, Client, Object
from tools.cluster.control_plane import ControlPlane

PODS = "/api/v1/namespaces/{}/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
FIRST = 1000650000
"""The first user of a namespace, and its group."""


def pod(spec: Object, context: Object | None = None) -> Object:
    """A pod with one container, which has its own security context."""
    container = {"name": "one", "image": "registry.example/one", "securityContext": context or {}}
    return {"metadata": {"name": "one"}, "spec": {"containers": [container], **spec}}


def deployment(spec: Object) -> Object:
    labels = {"app": "one"}
    template = {"metadata": {"labels": labels}, "spec": pod(spec)["spec"]}
    content = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one"}, "spec": content}


@pytest.fixture
def maker(cluster: ControlPlane, namespace: str) -> Client:
    """A service account that may make pods."""
    here = ("-n", namespace)
    cluster.kubectl("create", "serviceaccount", "maker", *here)
    cluster.kubectl("create", "role", "maker", "--verb=create", "--resource=pods", *here)
    account = f"--serviceaccount={namespace}:maker"
    cluster.kubectl("create", "rolebinding", "maker", "--role=maker", account, *here)
    default = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    cluster.wait(lambda: cluster.client.find(default), what="the account of the pods")
    return Client.of(cluster.kubeconfig_for(namespace, "maker"))


def test_the_cluster_tells_which_users_a_namespace_has(cluster: ControlPlane, namespace: str) -> None:
    found = cluster.client.get(f"/api/v1/namespaces/{namespace}")["metadata"]["annotations"]
    assert found["openshift.io/sa.scc.uid-range"] == f"{FIRST}/10000"
    assert found["openshift.io/sa.scc.supplemental-groups"] == f"{FIRST}/10000"


def test_pods_of_a_deployment_get_a_user_and_a_group(
    cluster: ControlPlane, namespace: str, needs: Callable[[str], None]
) -> None:
    needs("kube-controller-manager")
    init = {"name": "before", "image": "registry.example/before"}
    cluster.client.create(DEPLOYMENTS.format(namespace), deployment({"initContainers": [init]}))
    made = cluster.wait(lambda: cluster.client.get(PODS.format(namespace))["items"], what="its pod")[0]
    assert made["metadata"]["annotations"]["openshift.io/scc"] == "restricted-v2"
    assert made["spec"]["securityContext"]["fsGroup"] == FIRST
    contexts = [
        one["securityContext"] for one in (*made["spec"]["containers"], *made["spec"]["initContainers"])
    ]
    assert [one["runAsUser"] for one in contexts] == [FIRST, FIRST]


def test_a_deployment_that_names_a_user_gets_no_pods(
    cluster: ControlPlane, namespace: str, needs: Callable[[str], None]
) -> None:
    needs("kube-controller-manager")
    path = DEPLOYMENTS.format(namespace)
    cluster.client.create(path, deployment({"securityContext": {"runAsUser": 1001, "fsGroup": 1001}}))

    def complaint() -> str:
        listed = cluster.client.get(f"{path}/one").get("status", {}).get("conditions", [])
        return "".join(one["message"] for one in listed if one["type"] == "ReplicaFailure")

    said = cluster.wait(complaint, what="a complaint")
    assert "unable to validate against any security context constraint" in said
    assert f"1001: must be in the ranges: [{FIRST}, {FIRST + 9999}]" in said
    assert cluster.client.get(PODS.format(namespace))["items"] == []


@pytest.mark.parametrize(
    ("spec", "context", "says"),
    [
        pytest.param({}, {"runAsUser": 0}, "must be in the ranges", id="root"),
        pytest.param({}, {"runAsUser": FIRST + 10000}, "must be in the ranges", id="of another namespace"),
        pytest.param({"securityContext": {"fsGroup": 1001}}, {}, "not an allowed group", id="group"),
        pytest.param({"hostNetwork": True}, {}, "networks, processes and ports", id="network of the node"),
        pytest.param({}, {"allowPrivilegeEscalation": True}, "privileges and capabilities", id="escalation"),
        pytest.param(
            {}, {"capabilities": {"add": ["SYS_ADMIN"]}}, "privileges and capabilities", id="capability"
        ),
        pytest.param(
            {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}, {}, "volumes of this", id="hostPath"
        ),
    ],
)
def test_what_the_constraints_exclude_is_refused(
    namespace: str, maker: Client, spec: Object, context: Object, says: str
) -> None:
    with pytest.raises(ApiError, match=says) as refused:
        maker.create(PODS.format(namespace), pod(spec, context))
    assert refused.value.status in {403, 422}


def test_a_user_of_the_namespace_may_be_named(namespace: str, maker: Client) -> None:
    made = maker.create(PODS.format(namespace), pod({}, {"runAsUser": FIRST + 1}))
    assert made["spec"]["containers"][0]["securityContext"]["runAsUser"] == FIRST + 1


def let_use_anyuid(cluster: ControlPlane, namespace: str) -> None:
    """Give the account of the pods the right, as ``oc adm policy add-scc-to-user`` does."""
    resource = {"apiGroups": ["security.openshift.io"], "resources": ["securitycontextconstraints"]}
    rule = {**resource, "resourceNames": ["anyuid"], "verbs": ["use"]}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles"
    cluster.client.create(path, {"metadata": {"name": "any"}, "rules": [rule]})
    account = f"--serviceaccount={namespace}:default"
    cluster.kubectl("create", "rolebinding", "any", "--role=any", account, "-n", namespace)


def test_who_may_use_other_constraints_chooses_the_user(
    cluster: ControlPlane, namespace: str, maker: Client
) -> None:
    by_hand = cluster.client.create(f"{PODS.format(namespace)}?dryRun=All", pod({}, {"runAsUser": 0}))
    assert by_hand["metadata"]["annotations"]["openshift.io/scc"] == "anyuid"
    assert by_hand["spec"]["containers"][0]["securityContext"]["runAsUser"] == 0
    let_use_anyuid(cluster, namespace)

    def of_the_account() -> Object | None:
        try:
            return maker.create(f"{PODS.format(namespace)}?dryRun=All", pod({}, {"runAsUser": 0}))
        except ApiError:
            # Rights are known to the API server a moment after they are given.
            return None

    made = cluster.wait(of_the_account, what="the right")
    assert made is not None
    assert made["spec"]["containers"][0]["securityContext"]["runAsUser"] == 0
