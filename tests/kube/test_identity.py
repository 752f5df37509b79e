"""A client certificate of the kubeconfig is shown to the cluster, and its key is never written to a disk."""

import base64
import json
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.kube import find_cluster
from upgraph.kube.identity import tls_context
from upgraph.testing.certificates import Certificates


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def kubeconfig(file: Path, cluster: Mapping[str, object], user: Mapping[str, object]) -> Path:
    document = {
        "current-context": "one",
        "clusters": [{"name": "a", "cluster": {"server": "https://a.example", **cluster}}],
        "contexts": [{"name": "one", "context": {"cluster": "a", "user": "me"}}],
        "users": [{"name": "me", "user": user}],
    }
    file.write_text(json.dumps(document))
    return file


def context_of(file: Path) -> ssl.SSLContext:
    config = find_cluster({}, kubeconfig=file).config
    assert config is not None
    return tls_context(config)


def test_an_authority_in_the_file_is_the_only_one(certificates: Certificates, tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "c", {"certificate-authority-data": encoded(certificates.certificate)}, {})
    assert len(context_of(file).get_ca_certs()) == 1


def test_paths_begin_at_the_file(certificates: Certificates, tmp_path: Path) -> None:
    for path in (certificates.certificate, certificates.key):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    user = {"client-certificate": "server.crt", "client-key": "server.key"}
    file = kubeconfig(tmp_path / "c", {"certificate-authority": "server.crt"}, user)
    assert len(context_of(file).get_ca_certs()) == 1


def test_a_key_in_the_file_is_used_without_a_file(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/absent")
    user = {
        "client-certificate-data": encoded(certificates.certificate),
        "client-key-data": encoded(certificates.key),
    }
    assert context_of(kubeconfig(tmp_path / "c", {}, user)).verify_mode is ssl.CERT_REQUIRED


def test_a_key_of_another_certificate_is_refused(certificates: Certificates, tmp_path: Path) -> None:
    user = {"client-certificate-data": encoded(certificates.certificate), "client-key-data": "bm8ga2V5"}
    with pytest.raises(UserError, match="certificates of the context 'one'"):
        context_of(kubeconfig(tmp_path / "c", {}, user))


@pytest.mark.parametrize("data", ["*", "w7w="], ids=["not base64", "not text"])
def test_an_authority_that_cannot_be_read_is_refused(tmp_path: Path, data: str) -> None:
    with pytest.raises(UserError, match="certificates of the context 'one'"):
        context_of(kubeconfig(tmp_path / "c", {"certificate-authority-data": data}, {}))


def test_verification_is_off_only_where_the_file_says_so(tmp_path: Path) -> None:
    insecure = context_of(kubeconfig(tmp_path / "c", {"insecure-skip-tls-verify": True}, {}))
    assert (insecure.verify_mode, insecure.check_hostname) == (ssl.CERT_NONE, False)
    usual = context_of(kubeconfig(tmp_path / "c", {"insecure-skip-tls-verify": False}, {}))
    assert (usual.verify_mode, usual.check_hostname) == (ssl.CERT_REQUIRED, True)
