"""Secrets are read and changed, and everything that an API server can answer has a name."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from upgraph.errors import RemoteError, UserError
from upgraph.kube import ApiProxy, Cluster, connection, find_cluster
from upgraph.testing.certificates import Certificates
from upgraph.testing.cluster_contract import CHECKS, FIRST, KEY
from upgraph.testing.kubernetes import Fault, SimulatedKubernetes


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_simulated_cluster_keeps_the_contract(
    cluster: Cluster, check: Callable[[Cluster, str, str], None]
) -> None:
    check(cluster, "harbour", "pull")


def test_a_change_names_one_key_and_the_version_that_was_read(
    cluster: Cluster, kubernetes: SimulatedKubernetes
) -> None:
    read = cluster.secret("harbour", "pull")
    cluster.change_secret(read, KEY, b"{}")
    patch = kubernetes.requests[-1]
    assert (patch.method, patch.content_type) == ("PATCH", "application/merge-patch+json")
    assert patch.body == {"metadata": {"resourceVersion": read.version}, "data": {KEY: "e30="}}
    assert "fieldManager=upgraph" in patch.path


def test_no_text_form_has_a_value(cluster: Cluster) -> None:
    assert FIRST.decode() not in repr(cluster.secret("harbour", "pull"))


@pytest.mark.parametrize(("verb", "action"), [("get", "get"), ("patch", "patch")])
def test_what_the_account_may_not_do_is_named(
    cluster: Cluster, kubernetes: SimulatedKubernetes, verb: str, action: str
) -> None:
    read = cluster.secret("harbour", "pull")
    kubernetes.rights.verbs.remove(verb)
    with pytest.raises(RemoteError) as caught:
        cluster.secret("harbour", "pull") if verb == "get" else cluster.change_secret(read, KEY, b"{}")
    assert (caught.value.reference, caught.value.status) == ("kube-forbidden", 403)
    assert f'cannot {action} resource "secrets"' in caught.value.seen


def test_an_immutable_secret_is_refused(cluster: Cluster, kubernetes: SimulatedKubernetes) -> None:
    kubernetes.put("fixed", {KEY: FIRST}, immutable=True)
    with pytest.raises(RemoteError, match="field is immutable") as caught:
        cluster.change_secret(cluster.secret("harbour", "fixed"), KEY, b"{}")
    assert caught.value.reference == "kube-refused"


def test_a_token_that_has_ended_is_named(kubernetes: SimulatedKubernetes, tmp_path: Path) -> None:
    file = kubernetes.kubeconfig(tmp_path / "old", token="do-not-show-this")
    with Cluster(find_cluster({}, kubeconfig=file)) as cluster, pytest.raises(RemoteError) as caught:
        cluster.secret("harbour", "pull")
    assert caught.value.reference == "kube-unauthorized"
    assert "do-not-show-this" not in str(caught.value)


def test_a_certificate_that_is_not_trusted_is_named(kubernetes: SimulatedKubernetes, tmp_path: Path) -> None:
    file = kubernetes.kubeconfig(tmp_path / "untrusting", trusted=False)
    with Cluster(find_cluster({}, kubeconfig=file)) as cluster, pytest.raises(RemoteError) as caught:
        cluster.secret("harbour", "pull")
    assert caught.value.reference == "kube-untrusted"
    assert "self-signed certificate" in caught.value.seen
    assert kubernetes.requests == []


@pytest.mark.parametrize(
    ("fault", "reference", "said"),
    [
        (Fault.HUGE, "kube-fault", "more than 4194304 bytes"),
        (Fault.CUT, "kube-unreachable", "peer closed connection"),
        (Fault.HTML, "kube-fault", "status 503"),
        (Fault.NO_SECRET, "kube-fault", "an object has no name"),
        (Fault.COMPRESSED, "kube-fault", "compressed"),
        (Fault.REDIRECT, "kube-fault", "status 307"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_an_answer_that_is_none_is_named(
    cluster: Cluster, kubernetes: SimulatedKubernetes, fault: Fault, reference: str, said: str
) -> None:
    kubernetes.fault = fault
    with pytest.raises(RemoteError) as caught:
        cluster.secret("harbour", "pull")
    assert caught.value.reference == reference
    assert said in caught.value.seen


def test_an_answer_that_never_ends_has_a_time(
    cluster: Cluster, kubernetes: SimulatedKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", -1.0)
    with pytest.raises(RemoteError, match="no answer in time") as caught:
        cluster.secret("harbour", "pull")
    assert (caught.value.reference, caught.value.retryable) == ("kube-unreachable", True)


def test_a_cluster_that_is_down_is_named(certificates: Certificates, tmp_path: Path) -> None:
    with SimulatedKubernetes(certificates) as stopped:
        file = stopped.kubeconfig(tmp_path / "kubeconfig")
    with Cluster(find_cluster({}, kubeconfig=file)) as cluster, pytest.raises(RemoteError) as caught:
        cluster.secret("harbour", "pull")
    assert (caught.value.reference, caught.value.retryable) == ("kube-unreachable", True)


def test_a_value_that_is_not_base64_is_named(cluster: Cluster, kubernetes: SimulatedKubernetes) -> None:
    kubernetes._secrets["harbour", "pull"].data["note"] = "?"
    with pytest.raises(RemoteError, match="is not base64"):
        cluster.secret("harbour", "pull")


def test_the_proxy_of_the_environment_is_used_where_the_file_names_none(kubeconfig: Path) -> None:
    def route(address: object) -> ApiProxy:
        return ApiProxy("http://127.0.0.1:1", "Basic eDp5")

    address = find_cluster({}, kubeconfig=kubeconfig)
    with Cluster(address, route) as cluster, pytest.raises(RemoteError) as caught:
        cluster.secret("harbour", "pull")
    assert caught.value.reference == "kube-unreachable"


def test_a_context_without_a_user_is_refused(kubeconfig: Path) -> None:
    kubeconfig.write_text(kubeconfig.read_text().replace(', "user": "master"', ""))
    with pytest.raises(UserError, match="names no user"):
        Cluster(find_cluster({}, kubeconfig=kubeconfig))


def test_an_authority_that_is_none_is_refused(kubeconfig: Path, certificates: Certificates) -> None:
    text = kubeconfig.read_text()
    data = text.partition('-data": "')[2].partition('"')[0]
    kubeconfig.write_text(text.replace(data, "bm8gY2VydGlmaWNhdGU="))
    with pytest.raises(UserError) as caught:
        Cluster(find_cluster({}, kubeconfig=kubeconfig))
    assert caught.value.reference == "kube-config"
    assert isinstance(caught.value.__cause__, ssl.SSLError)
