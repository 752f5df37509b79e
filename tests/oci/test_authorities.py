"""A file of authorities is told whole, and only what is fit is given to a cluster."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from upgraph.errors import DataError, UserError
from upgraph.oci.trust import anchors
from upgraph.oci.trust.authorities import AuthorityFile, described, read_authorities
from upgraph.oci.trust.trusted_ca import TrustedCa, fit_authorities, key_of_registry
from upgraph.syntax.pem import pem_certificate
from upgraph.testing.certificates import Authority, make_authority, make_certificates

NOW = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def middle(tmp_path_factory: pytest.TempPathFactory, root: Authority) -> Authority:
    return root.issue_authority(tmp_path_factory.mktemp("middle"), "Pier 3")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, middle: Authority) -> Path:
    return middle.issue(tmp_path_factory.mktemp("server"), names="DNS:registry.example").certificate


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Puts files together."""

    def made(*parts: Path | str) -> Path:
        text = "".join(part if isinstance(part, str) else part.read_text() for part in parts)
        (tmp_path / "ca.pem").write_text(text)
        return tmp_path / "ca.pem"

    return made


Put = Callable[..., Path]


def read(place: Path) -> AuthorityFile:
    (file,) = read_authorities(place)
    return file


def test_every_certificate_is_told_with_what_matters(put: Put, root: Authority, server: Path) -> None:
    first, second = (one.certificate for one in read(put(server, root.certificate)).authorities)
    assert (first.subject, first.issuer) == ("O=Harbour, CN=registry", "O=Harbour, CN=Pier 3")
    assert (first.names, first.is_authority) == (("DNS:registry.example",), False)
    assert (second.is_self_issued, second.is_authority) == (True, True)
    assert second.not_after is not None
    assert timedelta(days=1) < second.not_after - NOW <= timedelta(days=2)


def test_a_chain_is_told_in_its_order_whatever_that_of_the_file(
    put: Put, root: Authority, middle: Authority, server: Path
) -> None:
    file = read(put(root.certificate, server, middle.certificate))
    assert file.chains == (("O=Harbour, CN=registry", "O=Harbour, CN=Pier 3", "O=Harbour, CN=Harbour Root"),)
    assert file.missing == ()


def test_the_authority_that_is_not_in_the_file_is_named(put: Put, middle: Authority, server: Path) -> None:
    assert read(put(server, middle.certificate)).missing == ("O=Harbour, CN=Harbour Root",)


def test_nothing_of_a_file_is_passed_over(put: Put, root: Authority) -> None:
    pem = root.certificate.read_text()
    damaged = "-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n"
    other = damaged.replace("CERTIFICATE", "X509 CRL")
    file = read(put("# ours\n", pem, pem, damaged, other, damaged.replace("???", "b25l")))
    lines = len(pem.splitlines())
    assert file.remarks == (
        f"line {2 + lines}: the same certificate once more",
        f"line {2 + 2 * lines}: a certificate that is cut off or damaged",
        f"line {5 + 2 * lines}: a block X509 CRL, which is no certificate",
        f"line {8 + 2 * lines}: a block that OpenSSL cannot read as a certificate",
        "line 1: text outside of certificates, which is passed over",
    )
    assert len(file.authorities) == 1


def test_a_private_key_is_seen(put: Put, root: Authority) -> None:
    file = read(put(root.certificate, root.key))
    assert file.has_private_key
    with pytest.raises(DataError, match="has a private key in it") as caught:
        fit_authorities(file)
    assert caught.value.reference == "trust-certificate"


def test_the_binary_form_is_read(root: Authority) -> None:
    der = read(root.certificate).authorities[0].der
    assert described("ca.der", der, None).authorities[0].der == der


def test_two_certificates_in_one_block_are_not_taken_for_one(root: Authority, middle: Authority) -> None:
    both = b"".join(read(one.certificate).authorities[0].der for one in (root, middle))
    file = described("ca.pem", pem_certificate(both).encode(), None)
    assert file.remarks[1] == "line 1: a block that OpenSSL cannot read as a certificate"


def test_certificates_that_were_joined_without_a_line_break_are_not_fit(put: Put, root: Authority) -> None:
    # Programs in Go, such as those of the nodes, find none of the two.
    pem = root.certificate.read_text().rstrip()
    with pytest.raises(DataError, match="line 1: a certificate that is cut off or damaged"):
        fit_authorities(read(put(pem, pem, "\n")))


