"""What ``upgraph release verify`` and ``info`` say of signatures: of good and bad ones, and where nobody can tell."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Command, Done
from upgraph.oci import Digest, LayoutWriter
from upgraph.payload import ReleaseContent, add_release
from upgraph.signing import store_files
from upgraph.testing.gpg_home import GpgHome
from upgraph.testing.signature_judge import release_message

Trust = Callable[..., tuple[object, ...]]
Verify = Callable[..., Done]
Info = Callable[..., Any]
IDENTITY = "registry.example/ocp/release:4.18.1-x86_64"


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    with GpgHome() as home:
        home.make_key("alice")
        home.make_key("bob")
        home.make_key("carol", expires="20200201T000000", at="20200101T000000")
        yield home


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return tmp_path / "layout"


@pytest.fixture
def digest(layout: Path) -> Digest:
    with LayoutWriter(layout) as images:
        return add_release(images, ReleaseContent("4.18.1"), "amd64", "4.18.1").digest


@pytest.fixture
def release(digest: Digest, layout: Path) -> str:
    assert digest
    return f"oci:{layout}:4.18.1"


@pytest.fixture
def store(gpg: GpgHome, digest: Digest, tmp_path: Path) -> Callable[..., Path]:
    """A store with a signature of the release, or of another digest."""

    def store(*signers: str, of: str = digest, at: str | None = None) -> Path:
        place = tmp_path / "signatures"
        place.mkdir()
        made = [gpg.sign(release_message(of, IDENTITY), signer, at=at) for signer in signers]
        for path, content in store_files({digest: made}).items():
            (place / path).parent.mkdir(exist_ok=True)
            (place / path).write_bytes(content)
        return place

    return store


@pytest.fixture
def ring(gpg: GpgHome, tmp_path: Path) -> Callable[[str], Path]:
    """The keyring of somebody."""

    def ring(name: str) -> Path:
        (tmp_path / name).write_bytes(gpg.export(name))
        return tmp_path / name

    return ring


@pytest.fixture
def trust(store: Callable[..., Path], ring: Callable[[str], Path]) -> Trust:
    """Options that trust somebody, and lead to what others have signed."""

    def trust(name: str, *signers: str, **changes: str) -> tuple[object, ...]:
        return ("--signatures", store(*signers, **changes), "--keyring", ring(name))

    return trust


@pytest.fixture
def verify(command: Command, release: str) -> Verify:
    def verify(*arguments: object) -> Done:
        return command("upgraph", "release", "verify", release, "--no-components", *arguments)

    return verify


@pytest.fixture
def info(command: Command, release: str) -> Info:
    """What is said of signatures."""

    def info(*arguments: object) -> Any:
        done = command("upgraph", "release", "info", release, *arguments, "-o", "json")
        assert done.code == 0, done.err
        return done.json["signatures"]["openpgp"]

    return info


def test_a_release_that_is_signed_passes_and_names_the_signer(
    verify: Verify, trust: Trust, gpg: GpgHome
) -> None:
    options = trust("alice", "bob", "alice")
    done = verify(*options)
    assert (done.code, "Signature (openpgp): valid" in done.out) == (0, True)
    (signer,) = verify(*options, "-o", "json").json["signatures"]["openpgp"]["signers"]
    assert (signer["key"], signer["identity"]) == (gpg.fingerprint("alice"), IDENTITY)


def test_without_keys_it_is_said_that_nothing_was_verified(verify: Verify) -> None:
    done = verify()
    assert (done.code, "Signature (openpgp): not verified" in done.out) == (0, True)
    known = verify("-o", "json").json["signatures"]["openpgp"]
    assert (known["signature"], known["signers"]) == ("not verified", [])


@pytest.mark.parametrize("policy", ["strict", "cluster"])
def test_an_expired_key_counts_for_clusters_only(verify: Verify, trust: Trust, policy: str) -> None:
    done = verify(*trust("carol", "carol", at="20200115T000000"), "--policy", policy)
    assert done.code == {"strict": 5, "cluster": 0}[policy]


@pytest.mark.parametrize(
    ("signers", "changes", "reference"),
    [
        pytest.param((), {}, "signature-missing", id="none"),
        pytest.param(("bob",), {}, "signature-refused", id="stranger"),
        pytest.param(("alice",), {"of": "sha256:" + "5a" * 32}, "signature-refused", id="other-release"),
    ],
)
def test_a_release_without_a_valid_signature_ends_with_5(
    verify: Verify, trust: Trust, signers: tuple[str, ...], changes: dict[str, str], reference: str
) -> None:
    done = verify(*trust("alice", *signers, **changes), "-o", "json")
    assert (done.code, done.json["faults"]) == (5, 1)
    assert done.json["findings"][0]["reference"] == reference
    assert f"reference:      {reference}" in done.err


def test_the_want_of_a_signature_does_not_hide_other_faults(
    command: Command, ring: Callable[[str], Path], tmp_path: Path
) -> None:
    with LayoutWriter(tmp_path / "bad") as images:
        add_release(images, ReleaseContent("4.18.1", manifests={"a.yaml": b"a: b: c"}), "amd64", "4.18.1")
    (tmp_path / "none").mkdir()
    trust = ("--signatures", tmp_path / "none", "--keyring", ring("alice"))
    done = command("upgraph", "release", "verify", f"oci:{tmp_path}/bad", *trust, "-o", "json")
    found = {one["reference"] for one in done.json["findings"]}
    assert done.code == 5
    assert {"signature-missing", "release-manifest-invalid"} <= found


def test_a_store_that_does_not_answer_ends_with_4(verify: Verify, ring: Callable[[str], Path]) -> None:
    done = verify("--signatures", "http://127.0.0.1:1/s", "--keyring", ring("alice"))
    assert (done.code, "Signature (openpgp): unknown" in done.out) == (4, True)
    assert "signature-store-failed" in done.err


@pytest.mark.parametrize("options", [("--signatures", "."), ("--keyring", "gone")], ids=" ".join)
def test_keys_and_places_are_given_together(verify: Verify, options: tuple[str, ...]) -> None:
    done = verify(*options)
    assert (done.code, done.out) == (2, "")


def test_info_lists_what_lies_there_and_claims_nothing(
    info: Info, store: Callable[..., Path], digest: Digest
) -> None:
    known = info("--signatures", store("alice", "bob"))
    assert (known["signature"], known["signers"]) == ("not verified", [])
    folder = digest.replace(":", "=")
    assert [one["place"].partition(folder)[2] for one in known["found"]] == ["/signature-1", "/signature-2"]


def test_info_names_the_signer_with_a_keyring(info: Info, trust: Trust, gpg: GpgHome) -> None:
    known = info(*trust("alice", "alice"))
    assert (known["signature"], known["found"]) == ("valid", [])
    assert [one["key"] for one in known["signers"]] == [gpg.fingerprint("alice")]


@pytest.mark.parametrize(("signers", "word"), [((), "missing"), (("bob",), "invalid")])
def test_info_tells_of_bad_signatures_and_goes_on(
    info: Info, trust: Trust, signers: tuple[str, ...], word: str
) -> None:
    known = info(*trust("alice", *signers))
    assert (known["signature"], known["signers"]) == (word, [])
    assert known["reason"]


def test_info_without_a_source_says_that_nobody_looked(info: Info) -> None:
    assert (info()["signature"], info()["found"]) == ("not verified", [])
