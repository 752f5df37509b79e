"""From inputs to objects, without a cluster."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.cluster.node.environment import expanded
from tools.golden import difference
from upgraph.cli.serve import serve
from upgraph.kube.kinds import NETWORK_POLICY, POD_DISRUPTION_BUDGET
from upgraph.kube.objects import Object
from upgraph.operator.applying.agreement import agrees
from upgraph.operator.desired import plan_of
from upgraph.operator.desired.container import container, literal
from upgraph.operator.desired.metadata import APPLIED
from upgraph.operator.inputs.values import (
    Copy,
    GraphDataImage,
    Inputs,
    Keyrings,
    Live,
    Platform,
    ProxySettings,
)
from upgraph.operator.installation.manifests import as_yaml
from upgraph.operator.resource.update_service import parse_update_service

GOLDEN = Path(__file__).parent / "golden"
OPERAND = "registry.example:5000/upgraph/upgraph@sha256:" + "1" * 64
DIGEST = "sha256:" + "2" * 64
OPENSHIFT = Platform(routes=True, image_config=True, proxy_config=True, chooses_users=True)
CA = Copy({"updateservice-registry": "-----BEGIN CERTIFICATE-----\n"}, is_wanted=True)
LOGIN = Copy({".dockerconfigjson": "e30="}, is_wanted=True)


def inputs(name: str = "service", platform: Platform = OPENSHIFT, **spec: Any) -> Inputs:
    usual = {
        "replicas": 2,
        "releases": "registry.example:5000/ocp/release",
        "graphDataImage": "registry.example:5000/openshift/graph-data:latest",
    }
    metadata = {"name": name, "namespace": "openshift-update-service", "uid": "7"}
    service = parse_update_service({"metadata": metadata, "spec": usual | spec})
    return Inputs(
        service=service,
        operand=OPERAND,
        platform=platform,
        pull_secret=LOGIN,
        authorities=CA,
        graph_data=GraphDataImage(DIGEST),
    )


EVERYTHING = replace(
    inputs(
        platform=Platform(http_routes=True),
        additionalReleases=["registry.example:5000/okd/release"],
        autoscaling={"maxReplicas": 6},
        exposure={
            "type": "HTTPRoute",
            "host": "updates.example",
            "gateway": {"name": "edge", "namespace": "net"},
        },
        resources={"limits": {"memory": "2Gi"}},
        scheduling={"nodeSelector": {"kubernetes.io/arch": "arm64"}, "priorityClassName": "high"},
        signatures={"required": True, "keyringSecret": "keys", "source": "https://signatures.example"},
        volume={"size": "1Gi", "storageClassName": "fast"},
    ),
    graph_data=GraphDataImage(DIGEST, copies_itself=False),
    proxies=ProxySettings("http://proxy.example:3128", "http://proxy.example:3128", ".svc,.example"),
    keyrings=Keyrings({"secret": {"secretName": "keys"}}, ("release.gpg",), "3"),
    live=Live(replicas=4),
)


@pytest.mark.parametrize(
    ("file", "given_inputs"),
    [("openshift.yaml", inputs()), ("everything.yaml", EVERYTHING)],
    ids=["the documentation", "everything of ours"],
)
def test_what_an_update_service_becomes(file: str, given_inputs: Inputs) -> None:
    assert difference(GOLDEN / file, as_yaml(plan_of(given_inputs).objects)) == ""


def find(made: Inputs, kind: str) -> Object:
    return next(one for one in plan_of(made).objects if one["kind"] == kind)


@pytest.mark.parametrize("made", [inputs(), EVERYTHING], ids=["the documentation", "everything of ours"])
def test_the_service_understands_what_it_is_called_with(made: Inputs) -> None:
    arguments = find(made, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[0] == "serve"
    assert serve.make_context("serve", arguments[1:]).params["status_listen"] == ":9081"


@given(st.text(alphabet="$()AB "))
def test_a_kubelet_gives_the_process_what_was_meant(text: str) -> None:
    assert expanded(literal(text), {"A": "known", "B": ""}) == text


def test_a_source_of_signatures_is_not_sent_the_login_of_the_proxy() -> None:
    source = "https://signatures.example/$(HTTPS_PROXY)/"
    proxy = "http://user:pa$$word@proxy.example:3128"
    made = container(
        replace(inputs(signatures={"source": source}), proxies=ProxySettings(https=proxy)),
    )
    variables = {one["name"]: expanded(one["value"], {}) for one in made["env"]}
    assert variables == {"HTTPS_PROXY": proxy}
    assert f"--signatures={source}" in [expanded(one, variables) for one in made["args"]]


@pytest.mark.parametrize(("replicas", "least"), [(1, 0), (2, 1), (10, 1)])
def test_the_drain_of_a_single_replica_is_never_blocked(replicas: int, least: int) -> None:
    budget = find(inputs(replicas=replicas), POD_DISRUPTION_BUDGET.kind)
    assert budget["spec"]["minAvailable"] == least


def lets_out(rule: dict[str, Any], namespace: dict[str, str], pod: dict[str, str]) -> bool:
    """Whether a rule leads to a pod with these labels in a namespace with those."""

    def fits(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
        return selector is None or selector.get("matchLabels", {}).items() <= labels.items()

    # No peer at all stands for everything, also for what is no pod, such as a cache in the network of a node.
    return "to" not in rule or any(
        "namespaceSelector" in one
        and fits(one["namespaceSelector"], namespace)
        and fits(one.get("podSelector"), pod)
        for one in rule["to"]
    )


@pytest.mark.parametrize("port", [53, 5353])
@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
@pytest.mark.parametrize(
    ("namespace", "pod"),
    [
        pytest.param("kube-system", {"k8s-app": "kube-dns"}, id="CoreDNS as kubeadm installs it"),
        pytest.param("kube-system", {"k8s-app": "coredns"}, id="CoreDNS of others"),
        pytest.param("kube-system", {"k8s-app": "node-local-dns"}, id="a cache on nodes"),
        pytest.param("openshift-dns", {"dns.operator.openshift.io/daemonset-dns": "default"}, id="OpenShift"),
        pytest.param("rke2-dns", {"app.kubernetes.io/name": "rke2-coredns"}, id="in a namespace of its own"),
    ],
)
def test_the_dns_of_any_distribution_is_reached(
    namespace: str, pod: dict[str, str], protocol: str, port: int
) -> None:
    rules = find(inputs(), NETWORK_POLICY.kind)["spec"]["egress"]
    where = {"kubernetes.io/metadata.name": namespace}
    assert any(
        {"protocol": protocol, "port": port} in rule.get("ports", []) and lets_out(rule, where, pod)
        for rule in rules
    )


def egress(made: Inputs) -> list[Any]:
    # The first two are DNS and the other replicas.
    rules: list[Any] = find(made, NETWORK_POLICY.kind)["spec"]["egress"][2:]
    return rules


def ports(made: Inputs) -> list[int]:
    return [port["port"] for rule in egress(made) for port in rule.get("ports", [])]


@pytest.mark.parametrize(
    ("releases", "proxy", "exempt", "opened"),
    [
        pytest.param("registry.example/ocp/release", "", "", [443], id="directly"),
        pytest.param("registry.example:5000/ocp/release", "", "", [443, 5000], id="on a port of its own"),
        pytest.param("registry.example/ocp/release", "http://proxy:3128", "", [3128], id="through a proxy"),
        pytest.param(
            "sub.registry.example/a",
            "http://proxy:3128",
            "registry.example",
            [443],
            id="below an exempt domain",
        ),
        pytest.param("[2001:db8::1]:5000/a", "http://proxy:3128", "2001:db8::/32", [443, 5000], id="IPv6"),
    ],
)
def test_the_policy_opens_the_way_that_the_service_takes(
    releases: str, proxy: str, exempt: str, opened: list[int]
) -> None:
    made = replace(inputs(releases=releases), proxies=ProxySettings(proxy, proxy, exempt))
    assert ports(made) == opened


def test_a_registry_of_the_cluster_is_reached_on_whatever_port_its_pods_have() -> None:
    made = inputs(releases="image-registry.registry.svc:5000/ocp/release")
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "registry"}}
    assert egress(made) == [{"to": [{"namespaceSelector": selector}]}]


def test_a_user_is_named_only_where_the_cluster_chooses_none() -> None:
    chosen = find(inputs(platform=Platform(routes=True)), "Deployment")["spec"]["template"]["spec"]
    assert chosen["securityContext"]["runAsUser"] == 1001
    left = find(inputs(), "Deployment")["spec"]["template"]["spec"]
    assert "runAsUser" not in left["securityContext"]


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        pytest.param({}, None, id="the nodes have that of the cluster"),
        pytest.param({"credentials": {"secret": "login"}}, [{"name": "service-pull-secret"}], id="its own"),
    ],
)
def test_nodes_of_openshift_get_logins_that_the_resource_names(spec: dict[str, Any], named: object) -> None:
    pod = find(inputs(**spec), "Deployment")["spec"]["template"]["spec"]
    assert pod.get("imagePullSecrets") == named


@pytest.mark.parametrize(
    ("asked", "most"),
    [("2Gi", "2Gi"), ("512Mi", "1Gi"), ("1024Mi", "1Gi")],
    ids=["above the usual limit", "below it", "as much"],
)
def test_a_request_alone_is_never_above_the_limit(asked: str, most: str) -> None:
    amounts = container(inputs(resources={"requests": {"memory": asked}}))["resources"]
    assert (amounts["requests"]["memory"], amounts["limits"]["memory"]) == (asked, most)


SPECS = st.fixed_dictionaries(
    {"replicas": st.integers(1, 20)},
    optional={
        "additionalReleases": st.lists(st.sampled_from(["a.example/b", "c.example:1/d"]), max_size=2),
        "exposure": st.sampled_from([{}, {"type": "None"}, {"type": "Ingress", "host": "a.example"}]),
        "volume": st.sampled_from([{"size": "1Gi"}, {"size": 5, "storageClassName": "fast"}]),
        "resources": st.fixed_dictionaries(
            {"limits": st.dictionaries(st.sampled_from(["cpu"]), st.just("2"))}
        ),
    },
)
NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,30}[a-z0-9])?", fullmatch=True)


@given(SPECS, NAMES)
def test_the_same_inputs_give_the_same_objects(spec: dict[str, Any], name: str) -> None:
    first, second = (plan_of(inputs(name, **spec)) for _ in range(2))
    assert first == second
    assert all(agrees(one, one) for one in first.objects)


@given(SPECS, NAMES)
def test_every_object_belongs_to_its_update_service(spec: dict[str, Any], name: str) -> None:
    for one in plan_of(inputs(name, **spec)).objects:
        metadata = one["metadata"]
        assert [owner["name"] for owner in metadata["ownerReferences"]] == [name]
        assert metadata["name"].startswith(name)
        assert len(metadata["annotations"][APPLIED]) == hashlib.sha256().digest_size * 2


@given(SPECS, SPECS)
def test_what_is_made_otherwise_is_seen(one: dict[str, Any], other: dict[str, Any]) -> None:
    for first in plan_of(inputs(**one)).objects:
        for second in plan_of(inputs(**other)).objects:
            if (first["kind"], first["metadata"]["name"]) == (second["kind"], second["metadata"]["name"]):
                assert agrees(first, second) == (first == second)
