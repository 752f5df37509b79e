"""What changes around an UpdateService reaches it: images, logins, authorities, Routes."""

import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, EVENT, IMAGE_CONFIG, PROXY_CONFIG, ROUTE, SECRET
from upgraph.kube.objects import Key
from upgraph.operator.controller import Controller
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.operated_cluster import OperatedCluster, put_image

CONFIG = "openshift-config"
Start = Callable[[], AbstractAsyncContextManager[Controller]]


async def test_a_moved_tag_rolls_the_pods_and_is_told(
    quick: None, cluster: OperatedCluster, operator: Controller
) -> None:
    before = await cluster.settle()
    after = put_image(cluster.registry, "latest", "/copier", "of the next day")
    await cluster.until(lambda: cluster.status()["graphData"]["digest"] == after)
    pod = cluster.find(DEPLOYMENT, "sample")["spec"]["template"]["spec"]
    assert pod["initContainers"][0]["image"].endswith(after)
    await cluster.until(
        lambda: any(
            one["reason"] == "GraphDataChanged" and before in one["note"]
            for one in cluster.server.state.all(EVENT)
        )
    )


async def test_a_registry_that_is_gone_leaves_the_last_digest(
    quick: None, cluster: OperatedCluster, operator: Controller
) -> None:
    digest = await cluster.settle()
    pods = cluster.find(DEPLOYMENT, "sample")["spec"]
    await cluster.registry.halt()
    await cluster.until(lambda: cluster.condition("GraphDataReady")["reason"] == "LastKnown")
    assert cluster.status()["graphData"]["digest"] == digest
    assert cluster.find(DEPLOYMENT, "sample")["spec"] == pods
    # A resource can name no registry without TLS.
    assert "docker+http" not in str(cluster.status())
    await cluster.registry.resume()
    await cluster.until(lambda: cluster.condition("GraphDataReady")["reason"] == "Resolved")


async def test_an_image_that_is_missing_is_told_with_the_repair(
    quick: None, cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.trust_registry()
    cluster.update_service()
    await cluster.until(lambda: cluster.condition("GraphDataReady").get("reason") == "ImageUnresolved")
    assert "openshift/graph-data" in cluster.condition("GraphDataReady")["message"]
    # A node may well find what the operator does not.
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))


