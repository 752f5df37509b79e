"""A login is shown to its registry, and kept where other programs find it; those programs' logins are found too."""

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from upgraph.errors import RemoteError, UserError
from upgraph.oci import (
    Access,
    Credentials,
    RegistryKey,
    Trust,
    check_login,
    default_place,
    forget_login,
    login_of,
    save_login,
)
from upgraph.testing.certificates import Certificates
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry, program
from upgraph.testing.registry import Login, SimulatedRegistry

HOST = "q.example:5000"


def key_of(registry: RealRegistry, path: str = "") -> RegistryKey:
    return RegistryKey("127.0.0.1:" + str(registry.port), path)


def skopeo(*arguments: object) -> str:
    command = [program("skopeo"), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=180).stdout.strip()


@pytest.fixture
def access(certificates: Certificates) -> Access:
    return Access(trust=Trust((certificates.certificate,)))


@pytest.mark.parametrize("path", ["", "releases", "releases/ocp", "not/there"])
async def test_the_right_login_is_accepted(guarded_registry: RealRegistry, access: Access, path: str) -> None:
    key = key_of(guarded_registry, path)
    assert await check_login(key, login_of(key, USERNAME, PASSWORD), access)


async def test_a_wrong_login_is_refused_and_named(guarded_registry: RealRegistry, access: Access) -> None:
    key = key_of(guarded_registry)
    with pytest.raises(RemoteError) as caught:
        await check_login(key, login_of(key, USERNAME, "do-not-show-this"), access)
    seen = f"{key}: it refuses the login; tried user 'sailor'; nothing was saved"
    assert (caught.value.reference, caught.value.seen) == ("registry-unauthorized", seen)


async def test_a_registry_with_tls_that_is_asked_without_is_told_so(guarded_registry: RealRegistry) -> None:
    key = RegistryKey(key_of(guarded_registry).host, scheme="http")
    with pytest.raises(RemoteError) as caught:
        await check_login(key, login_of(key, USERNAME, PASSWORD), Access())
    assert caught.value.remedy == f"A server with TLS answers so. Leave out docker+http://: {key}"


async def test_a_registry_that_nobody_trusts_is_shown_nothing(guarded_registry: RealRegistry) -> None:
    key = key_of(guarded_registry)
    with pytest.raises(RemoteError) as caught:
        await check_login(key, login_of(key, USERNAME, PASSWORD), Access())
    assert caught.value.reference == "registry-untrusted"


async def test_a_registry_that_asks_for_no_login_says_so(registry: SimulatedRegistry) -> None:
    key = RegistryKey(registry.repository.host, scheme="http")
    assert not await check_login(key, login_of(key, USERNAME, PASSWORD), Access())


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
async def test_each_way_of_login_is_tried(
    registry: SimulatedRegistry, scheme: Literal["basic", "bearer"]
) -> None:
    registry.login = Login(scheme, USERNAME, PASSWORD)
    key = RegistryKey(registry.repository.host, scheme="http")
    assert await check_login(key, login_of(key, USERNAME, PASSWORD), Access())
    with pytest.raises(RemoteError, match="refuses the login"):
        await check_login(key, login_of(key, USERNAME, "wrong"), Access())


async def test_skopeo_reads_what_we_write(guarded_registry: RealRegistry, tmp_path: Path) -> None:
    key, file = key_of(guarded_registry), tmp_path / "auth.json"
    await save_login(file, login_of(key, USERNAME, PASSWORD), {})
    assert skopeo("login", "--get-login", "--authfile", file, key) == USERNAME
    listed = skopeo("list-tags", "--tls-verify=false", "--authfile", file, f"docker://{key}/releases/ocp")
    assert json.loads(listed)["Tags"]


async def test_we_read_what_skopeo_writes(guarded_registry: RealRegistry, tmp_path: Path) -> None:
    key, file = key_of(guarded_registry), tmp_path / "auth.json"
    skopeo("login", "--tls-verify=false", "--authfile", file, "-u", USERNAME, "-p", PASSWORD, key)
    found = await Credentials.load(file).find(key.host, "any/path")
    assert found == login_of(key, USERNAME, PASSWORD)
    await forget_login(file, key, {})
    assert json.loads(file.read_text()) == {"auths": {}}


async def test_both_write_the_same_bytes_for_the_first_login(
    guarded_registry: RealRegistry, tmp_path: Path
) -> None:
    key = key_of(guarded_registry)
    skopeo(
        "login", "--tls-verify=false", "--authfile", tmp_path / "theirs", "-u", USERNAME, "-p", PASSWORD, key
    )
    await save_login(tmp_path / "ours", login_of(key, USERNAME, PASSWORD), {})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


async def test_skopeo_logs_out_of_what_we_logged_in_to(
    guarded_registry: RealRegistry, tmp_path: Path
) -> None:
    key, file = key_of(guarded_registry, "releases"), tmp_path / "auth.json"
    await save_login(file, login_of(key, USERNAME, PASSWORD), {})
    skopeo("logout", "--authfile", file, key)
    assert json.loads(file.read_text()) == {"auths": {}}


