"""Certificates to trust."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.oci import Trust
from upgraph.oci.trust.trusted import LOOK_SECONDS
from upgraph.testing.certificates import Certificates, make_certificates

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


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_certificates(tmp_path_factory.mktemp("other")).certificate.read_text()


def count(trust: Trust, host: str, port: int) -> int:
    return trust.context(host, port).cert_store_stats()["x509"] - SYSTEM


@pytest.mark.parametrize(
    ("name", "place", "expected"),
    [
        ("updateservice-registry", ("any.example", 443), 1),
        ("registry.example..5000", ("registry.example", 5000), 1),
        ("registry.example..5000", ("Registry.Example", 5000), 1),
        ("registry.example..5000", ("registry.example", 443), 0),
        ("registry.example..5000", ("other.example", 5000), 0),
        ("registry.example", ("registry.example", 443), 1),
        ("registry.example", ("registry.example", 5000), 0),
        ("registry.example:5000/ca.crt", ("registry.example", 5000), 1),
        ("registry.example:5000/ca.crt", ("registry.example", 443), 0),
        ("registry.example/ca.crt", ("registry.example", 443), 1),
        ("[2001:db8::1]:5000/ca.crt", ("2001:db8::1", 5000), 1),
        ("192.0.2.1:5000/ca.crt", ("192.0.2.1", 5000), 1),
        ("pem/ca.crt", ("any.example", 443), 1),
        ("registry.example..5000", ("registry.example.evil.example", 5000), 0),
    ],
)
def test_a_name_says_for_which_host_a_certificate_counts(
    tmp_path: Path, pem: str, name: str, place: tuple[str, int], expected: int
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(pem)
    (tmp_path / "none.pem").write_text("")
    assert count(Trust([tmp_path]), *place) == expected


def test_several_places_are_trusted_together(tmp_path: Path, pem: str, other: str) -> None:
    (tmp_path / "a.pem").write_text(pem)
    (tmp_path / "b.pem").write_text(other)
    assert count(Trust([tmp_path / "a.pem", tmp_path / "b.pem"]), *PLACE) == 2


def test_which_files_count_for_a_host_can_be_asked(tmp_path: Path, pem: str) -> None:
    (tmp_path / "registry.example..5000").write_text(pem)
    (tmp_path / "README").write_text("x")
    trust = Trust([tmp_path])
    assert [(one.path.name, len(one.certificates)) for one in trust.files("registry.example", 5000)] == [
        ("registry.example..5000", 1)
    ]
    assert trust.files("other.example", 443) == ()


@dataclass
class Hands:
    """A clock that is turned by hand."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


def mounted(directory: Path, *generations: str) -> Path:
    """A ConfigMap as it is mounted, in its first generation."""
    for number, content in enumerate(generations):
        (directory / f"..{number}").mkdir()
        (directory / f"..{number}/updateservice-registry").write_text(content)
    (directory / "..data").symlink_to("..0")
    (directory / "updateservice-registry").symlink_to("..data/updateservice-registry")
    return directory


def swap(directory: Path, generation: int) -> None:
    (directory / "..data_tmp").symlink_to(f"..{generation}")
    (directory / "..data_tmp").rename(directory / "..data")


def test_a_config_map_that_is_swapped_counts_for_new_connections(
    tmp_path: Path, pem: str, other: str, hands: Hands
) -> None:
    trust = Trust([mounted(tmp_path, pem, pem + other)], clock=hands)
    before = trust.context(*PLACE)
    swap(tmp_path, 1)
    assert trust.context(*PLACE) is before, "files are not looked at for every connection"
    hands.seconds += LOOK_SECONDS
    assert count(trust, *PLACE) == 2


def test_one_context_serves_all_hosts_until_the_certificates_change(
    tmp_path: Path, pem: str, hands: Hands
) -> None:
    trust = Trust([mounted(tmp_path, pem)], clock=hands)
    first = trust.context(*PLACE)
    hands.seconds += LOOK_SECONDS
    assert trust.context("other.example", 5000) is first


@pytest.mark.parametrize("broken", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_broken_set_leaves_the_last_good_one_and_is_reported_until_it_is_mended(
    tmp_path: Path, pem: str, broken: str
) -> None:
    trust = Trust([mounted(tmp_path, pem, broken)])
    swap(tmp_path, 1)
    assert not trust.refresh()
    assert count(trust, *PLACE) == 1
    assert [one.reference for one in trust.findings] == ["oci-ca"]
    swap(tmp_path, 0)
    trust.refresh()
    assert trust.findings == ()


def test_one_broken_file_among_good_ones_leaves_the_last_good_set_and_a_removed_one_does_not(
    tmp_path: Path, pem: str, other: str
) -> None:
    (tmp_path / "a.pem").write_text(pem)
    (tmp_path / "b.pem").write_text(other)
    trust = Trust([tmp_path])
    (tmp_path / "b.pem").write_text("")
    assert not trust.refresh()
    assert (count(trust, *PLACE), trust.findings[0].seen) == (2, f"{tmp_path}/b.pem: the file is empty")
    (tmp_path / "b.pem").unlink()
    assert trust.refresh()
    assert (count(trust, *PLACE), trust.findings) == (1, ())


def test_a_place_that_vanishes_leaves_the_last_good_set(tmp_path: Path, pem: str) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text(pem)
    trust = Trust([ca])
    ca.rename(tmp_path / "away")
    assert not trust.refresh()
    assert "No such file" in trust.findings[0].seen
    assert count(trust, *PLACE) == 1


def environment_count(**environment: str) -> int:
    return Trust((), environment).context(*PLACE).cert_store_stats()["x509"]


def test_the_file_of_the_system_is_replaced_by_the_variable(
    certificates: Certificates, tmp_path: Path
) -> None:
    nothing = str(tmp_path)
    assert environment_count(SSL_CERT_FILE=str(certificates.certificate), SSL_CERT_DIR=nothing) == 1


@pytest.mark.parametrize("name", ["ca.pem", "ca.crt"])
def test_directories_of_the_variable_need_no_hashed_names(
    tmp_path: Path, pem: str, other: str, name: str
) -> None:
    for directory, content in (("a", pem), ("b", other)):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / name).write_text(content)
    both = f"{tmp_path}/a:{tmp_path}/b"
    assert environment_count(SSL_CERT_FILE=str(tmp_path / "a" / name), SSL_CERT_DIR=both) == 2


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_variable_that_names_nothing_is_reported(tmp_path: Path, variable: str) -> None:
    trust = Trust((), {variable: str(tmp_path / "gone")})
    assert [(one.reference, variable in one.seen) for one in trust.findings] == [("oci-system-trust", True)]
    assert trust.context(*PLACE).verify_mode is ssl.CERT_REQUIRED


def test_a_variable_that_names_rubbish_does_not_stop_the_given_ones(
    tmp_path: Path, certificates: Certificates
) -> None:
    (tmp_path / "rubbish").write_text("x")
    environment = {"SSL_CERT_FILE": str(tmp_path / "rubbish"), "SSL_CERT_DIR": str(tmp_path)}
    trust = Trust([certificates.certificate], environment)
    assert trust.context(*PLACE).cert_store_stats()["x509"] == 1
