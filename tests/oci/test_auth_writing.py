"""A file with credentials is written as a whole or not at all, by one writer at a time."""

import errno
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.oci import AuthDocument, change_auth_file, read_document
from upgraph.oci.credentials import auth_writing
from upgraph.oci.credentials.login import Login

OLD = '{"auths": {"old.example": {"auth": "YTpi"}}}'


def with_login(key: str) -> auth_writing.Change:
    return lambda document: document.with_login(Login(key, "me", "secret"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "auth.json"
    place.write_text(OLD)
    return place


def keys(place: Path) -> set[str]:
    return set(json.loads(place.read_text())["auths"])


def test_a_file_and_its_directories_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    place = tmp_path / "run/containers/auth.json"
    change_auth_file(place, with_login("a.example"))
    assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_file_that_others_could_read_becomes_that_of_its_owner(file: Path) -> None:
    file.chmod(0o644)
    change_auth_file(file, with_login("a.example"))
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_is_left_beside_the_file(file: Path) -> None:
    change_auth_file(file, with_login("a.example"))
    assert [one.name for one in file.parent.iterdir()] == ["auth.json"]
    assert keys(file) == {"old.example", "a.example"}


def test_a_change_that_changes_nothing_writes_nothing(file: Path) -> None:
    before = file.stat()
    change_auth_file(file, lambda document: document)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_link_stays_and_what_it_leads_to_is_replaced(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "home" / "auth.json"
    link.parent.mkdir()
    link.symlink_to("../auth.json")
    change_auth_file(link, with_login("a.example"))
    assert link.is_symlink()
    assert keys(file) == {"old.example", "a.example"}


def test_many_threads_lose_no_login(file: Path) -> None:
    hosts = {f"h{number}.example" for number in range(24)}
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(change_auth_file, file, with_login(host)) for host in sorted(hosts)]:
            done.result()
    assert keys(file) == hosts | {"old.example"}


def test_processes_lose_no_login(file: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from upgraph.oci import change_auth_file; from upgraph.oci.credentials.login import Login\n"
        "for n in range(8): change_auth_file(Path(sys.argv[1]), lambda d: d.with_login(Login(f'{sys.argv[2]}{n}.example','u','p')))"
    )
    started = [subprocess.Popen([sys.executable, "-c", program, str(file), name]) for name in "abc"]
    assert [process.wait(180) for process in started] == [0, 0, 0]
    assert keys(file) == {"old.example"} | {
        f"{name}{number}.example" for name in "abc" for number in range(8)
    }


def test_a_program_without_our_lock_loses_nothing_either(file: Path) -> None:
    others = iter(["x.example", "y.example"])

    def change(document: AuthDocument) -> AuthDocument:
        # podman writes between our reading and our writing.
        other = next(others, None)
        if other is not None:
            file.write_text(document.with_login(Login(other, "me", "secret")).text)
        return document.with_login(Login("a.example", "me", "secret"))

    change_auth_file(file, change)
    assert keys(file) == {"old.example", "x.example", "y.example", "a.example"}


def test_a_program_that_never_rests_ends_the_attempt(file: Path) -> None:
    def change(document: AuthDocument) -> AuthDocument:
        file.write_text(document.text + " ")
        return document.with_login(Login("a.example", "me", "secret"))

    with pytest.raises(UserError, match="another program has changed it 100 times"):
        change_auth_file(file, change)
    assert keys(file) == {"old.example"}


def test_a_lock_that_is_not_given_back_ends_the_wait(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_writing, "LOCK_SECONDS", 0.1)
    handle = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(UserError, match=r"has held its lock for 0\.1 s"):
            change_auth_file(file, with_login("a.example"))
    finally:
        os.close(handle)


def test_a_file_system_without_locks_is_written_to(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    change_auth_file(file, with_login("a.example"))
    assert "a.example" in keys(file)


@pytest.mark.parametrize(
    "content", ["", "no json", "[]", '{"auths": []}'], ids=["empty", "text", "list", "logins"]
)
def test_a_file_that_is_not_valid_is_not_written(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(UserError) as caught:
        change_auth_file(file, with_login("a.example"))
    assert (caught.value.reference, file.read_text()) == ("oci-auth-file", content)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="it is not a plain file"):
        change_auth_file(tmp_path / "pipe", with_login("a.example"))


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it is a directory"):
        change_auth_file(tmp_path, with_login("a.example"))


def test_a_huge_file_is_refused(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(5 * 1024 * 1024)
    with pytest.raises(UserError, match="larger than 4194304 bytes"):
        read_document(file)


@contextmanager
def small_disk() -> Iterator[None]:
    """Files can have 40 bytes, and the system says so. Only for a moment: what reports on tests writes files too."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


def test_a_disk_without_room_leaves_the_old_file(file: Path) -> None:
    with small_disk(), pytest.raises(UserError) as caught:
        change_auth_file(file, with_login("a.example"))
    assert caught.value.reference == "auth-file-unwritable"
    assert (file.read_text(), [one.name for one in file.parent.iterdir()]) == (OLD, ["auth.json"])


def test_a_place_below_a_file_is_refused(file: Path) -> None:
    with pytest.raises(UserError) as caught:
        change_auth_file(file / "auth.json", with_login("a.example"))
    assert caught.value.reference == "auth-file-unwritable"


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UserError) as caught:
        change_auth_file(tmp_path / "a", with_login("a.example"))
    assert caught.value.reference == "auth-file-unwritable"


def test_a_directory_that_may_not_be_written_is_told() -> None:
    # Nobody can make files there, root included.
    with pytest.raises(UserError) as caught:
        change_auth_file(Path("/proc/self/auth.json"), with_login("a.example"))
    assert caught.value.reference == "auth-file-unwritable"
    assert "--to FILE" in caught.value.remedy
