"""Authorities on the command line: the ConfigMap of a cluster, and what is in a file or behind a port."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.commands.conftest import Command
from upgraph.testing.certificates import Authority, Certificates, make_authority
from upgraph.testing.real_registry import RealRegistry, real_registry


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, root: Authority) -> Certificates:
    return root.issue(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, server: Certificates) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("registry"), certificates=server) as running:
        yield running


def test_the_manifest_can_be_piped_and_the_rest_is_said_beside_it(command: Command, root: Authority) -> None:
    ca = root.certificate
    arguments = ("--registry", f"registry.example:5000={ca}", "--registry", f"b.example={ca}")
    done = command("upgraph", "trust", "configmap", *arguments, "--update-service", ca)
    pem = "".join(f"    {line}\n" for line in ca.read_text().splitlines())
    assert done.out == (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: registry-ca\n  namespace: openshift-config\ndata:\n"
        f"  b.example: |\n{pem}  registry.example..5000: |\n{pem}  updateservice-registry: |\n{pem}"
    )
    assert done.err.startswith("then: oc patch image.config.openshift.io/cluster --type=merge")


def test_two_authorities_of_one_registry_stand_under_one_key(
    command: Command, root: Authority, tmp_path: Path
) -> None:
    other = make_authority(tmp_path, name="Other Root")
    arguments = (f"--registry=a.example={root.certificate}", f"--registry=a.example={other.certificate}")
    done = command("upgraph", "trust", "configmap", *arguments)
    both = root.certificate.read_text() + other.certificate.read_text()
    assert yaml.safe_load(done.out)["data"] == {"a.example": both}
    assert "trust-update-service-missing" in done.err


def test_a_private_key_is_never_printed(command: Command, root: Authority, tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_text(root.certificate.read_text() + root.key.read_text())
    done = command("upgraph", "trust", "configmap", "--update-service", tmp_path / "both.pem")
    assert (done.code, done.out, "has a private key in it" in done.err) == (3, "", True)
    explained = command("upgraph", "trust", "explain", tmp_path / "both.pem")
    assert (explained.code, "a private key, which must not be here" in explained.out) == (3, True)
    assert root.key.read_text().splitlines()[1] not in explained.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a certificate"),
        (("--registry", "a.example"), "--registry is HOST[:PORT]=FILE"),
        (("--registry", "a.example=/absent.pem"), "/absent.pem: No such file"),
        (("--registry", "a.example/ocp=/absent.pem"), "not for a path in it"),
    ],
)
def test_a_wrong_call_is_refused(command: Command, arguments: tuple[str, ...], said: str) -> None:
    done = command("upgraph", "trust", "configmap", *arguments)
    assert (done.code, said in done.err) == (2, True)


def test_a_file_is_explained_for_people(
    command: Command, server: Certificates, root: Authority, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("ours\n" + server.certificate.read_text() + root.certificate.read_text())
    done = command("upgraph", "trust", "explain", tmp_path / "ca.pem")
    lines = done.out.splitlines()
    assert done.code == 0
    assert lines[:3] == [
        f"{tmp_path}/ca.pem, trusted for every host",
        "  1. O=Harbour, CN=registry",
        "     issuer   O=Harbour, CN=Harbour Root",
    ]
    assert lines[4:6] == [
        "     names    IP Address:127.0.0.1",
        "     kind     no authority: it is good for a server of its names alone",
    ]
    assert lines[-2:] == [
        "  chain: O=Harbour, CN=registry <- O=Harbour, CN=Harbour Root",
        "  line 1: text outside of certificates, which is passed over",
    ]


def test_what_is_piped_is_explained_as_a_file_is(
    command: Command, root: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = command("upgraph", "trust", "configmap", f"--registry=a.example:5000={root.certificate}")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(made.out.encode())))
    done = command("upgraph", "trust", "explain", "-", "-o", "json")
    (key,) = done.json
    assert (done.code, key["name"]) == (0, "standard input, key a.example..5000")
    assert (key["trustedFor"], len(key["certificates"])) == ("a.example:5000", 1)


@pytest.mark.parametrize(("content", "code"), [(b"", 3), (b"x" * (16 * 1024 * 1024 + 1), 2)])
def test_what_is_piped_and_no_certificate_is_told(
    command: Command, monkeypatch: pytest.MonkeyPatch, content: bytes, code: int
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert command("upgraph", "trust", "explain", "-").code == code


def test_a_file_is_explained_for_programs(command: Command, server: Certificates) -> None:
    (file,) = command("upgraph", "trust", "explain", server.certificate, "-o", "json").json
    assert (file["trustedFor"], file["missing"]) == ("every host", ["O=Harbour, CN=Harbour Root"])
    assert file["certificates"][0]["authority"] is False


def test_a_server_is_explained_whether_it_is_trusted_or_not(
    command: Command, registry: RealRegistry, root: Authority
) -> None:
    place = f"127.0.0.1:{registry.port}"
    done = command("upgraph", "trust", "explain", place)
    assert (done.code, "missing among the trusted ones is the authority" in done.out) == (3, True)
    trusted = command("upgraph", "trust", "explain", place, "--ca", root.certificate, "-o", "json")
    assert (trusted.code, trusted.json["trusted"], trusted.json["remarks"]) == (0, True, [])


def test_a_server_that_does_not_answer_is_named(command: Command) -> None:
    done = command("upgraph", "trust", "explain", "127.0.0.1:1")
    assert (done.code, "registry-unreachable" in done.err) == (4, True)


def test_a_wrong_order_of_a_server_is_told(command: Command, root: Authority, tmp_path: Path) -> None:
    for name in ("middle", "leaf", "registry"):
        (tmp_path / name).mkdir()
    middle = root.issue_authority(tmp_path / "middle", "Pier 3")
    leaf = middle.issue(tmp_path / "leaf")
    chain = (leaf.certificate, root.certificate, middle.certificate)
    leaf.certificate.write_text("".join(one.read_text() for one in chain))
    with real_registry(tmp_path / "registry", certificates=leaf) as running:
        done = command("upgraph", "trust", "explain", f"127.0.0.1:{running.port}", "--ca", root.certificate)
    assert (
        "CN=registry is followed by O=Harbour, CN=Harbour Root, not by its authority O=Harbour, CN=Pier 3"
        in done.out
    )


def test_what_is_nothing_is_said(command: Command) -> None:
    done = command("upgraph", "trust", "explain", "nothing")
    assert (done.code, "trust-subject" in done.err) == (2, True)


def test_a_file_whose_name_is_no_text_is_told_in_json_too(
    command: Command, root: Authority, tmp_path: Path
) -> None:
    odd = tmp_path / "ca\udcff.pem"
    odd.write_bytes(root.certificate.read_bytes())
    done = command("upgraph", "trust", "explain", odd, "-o", "json")
    assert done.json[0]["name"].endswith(r"ca\udcff.pem")
