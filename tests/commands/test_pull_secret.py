"""The logins of a cluster are shown and changed, in a file and in a simulated cluster, and no secret is printed."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Command, Done
from upgraph.testing.certificates import make_certificates
from upgraph.testing.kubernetes import SimulatedKubernetes

KEY = ".dockerconfigjson"
CLOUD = b'{"auths":{"cloud.openshift.com":{"auth":"bWU6c2VjcmV0LW9uZQ==","email":"me@harbour.example"}}}'
SECRETS = ("secret-one", "secret-two", "c2VjcmV0", "bWU6c2VjcmV0")


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedKubernetes]:
    with SimulatedKubernetes(make_certificates(tmp_path_factory.mktemp("api"))) as running:
        yield running


@pytest.fixture
def site(kubernetes: SimulatedKubernetes, tmp_path: Path) -> tuple[object, ...]:
    """Flags that lead to the cluster, which has the pull secret of its installation."""
    kubernetes.put("pull-secret", {KEY: CLOUD}, namespace="openshift-config")
    kubernetes.rights.verbs = {"get", "patch"}
    return "--kubeconfig", kubernetes.kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "pull-secret.json").write_bytes(CLOUD)
    return tmp_path / "pull-secret.json"


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    path = tmp_path / "auth.json"
    path.write_text(
        '{"auths": {"registry.example:5000": {"auth": "bWlycm9yOnNlY3JldC10d28="}, "x.example": {}}}'
    )
    return path


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def in_cluster(kubernetes: SimulatedKubernetes) -> bytes:
    return kubernetes.data("pull-secret", "openshift-config")[KEY]


def no_secret_in(done: Done) -> bool:
    return not any(secret in done.out + done.err for secret in SECRETS)


def test_our_mirror_is_added_by_one_line(
    command: Command,
    kubernetes: SimulatedKubernetes,
    site: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(monkeypatch, "secret-two")
    given = ("--registry", "registry.example:5000=mirror", "--password-stdin", "--yes")
    done = command("upgraph", "pull-secret", "append", *given, *site)
    name = f"Secret openshift-config/pull-secret of {kubernetes.url} (harbour)"
    assert done.out == f"{name}\n  + registry.example:5000  user 'mirror'\nchanged {name}\n"
    entry = b',"registry.example:5000":{"auth":"bWlycm9yOnNlY3JldC10d28="}}}'
    assert in_cluster(kubernetes) == CLOUD.removesuffix(b"}}") + entry
    assert no_secret_in(done)


def test_nothing_is_written_before_somebody_agrees(
    command: Command,
    kubernetes: SimulatedKubernetes,
    site: tuple[object, ...],
    mirror: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(monkeypatch, "")
    done = command("upgraph", "pull-secret", "append", "--from", mirror, *site)
    assert (done.code, "change-unconfirmed" in done.err) == (2, True)
    assert "+ registry.example:5000  user 'mirror'" in done.out
    assert in_cluster(kubernetes) == CLOUD


def test_an_entry_without_a_login_is_passed_over_and_told(command: Command, file: Path, mirror: Path) -> None:
    done = command("upgraph", "pull-secret", "append", "--from", mirror, "--yes", file)
    assert done.err == "passed over: x.example, whose login is not in the file\n"
    assert set(json.loads(file.read_text())["auths"]) == {"cloud.openshift.com", "registry.example:5000"}


def test_the_same_logins_are_not_written_again(command: Command, file: Path, mirror: Path) -> None:
    assert command("upgraph", "pull-secret", "append", "--from", mirror, "--yes", file).code == 0
    before = file.stat().st_mtime_ns
    done = command("upgraph", "pull-secret", "append", "--from", mirror, file)
    assert (done.code, "nothing was changed" in done.out, file.stat().st_mtime_ns) == (0, True, before)


def test_all_logins_are_replaced(
    command: Command, kubernetes: SimulatedKubernetes, site: tuple[object, ...], mirror: Path
) -> None:
    done = command("upgraph", "pull-secret", "replace", "--from", mirror, "--yes", *site)
    assert "  - cloud.openshift.com  user 'me'\n  + registry.example:5000  user 'mirror'\n" in done.out
    assert in_cluster(kubernetes) == mirror.read_bytes()
    assert no_secret_in(done)


def test_who_logs_in_where_is_shown(command: Command, site: tuple[object, ...]) -> None:
    done = command("upgraph", "pull-secret", "show", "-o", "json", *site)
    assert done.json == [{"registry": "cloud.openshift.com", "user": "me", "login": "password"}]
    assert no_secret_in(done)


def test_a_table_is_for_people(command: Command, file: Path) -> None:
    done = command("upgraph", "pull-secret", "show", file)
    assert done.out.split() == [
        "REGISTRY", "USER", "LOGIN", *[w for w in done.out.split() if set(w) == {"─"}],
        "cloud.openshift.com", "me", "password",
    ]  # fmt: skip


def test_another_writer_is_not_overwritten(
    command: Command,
    kubernetes: SimulatedKubernetes,
    site: tuple[object, ...],
    mirror: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = kubernetes.answer

    def someone_was_quicker(method: str, *rest: object) -> tuple[int, object]:
        if method == "PATCH":
            kubernetes.put(
                "pull-secret", {KEY: b'{"auths":{"theirs.example":{}}}'}, namespace="openshift-config"
            )
        return answer(method, *rest)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(kubernetes, "answer", someone_was_quicker)
    done = command("upgraph", "pull-secret", "append", "--from", mirror, "--yes", *site)
    assert (done.code, "kube-conflict" in done.err) == (4, True)
    assert b"theirs.example" in in_cluster(kubernetes)


def test_a_file_that_changed_since_it_was_shown_is_not_overwritten(
    command: Command, file: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Person(io.TextIOWrapper):
        def isatty(self) -> bool:
            # Somebody is asked, and meanwhile another program writes.
            file.write_text('{"auths": {}}')
            return True

    monkeypatch.setattr(sys, "stdin", Person(io.BytesIO(b"y\n")))
    done = command("upgraph", "pull-secret", "append", "--from", mirror, file)
    assert (done.code, "since the difference was shown" in done.err) == (2, True)
    assert file.read_text() == '{"auths": {}}'


def test_a_person_who_says_no_changes_nothing(
    command: Command, file: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Person(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Person(io.BytesIO(b"n\n")))
    done = command("upgraph", "pull-secret", "append", "--from", mirror, file)
    assert (done.code, file.read_bytes()) == (2, CLOUD)
    assert "was not changed, as the answer was no" in done.err


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("Opaque", {KEY: CLOUD}, "has the type 'Opaque'"),
        ("kubernetes.io/dockerconfigjson", {"auth.json": CLOUD}, f"has no key {KEY}, but auth.json"),
        ("kubernetes.io/dockerconfigjson", {KEY: b"[]"}, "harbour/odd: not valid"),
    ],
    ids=["type", "key", "content"],
)
def test_what_is_no_pull_secret_is_refused(
    *,
    command: Command,
    kubernetes: SimulatedKubernetes,
    site: tuple[object, ...],
    kind: str,
    data: dict[str, bytes],
    said: str,
) -> None:
    kubernetes.put("odd", data, kind=kind)
    done = command("upgraph", "pull-secret", "show", "--secret", "harbour/odd", *site)
    assert (done.code, said in done.err) == (2, True)


def test_a_right_that_is_missing_is_named(
    command: Command, kubernetes: SimulatedKubernetes, site: tuple[object, ...], mirror: Path
) -> None:
    kubernetes.rights.verbs = {"get"}
    done = command("upgraph", "pull-secret", "append", "--from", mirror, "--yes", *site)
    assert (done.code, "kube-forbidden" in done.err) == (4, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("append",), "no login was given"),
        (("append", "--from", "/absent"), "/absent is not there"),
        (("append", "--registry", "a.example"), "--registry is HOST[/PATH]=USER"),
        (("append", "--password-stdin"), "goes with one --registry"),
        (("show", "/absent"), "/absent is not there"),
        (("show", "--secret", "pull-secret"), "--secret is NAMESPACE/NAME"),
        (("show", "--secret", "a/../b"), "--secret is NAMESPACE/NAME"),
        (("show", "/dev/null", "--context", "x"), "name either a FILE or a cluster"),
    ],
)
def test_a_wrong_call_is_refused(command: Command, arguments: tuple[str, ...], said: str) -> None:
    done = command("upgraph", "pull-secret", *arguments)
    assert (done.code, said in done.err) == (2, True)


def test_the_last_login_is_not_taken_away(command: Command, file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text('{"auths": {}}')
    done = command("upgraph", "pull-secret", "replace", "--from", tmp_path / "empty.json", "--yes", file)
    assert (done.code, file.read_bytes()) == (2, CLOUD)
