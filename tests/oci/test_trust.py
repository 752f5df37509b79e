"""Certificates to trust."""

import ssl
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.oci import Trust
from upgraph.testing.certificates import Certificates

PLACE = ("registry.example", 443)
SYSTEM = Trust().context(*PLACE).cert_store_stats()["x509"]


def added(ca: Path) -> int:
    return Trust([ca]).context(*PLACE).cert_store_stats()["x509"] - SYSTEM


@pytest.fixture
def pem(certificates: Certificates) -> str:
    return certificates.certificate.read_text()


def test_a_file_with_one_certificate_is_added_to_those_of_the_system(certificates: Certificates) -> None:
    assert added(certificates.certificate) == 1


def test_other_text_and_broken_certificates_between_are_passed_over(tmp_path: Path, pem: str) -> None:
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    ca = tmp_path / "bundle"
    ca.write_text(f"# Ünsere CA\n{broken}Subject: x\n{pem}\nrubbish\n", encoding="utf-8")
    assert added(ca) == 1


def test_windows_line_ends_are_understood(tmp_path: Path, pem: str) -> None:
    (tmp_path / "ca.pem").write_bytes(pem.replace("\n", "\r\n").encode())
    assert added(tmp_path / "ca.pem") == 1


@pytest.mark.parametrize("place", ["ca.pem", "CA.CRT", "one/ca.crt", "one/two/ca.pem"])
def test_a_directory_is_searched_two_levels_deep(tmp_path: Path, pem: str, place: str) -> None:
    (tmp_path / "README.crt").write_text("no certificate")
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(pem)
    assert added(tmp_path) == 1


def test_the_links_of_a_mounted_config_map_are_followed(tmp_path: Path, pem: str) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "ca.crt").write_text(pem)
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "ca.crt").symlink_to("..data/ca.crt")
    assert added(tmp_path) == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ca.pem", b"", "the file is empty"),
        ("ca.pem", b"hello", "no certificate"),
        (
            "ca.pem",
            b"-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n",
            "no certificate, but PRIVATE KEY",
        ),
        (
            "ca.pem",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "1 certificate block(s), none of which",
        ),
    ],
    ids=["empty", "text", "key", "broken"],
)
def test_a_file_without_a_usable_certificate_is_refused_with_what_it_holds(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    for ca in (tmp_path / name, tmp_path):
        with pytest.raises(UserError) as refused:
            Trust([ca])
        assert said in refused.value.seen
        assert name in refused.value.seen


def test_a_directory_without_certificates_and_a_missing_path_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt~").write_text("x")
    with pytest.raises(UserError, match=r"no \*\.pem or \*\.crt file"):
        Trust([tmp_path])
    with pytest.raises(UserError, match="No such file"):
        Trust([tmp_path / "absent.pem"])


def test_a_certificate_in_binary_form_is_accepted(tmp_path: Path, pem: str) -> None:
    (tmp_path / "ca.crt").write_bytes(ssl.PEM_cert_to_DER_cert(pem))
    assert added(tmp_path / "ca.crt") == 1