def test_each_file_of_a_directory_says_for_whom_it_is_trusted(tmp_path: Path, root: Authority) -> None:
    for name in ("updateservice-registry", "registry.example..5000", "mirror.example", "all.pem"):
        (tmp_path / name).write_bytes(root.certificate.read_bytes())
    found = {Path(file.name).name: file.trusted_for for file in read_authorities(tmp_path)}
    assert found == {
        "all.pem": "every host",
        "mirror.example": "mirror.example:443",
        "registry.example..5000": "registry.example:5000",
        "updateservice-registry": "every host",
    }


def test_the_manifest_that_we_print_is_read(put: Put, root: Authority, middle: Authority) -> None:
    keys = {"registry.example..5000": read(root.certificate).authorities}
    keys["updateservice-registry"] = read(middle.certificate).authorities
    files = read_authorities(put(TrustedCa(keys).manifest))
    assert [(file.trusted_for, file.authorities) for file in files] == [
        ("registry.example:5000", keys["registry.example..5000"]),
        ("every host", keys["updateservice-registry"]),
    ]


def test_a_key_that_nothing_looks_for_is_told(put: Put) -> None:
    (file,) = read_authorities(put("kind: ConfigMap\ndata:\n  cincinnati_registry: x\n"))
    assert file.remarks[-1] == "no program looks for this key"


@pytest.mark.parametrize(
    ("content", "remark"),
    [(b"", "the file is empty"), (b"hello", "no certificate"), (b"\xff\x00", "no certificate")],
    ids=["empty", "text", "binary"],
)
def test_a_file_without_a_certificate_says_so(content: bytes, remark: str) -> None:
    file = described("ca.pem", content, None)
    assert file.remarks[0] == remark
    with pytest.raises(DataError):
        fit_authorities(file)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="not a plain file"):
        read_authorities(tmp_path / "pipe")


def test_the_certificate_of_a_server_is_not_fit(server: Path) -> None:
    with pytest.raises(
        DataError, match="CN=registry is the certificate of a server, issued by O=Harbour, CN=Pier 3"
    ):
        fit_authorities(read(server))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("registry.example:5000", "registry.example..5000"),
        ("registry.example", "registry.example"),
        ("10.0.0.1:5000", "10.0.0.1..5000"),
        ("docker://registry.example", "registry.example"),
    ],
)
def test_a_registry_has_the_key_that_nodes_look_for(text: str, key: str) -> None:
    assert key_of_registry(text) == key
    assert anchors.scope_of_key(key) == (
        text.removeprefix("docker://").partition(":")[0],
        5000 if "5000" in text else 443,
    )


@pytest.mark.parametrize("text", ["[fd00::1]:5000", "registry.example/ocp"])
def test_what_no_key_can_name_is_refused(text: str) -> None:
    with pytest.raises(UserError) as caught:
        key_of_registry(text)
    assert caught.value.reference == "trust-registry-name"


def test_the_manifest_is_what_kubernetes_reads(root: Authority) -> None:
    authorities = read(root.certificate).authorities
    made = TrustedCa({"z.example": authorities, "10.0.0.1..5000": authorities * 2}, "my-ca", "123")
    document = yaml.safe_load(made.manifest)
    assert document["metadata"] == {"name": "my-ca", "namespace": "123"}
    assert list(document["data"]) == ["10.0.0.1..5000", "z.example"]
    assert set(document["data"].values()) == {root.certificate.read_text()}
    assert made.manifest == TrustedCa(dict(reversed(list(made.keys.items()))), "my-ca", "123").manifest


@pytest.mark.parametrize("name", ["", "My-CA", "a b", "a\nkind: Secret"])
def test_a_name_that_kubernetes_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="no name of an object"):
        TrustedCa({}, name)


def test_more_than_a_configmap_can_hold_is_refused(root: Authority) -> None:
    keys = {f"r{number}.example": read(root.certificate).authorities for number in range(2000)}
    with pytest.raises(UserError, match="a ConfigMap may have 1048576"):
        TrustedCa(keys)


@pytest.mark.parametrize(
    ("days", "reference"), [(-3, "trust-certificate-dates"), (3, "trust-certificate-dates"), (0, None)]
)
def test_dates_are_compared_with_the_clock(root: Authority, days: int, reference: str | None) -> None:
    keys = {"updateservice-registry": read(root.certificate).authorities}
    found = TrustedCa(keys).findings(NOW + timedelta(days=days))
    assert [one.reference for one in found] == ([reference] if reference else [])


def test_without_the_key_of_the_update_service_that_is_told(root: Authority) -> None:
    (found,) = TrustedCa({"a.example": read(root.certificate).authorities}).findings(NOW)
    assert found.reference == "trust-update-service-missing"


def test_a_server_that_is_its_own_authority_is_taken(tmp_path: Path) -> None:
    authorities = fit_authorities(read(make_certificates(tmp_path).certificate))
    assert TrustedCa({"updateservice-registry": authorities}).findings(NOW) == ()
