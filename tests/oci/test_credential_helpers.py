"""Programs that hold credentials are asked as docker asks them, within bounds."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from upgraph.errors import RemoteError
from upgraph.oci import Access, Credentials, RegistryClient
from upgraph.oci.credentials import credential_helper
from upgraph.testing.registry import Login, SimulatedRegistry

SECRET = "do-not-show-this"
HOST = "q.example:5000"
ANSWER = json.dumps({"ServerURL": HOST, "Username": "me", "Secret": SECRET})
Helper = Callable[..., Credentials]


@pytest.fixture
def helper(tmp_path: Path) -> Helper:
    """Credentials whose file names a helper that is this shell script."""

    def made(script: str, **content: object) -> Credentials:
        program = tmp_path / "bin/docker-credential-anchor"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        file = tmp_path / "config.json"
        file.write_text(json.dumps(content or {"credHelpers": {HOST: "anchor"}}))
        return Credentials.load(
            file, {"PATH": f"{program.parent}:{os.defpath}", "NOTES": str(tmp_path / "notes")}
        )

    return made


def gives(answer: str = ANSWER) -> str:
    return f"cat > $NOTES; echo \" $1\" >> $NOTES; echo '{answer}'"


async def test_a_helper_is_asked_for_the_host(helper: Helper, tmp_path: Path) -> None:
    login = await helper(gives()).find(HOST, "a/b")
    assert login is not None
    assert (login.username, login.password) == ("me", SECRET)
    assert (tmp_path / "notes").read_text() == f"{HOST} get\n"


async def test_a_helper_of_another_host_is_not_asked(helper: Helper, tmp_path: Path) -> None:
    assert await helper(gives()).find("q.example", "a") is None
    assert not (tmp_path / "notes").exists()


async def test_the_store_is_asked_where_no_other_login_is(helper: Helper, tmp_path: Path) -> None:
    credentials = helper(
        gives(),
        credsStore="anchor",
        auths={HOST: {}, "known.example": {"username": "known", "password": "x"}},
    )
    known = await credentials.find("known.example", "a")
    assert (known and known.username, (tmp_path / "notes").exists()) == ("known", False)
    stored = await credentials.find(HOST, "a")
    assert stored is not None
    assert stored.username == "me"


async def test_the_helper_of_a_host_goes_before_a_login_in_the_file(helper: Helper) -> None:
    content = {"credHelpers": {HOST: "anchor"}, "auths": {HOST: {"username": "old", "password": "x"}}}
    login = await helper(gives(), **content).find(HOST, "a")
    assert login is not None
    assert login.username == "me"


async def test_docker_hub_is_asked_for_under_the_name_that_docker_keeps(
    helper: Helper, tmp_path: Path
) -> None:
    await helper(gives(), credsStore="anchor").find("docker.io", "library/a")
    assert (tmp_path / "notes").read_text() == "https://index.docker.io/v1/ get\n"


async def test_an_identity_token_is_known_by_its_user_name(helper: Helper) -> None:
    login = await helper(gives(json.dumps({"Username": "<token>", "Secret": SECRET}))).find(HOST, "a")
    assert login is not None
    assert (login.username, login.identity_token) == ("", SECRET)


@pytest.mark.parametrize(
    "script",
    ["echo credentials not found in native keychain; exit 1", 'echo \'{"Username": "", "Secret": ""}\''],
    ids=["not-found", "empty"],
)
async def test_no_credentials_means_anonymous(helper: Helper, script: str) -> None:
    found = await helper(script).lookup(HOST, "a")
    assert found.login is None
    assert found.looked_at[0].outcome == f"helper 'anchor' has no login for {HOST}"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo the vault is sealed; exit 3", r"status 3 \(the vault is sealed\)"),
        (f"echo '{ANSWER}'; exit 1", "status 1$"),
        (f"echo '\"{SECRET}\"'", "not the JSON that was expected"),
        (f"echo '{SECRET}'", "not the JSON that was expected"),
        ("head -c 100000 /dev/zero", "more than 65536 bytes"),
        ("sleep 60", "no answer in 0.3 seconds"),
        ("sleep 60 & sleep 60", "no answer in 0.3 seconds"),
    ],
    ids=["failed", "failed-with-secret", "no-object", "no-json", "flood", "slow", "slow-with-child"],
)
async def test_a_helper_that_fails_is_reported_without_its_secrets(
    helper: Helper, script: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "sleep" in script:
        monkeypatch.setattr(credential_helper, "HELPER_SECONDS", 0.3)
    with pytest.raises(RemoteError, match=said) as failed:
        await helper(script).find(HOST, "a")
    assert failed.value.reference == "oci-credential-helper"
    assert SECRET not in failed.value.seen
    assert SECRET not in str(failed.value.__cause__)


@pytest.mark.parametrize("name", ["../anchor", "anchor get; true", "no-such"])
async def test_a_name_that_is_no_program_is_refused(helper: Helper, name: str) -> None:
    credentials = helper("true", credHelpers={HOST: name})
    with pytest.raises(RemoteError, match=r"no name of a credential helper|not in the PATH"):
        await credentials.find(HOST, "a")


async def test_a_registry_is_read_with_the_login_of_a_helper(
    helper: Helper, registry: SimulatedRegistry
) -> None:
    registry.login = Login("basic", "me", SECRET)
    access = Access(helper(gives(), credsStore="anchor"))
    async with RegistryClient(registry.repository, access=access) as client:
        assert await client.tags()


async def test_a_broken_helper_stops_the_request_with_its_own_fault(
    helper: Helper, registry: SimulatedRegistry
) -> None:
    registry.login = Login("basic", "me", SECRET)
    access = Access(helper("exit 9", credsStore="anchor"))
    async with RegistryClient(registry.repository, access=access) as client:
        with pytest.raises(RemoteError, match="status 9"):
            await client.tags()