@pytest.mark.parametrize(
    ("username", "password", "said"),
    [
        ("", "x", "the user name is empty"),
        ("me", "", "the password is empty"),
        ("m:e", "x", "has a colon"),
        ("me", "x\ny", "a control character"),
    ],
    ids=["no user", "no password", "colon", "two lines"],
)
def test_a_login_that_no_registry_could_read_is_refused(username: str, password: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        login_of(RegistryKey("a.example"), username, password)


@pytest.mark.parametrize("password", ["Spaß am Meer", "a\u00a0b", "a:b:c", "🐙"])
def test_a_password_in_any_language_is_kept(password: str) -> None:
    login = login_of(RegistryKey("a.example"), "Käpt'n", password)
    assert base64.b64decode(login.basic.removeprefix("Basic ")).decode() == f"Käpt'n:{password}"


def test_the_file_is_the_one_that_podman_writes() -> None:
    assert default_place({"XDG_RUNTIME_DIR": "/run/user/7"}, 7) == Path("/run/user/7/containers/auth.json")
    assert default_place({}, 7) == Path("/run/containers/7/auth.json")
    assert default_place({"REGISTRY_AUTH_FILE": "/etc/auth.json"}, 7) == Path("/etc/auth.json")


async def test_a_login_that_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    file = tmp_path / "auth.json"
    file.write_text('{"auths": {"q.example": {"auth": "YTpi"}}}')
    with pytest.raises(UserError, match=r"has no login of q\.example:5000, but q\.example$"):
        await forget_login(file, RegistryKey.parse(HOST), {})


Helped = Callable[..., tuple[Path, dict[str, str]]]


@pytest.fixture
def helped(tmp_path: Path) -> Helped:
    """A file that names a helper, and the environment in which the helper notes what it is told."""

    def made(content: object, script: str = 'echo "$1 $(cat)" >> $NOTES') -> tuple[Path, dict[str, str]]:
        helper = tmp_path / "bin/docker-credential-anchor"
        helper.parent.mkdir()
        helper.write_text(f"#!/bin/sh\n{script}\n")
        helper.chmod(0o755)
        file = tmp_path / "auth.json"
        file.write_text(json.dumps(content))
        return file, {"PATH": f"{helper.parent}:{os.defpath}", "NOTES": str(tmp_path / "notes")}

    return made


@pytest.mark.parametrize(
    "content", [{"credHelpers": {HOST: "anchor"}}, {"credsStore": "anchor"}], ids=["host", "store"]
)
async def test_a_helper_that_the_file_names_gets_the_login(
    helped: Helped, tmp_path: Path, content: object
) -> None:
    file, environment = helped(content)
    key = RegistryKey.parse(HOST)
    kept = await save_login(file, login_of(key, "me", "secret"), environment)
    await forget_login(file, key, environment)
    told = f'store {{"ServerURL":"{HOST}","Username":"me","Secret":"secret"}}\nerase {HOST}\n'
    assert (tmp_path / "notes").read_text() == told
    assert str(kept) == f"docker-credential-anchor, which {file} names"
    assert json.loads(file.read_text()) == content


async def test_the_login_of_a_path_that_a_helper_would_hide_is_refused(helped: Helped) -> None:
    file, environment = helped({"credHelpers": {HOST: "anchor"}})
    login = login_of(RegistryKey.parse(f"{HOST}/ocp"), "me", "secret")
    with pytest.raises(UserError) as caught:
        await save_login(file, login, environment)
    assert caught.value.reference == "registry-login-helper"


async def test_the_login_of_a_path_stands_in_the_file_before_a_store(helped: Helped) -> None:
    file, environment = helped({"credsStore": "anchor"})
    await save_login(file, login_of(RegistryKey.parse(f"{HOST}/ocp"), "me", "secret"), environment)
    assert list(json.loads(file.read_text())["auths"]) == [f"{HOST}/ocp"]


async def test_a_helper_that_refuses_is_an_error(helped: Helped) -> None:
    file, environment = helped({"credsStore": "anchor"}, "cat > /dev/null; echo the vault is closed; exit 1")
    with pytest.raises(RemoteError, match="the vault is closed"):
        await save_login(file, login_of(RegistryKey.parse(HOST), "me", "secret"), environment)


async def test_an_old_entry_goes_although_a_helper_keeps_the_host_now(helped: Helped, tmp_path: Path) -> None:
    file, environment = helped({"auths": {HOST: {"auth": "YTpi"}}, "credHelpers": {HOST: "anchor"}})
    await forget_login(file, RegistryKey.parse(HOST), environment)
    assert json.loads(file.read_text())["auths"] == {}
    assert (tmp_path / "notes").read_text() == f"erase {HOST}\n"