async def test_a_rotated_pull_secret_is_copied_and_no_pod_is_restarted(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    template = cluster.find(DEPLOYMENT, "sample")["spec"]["template"]
    cluster.pull_secret({"auths": {"registry.example": {"auth": "YTpi"}}})
    await cluster.until(lambda: b"YTpi" in decoded(cluster))
    assert cluster.find(DEPLOYMENT, "sample")["spec"]["template"] == template


async def test_logins_that_are_nested_without_end_are_told(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    nested = base64.b64encode(b"[" * 100_000).decode()
    cluster.put(SECRET, Key(CONFIG, "pull-secret"), data={".dockerconfigjson": nested})
    await cluster.until(lambda: cluster.condition("ReconcileCompleted")["reason"] == "PullSecretNotFound")
    assert "has no JSON" in cluster.condition("ReconcileCompleted")["message"]


async def test_the_logins_stay_where_the_pull_secret_is_gone(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    cluster.server.state.delete(SECRET, Key(CONFIG, "pull-secret"))
    await cluster.until(lambda: cluster.condition("ReconcileCompleted")["reason"] == "PullSecretNotFound")
    assert cluster.find(SECRET, "sample-pull-secret")
    assert "--authfile=/var/lib/cincinnati/registry-credentials" in cluster.arguments()


async def test_a_rotated_authority_is_copied_and_no_pod_is_restarted(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    template = cluster.find(DEPLOYMENT, "sample")["spec"]["template"]
    text = cluster.authority.certificate.read_text()
    more = {"updateservice-registry": text, "registry.example..5000": text}
    cluster.put(CONFIG_MAP, Key(CONFIG, "registry-ca"), data=more)
    await cluster.until(lambda: cluster.find(CONFIG_MAP, "sample-trusted-ca")["data"] == more)
    assert cluster.find(DEPLOYMENT, "sample")["spec"]["template"] == template


async def test_another_config_map_with_authorities_is_followed(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    other = {"updateservice-registry": cluster.authority.certificate.read_text() + "\n"}
    cluster.put(CONFIG_MAP, Key(CONFIG, "other-ca"), data=other)
    cluster.put(IMAGE_CONFIG, "cluster", spec={"additionalTrustedCA": {"name": "other-ca"}})
    await cluster.until(lambda: cluster.find(CONFIG_MAP, "sample-trusted-ca").get("data") == other)


async def test_authorities_that_nobody_asks_for_are_taken_away(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    cluster.put(IMAGE_CONFIG, "cluster", spec={})
    await cluster.until(lambda: not cluster.find(CONFIG_MAP, "sample-trusted-ca"))
    await cluster.until(lambda: cluster.condition("RegistryCACertFound")["reason"] == "NotConfigured")
    assert not any(argument.startswith("--ca") for argument in cluster.arguments())


async def test_authorities_that_are_gone_stay_where_they_are_asked_for(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    cluster.server.state.delete(CONFIG_MAP, Key(CONFIG, "registry-ca"))
    await cluster.until(
        lambda: cluster.condition("RegistryCACertFound")["reason"] == "FindAdditionalTrustedCAFailed"
    )
    assert cluster.find(CONFIG_MAP, "sample-trusted-ca")


async def test_a_config_map_without_the_key_is_told_by_the_name_of_the_key(
    cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.begin()
    cluster.put(CONFIG_MAP, Key(CONFIG, "registry-ca"), data={"other": "text"})
    await cluster.until(
        lambda: cluster.condition("RegistryCACertFound").get("reason") == "EnsureAdditionalTrustedCAFailed"
    )
    assert "updateservice-registry" in cluster.condition("RegistryCACertFound")["message"]


async def test_the_proxy_of_the_cluster_and_its_authorities_reach_the_pods(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    proxy = {"httpsProxy": "http://proxy.example:3128", "noProxy": "127.0.0.1,localhost"}
    cluster.put(PROXY_CONFIG, "cluster", status=proxy)
    await cluster.until(lambda: cluster.variables().get("HTTPS_PROXY") == "http://proxy.example:3128")
    missing = "EnsureTrustedClusterCAFailed"
    await cluster.until(lambda: cluster.condition("RegistryCACertFound")["reason"] == missing)
    text = cluster.authority.certificate.read_text()
    cluster.edit(CONFIG_MAP, "sample-cluster-ca", data={"ca-bundle.crt": text})
    await cluster.until(lambda: "--ca=/etc/upgraph/cluster-ca/ca-bundle.crt" in cluster.arguments())
    await cluster.until(lambda: cluster.condition("RegistryCACertFound")["reason"] != missing)
    cluster.edit(CONFIG_MAP, "sample-cluster-ca", data={"ca-bundle.crt": None})
    await cluster.until(lambda: cluster.condition("RegistryCACertFound")["reason"] == missing)
    # Pods are not replaced twice because somebody has emptied it for a moment.
    assert "--ca=/etc/upgraph/cluster-ca/ca-bundle.crt" in cluster.arguments()
    cluster.put(PROXY_CONFIG, "cluster", status={})
    await cluster.until(lambda: cluster.variables() == {})


async def test_logins_and_authorities_that_are_named_reach_the_pods_and_are_followed(
    plain: None, cluster: OperatedCluster, operator: Controller
) -> None:
    put_image(cluster.registry, "latest", "/copier")
    logins = {".dockerconfigjson": base64.b64encode(b'{"auths": {}}').decode()}
    cluster.put(SECRET, "login", type="kubernetes.io/dockerconfigjson", data=logins)
    text = cluster.authority.certificate.read_text()
    cluster.put(CONFIG_MAP, "ca", data={"updateservice-registry": text})
    cluster.update_service(credentials={"secret": "login"}, trust={"configMap": "ca"})
    await cluster.until(cluster.arguments)
    pod = cluster.find(DEPLOYMENT, "sample")["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "sample-pull-secret"}]
    assert {"--authfile=/var/lib/cincinnati/registry-credentials", "--ca=/etc/upgraph/registry-ca"} <= set(
        cluster.arguments()
    )
    rotated = base64.b64encode(b'{"auths": {"registry.example": {"auth": "YTpi"}}}').decode()
    cluster.put(SECRET, "login", data={".dockerconfigjson": rotated})
    await cluster.until(lambda: b"YTpi" in decoded(cluster))
    assert cluster.find(DEPLOYMENT, "sample")["spec"]["template"]["spec"] == pod


async def test_the_route_of_an_old_release_is_used_on(cluster: OperatedCluster, start: Start) -> None:
    name = "sample-policy-engine-route"
    cluster.begin()
    uid = cluster.find(cluster.resource, "sample")["metadata"]["uid"]
    owner = {"kind": "UpdateService", "name": "sample", "uid": uid, "controller": True}
    cluster.put(ROUTE, name, spec={"host": "old.example"})
    cluster.edit(ROUTE, name, metadata={"ownerReferences": [owner]})
    async with start():
        await cluster.until(lambda: cluster.find(ROUTE, name)["spec"].get("to"))
        await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))
    assert not cluster.find(ROUTE, "sample-route")
    assert cluster.find(ROUTE, name)["spec"]["host"] == "old.example"


async def test_a_certificate_that_somebody_put_into_the_route_stays(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    tls = {
        "termination": "edge",
        "certificate": "mine",
        "key": "mine",
        "insecureEdgeTerminationPolicy": "Redirect",
    }
    cluster.edit(ROUTE, "sample-route", spec={"tls": tls})
    cluster.update_service(replicas=3)
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 3)
    assert cluster.find(ROUTE, "sample-route")["spec"]["tls"] == tls


async def test_the_certificate_of_a_named_secret_reaches_the_route(
    cluster: OperatedCluster, operator: Controller, certificates: Certificates
) -> None:
    pair = pair_of(certificates)
    cluster.begin(exposure={"tlsSecret": "shown"})
    await cluster.until(
        lambda: cluster.condition("ReconcileCompleted").get("reason") == "ServingCertificateNotFound"
    )
    cluster.put(SECRET, "shown", type="Opaque", data=pair)
    await cluster.until(lambda: "of the type Opaque" in cluster.condition("ReconcileCompleted")["message"])
    cluster.put(SECRET, "shown", type="kubernetes.io/tls", data=pair)
    shown = certificates.certificate.read_text()
    await cluster.until(
        lambda: cluster.find(ROUTE, "sample-route")["spec"]["tls"].get("certificate") == shown
    )


async def test_a_secret_that_nothing_reads_is_told_as_unused_and_not_as_missing(
    plain: None, cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.begin(exposure={"tlsSecret": "shown"})
    await cluster.until(lambda: "certificate-unused" in cluster.condition("Degraded").get("message", ""))
    assert "serving-certificate" not in str(cluster.status())


@pytest.mark.parametrize("broken", ["a key of another", "no PEM"])
async def test_a_pair_that_does_not_fit_leaves_the_route_as_it_is(
    cluster: OperatedCluster, operator: Controller, certificates: Certificates, tmp_path: Path, broken: str
) -> None:
    good, other = pair_of(certificates), pair_of(make_certificates(tmp_path))
    cluster.put(SECRET, "shown", type="kubernetes.io/tls", data=good)
    cluster.begin(exposure={"tlsSecret": "shown"})
    await cluster.until(
        lambda: cluster.find(ROUTE, "sample-route") and cluster.condition("ReconcileCompleted")
    )
    before = cluster.find(ROUTE, "sample-route")["spec"]["tls"]
    keys = {"a key of another": other["tls.key"], "no PEM": base64.b64encode(b"key").decode()}
    cluster.put(SECRET, "shown", data=good | {"tls.key": keys[broken]})
    await cluster.until(
        lambda: cluster.condition("ReconcileCompleted")["reason"] == "ServingCertificateNotFound"
    )
    assert "tls.key" in cluster.condition("ReconcileCompleted")["message"]
    assert cluster.find(ROUTE, "sample-route")["spec"]["tls"] == before
    assert before["key"] == certificates.key.read_text()


def decoded(cluster: OperatedCluster) -> bytes:
    encoded = cluster.find(SECRET, "sample-pull-secret")["data"][".dockerconfigjson"]
    return base64.b64decode(encoded)


def pair_of(certificates: Certificates) -> dict[str, str]:
    """A pair as the data of a Secret."""
    files = {"tls.crt": certificates.certificate, "tls.key": certificates.key}
    return {name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()}
