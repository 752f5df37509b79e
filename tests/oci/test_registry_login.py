"""Getting in: tokens, logins, and what is said when there is no way."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from upgraph.errors import RemoteError
from upgraph.oci import RegistryClient, Repository
from upgraph.oci.registry.authorization import token_request
from upgraph.oci.registry.challenge import Challenge
from upgraph.testing.real_registry import PASSWORD, USERNAME
from upgraph.testing.registry import Fault, Login, SimulatedRegistry

TAG = "4.18.1-x86_64"
BASIC = Login("basic", USERNAME, PASSWORD)
BEARER = Login("bearer", USERNAME, PASSWORD)
ANONYMOUS = Login("bearer")


def shown(registry: SimulatedRegistry, step: str) -> list[str]:
    return [seen.headers.get("Authorization", "") for seen in registry.requests if seen.step == step]


def put(auth_file: Path, host: str, entry: dict[str, str]) -> None:
    auth_file.write_text(json.dumps({"auths": {host: entry}}))


async def test_a_registry_that_does_not_ask_is_shown_nothing(
    known: RegistryClient, registry: SimulatedRegistry
) -> None:
    await known.manifest(TAG)
    assert shown(registry, "manifest") == [""]


async def test_anybody_gets_a_token_where_the_registry_wants_it_so(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.login = ANONYMOUS
    await client.manifest(TAG)
    assert shown(registry, "manifest") == ["", "Bearer token-1"]
    assert shown(registry, "token") == [""]


@pytest.mark.parametrize("login", [BASIC, BEARER], ids=["basic", "bearer"])
async def test_a_login_is_shown_when_it_is_asked_for(
    known: RegistryClient, registry: SimulatedRegistry, login: Login
) -> None:
    registry.login = login
    assert (await known.manifest(TAG)).digest == registry.tags[TAG]
    pair = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    assert f"Basic {pair}" in shown(registry, "token") + shown(registry, "manifest")


async def test_the_token_service_is_asked_for_pulling_this_repository_only(
    known: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.login = BEARER
    await known.manifest(TAG)
    path = next(seen.path for seen in registry.requests if seen.step == "token")
    assert "service=simulated,+registry" in path
    assert "scope=repository:releases/ocp:pull" in path


async def test_an_identity_token_is_exchanged(
    known: RegistryClient, registry: SimulatedRegistry, auth_file: Path
) -> None:
    registry.login = Login("bearer", identity_token="long-lived")
    put(auth_file, registry.repository.host, {"identitytoken": "long-lived"})
    await known.manifest(TAG)
    assert [seen.method for seen in registry.requests if seen.step == "token"] == ["POST"]


async def test_a_registry_token_is_used_as_it_is(
    known: RegistryClient, registry: SimulatedRegistry, auth_file: Path
) -> None:
    registry.login = BEARER
    registry.tokens = {"given"}
    put(auth_file, registry.repository.host, {"registrytoken": "given"})
    await known.manifest(TAG)
    assert registry.counts["token"] == 0


async def test_many_waiting_requests_fetch_one_token(
    known: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.login = BEARER
    await asyncio.gather(*(known.manifest(tag) for tag in list(registry.tags) * 20))
    assert registry.counts["token"] == 1


async def test_a_token_is_renewed_shortly_before_it_ends(
    known: RegistryClient, registry: SimulatedRegistry, clock: Any
) -> None:
    registry.login = BEARER
    await known.manifest(TAG)
    clock.seconds += 269
    await known.manifest(TAG)
    clock.seconds += 2
    registry.tokens.clear()
    await known.manifest(TAG)
    assert shown(registry, "manifest") == ["", "Bearer token-1", "Bearer token-1", "Bearer token-2"]


async def test_a_token_that_is_refused_in_the_middle_is_renewed(
    known: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.login = BEARER
    await known.manifest(TAG)
    registry.tokens.clear()
    await asyncio.gather(*(known.manifest(TAG) for _ in range(20)))
    assert registry.counts["token"] == 2


async def test_credentials_that_were_rotated_are_picked_up_with_the_next_token(
    known: RegistryClient, registry: SimulatedRegistry, auth_file: Path
) -> None:
    registry.login = BEARER
    await known.manifest(TAG)
    registry.login = Login("bearer", USERNAME, "rotated")
    registry.tokens.clear()
    put(auth_file, registry.repository.host, {"username": USERNAME, "password": "rotated"})
    await known.manifest(TAG)
    assert registry.counts["token"] == 2


async def test_a_token_service_that_fails_for_a_moment_is_waited_out(
    known: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.login = BEARER
    registry.faults = [Fault("token", status=503), Fault("token", cut_after=3)]
    await known.manifest(TAG)
    assert registry.counts["token"] == 3


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
async def test_a_wrong_login_is_tried_once_however_many_wait(
    known: RegistryClient, registry: SimulatedRegistry, scheme: Any
) -> None:
    registry.login = Login(scheme, USERNAME, "another-password")
    failed = await asyncio.gather(*(known.manifest(TAG) for _ in range(50)), return_exceptions=True)
    assert {getattr(error, "reference", None) for error in failed} == {"registry-unauthorized"}
    logins = [seen for seen in registry.requests if seen.headers.get("Authorization", "").startswith("Basic")]
    assert len(logins) == 1


async def test_a_refusal_is_tried_anew_after_a_while(
    known: RegistryClient, registry: SimulatedRegistry, clock: Any
) -> None:
    registry.login = Login("bearer", USERNAME, "another-password")
    with pytest.raises(RemoteError):
        await known.manifest(TAG)
    registry.login = BEARER
    clock.seconds += 31
    await known.manifest(TAG)


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
async def test_a_login_that_was_put_right_is_used_at_once(
    known: RegistryClient, registry: SimulatedRegistry, auth_file: Path, scheme: Any
) -> None:
    registry.login = Login(scheme, USERNAME, "another-password")
    with pytest.raises(RemoteError):
        await known.manifest(TAG)
    put(auth_file, registry.repository.host, {"username": USERNAME, "password": "another-password"})
    await known.manifest(TAG)


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
async def test_a_refusal_says_which_registry_user_key_and_file_and_no_password(
    known: RegistryClient, registry: SimulatedRegistry, auth_file: Path, scheme: Any
) -> None:
    registry.login = Login(scheme, USERNAME, "another-password")
    with pytest.raises(RemoteError) as failed:
        await known.manifest(TAG)
    seen = failed.value.seen
    for part in (str(registry.repository), f"user '{USERNAME}'", registry.repository.name, str(auth_file)):
        assert part in seen
    assert PASSWORD not in seen


async def test_a_refusal_without_any_credentials_says_so(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.login = BASIC
    with pytest.raises(RemoteError, match="no file with credentials is configured"):
        await client.manifest(TAG)


async def test_a_refusal_says_that_no_key_matches(
    known: RegistryClient, registry: SimulatedRegistry, auth_file: Path
) -> None:
    registry.login = BASIC
    put(auth_file, "other.example.com", {"username": "me", "password": "x"})
    with pytest.raises(RemoteError, match=r"no key of .*auth.json matches"):
        await known.manifest(TAG)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("token", body=b"<html>"), "not the JSON"),
        (Fault("token", body=b"{}"), "neither token nor access_token"),
        (Fault("token", body=b'{"token": "a\\r\\nX: y"}'), "characters that no header may have"),
        (Fault("token", body=b" " * (1024 * 1024 + 1)), "bytes; 1048576 are accepted"),
        (Fault("token", status=307, headers={"Location": "/elsewhere"}), "status 307"),
    ],
    ids=["html", "empty", "injection", "huge", "redirect"],
)
async def test_an_answer_of_the_token_service_that_is_no_token_is_refused(
    known: RegistryClient, registry: SimulatedRegistry, fault: Fault, said: str
) -> None:
    registry.login = BEARER
    registry.faults = [fault]
    with pytest.raises(RemoteError) as failed:
        await known.manifest(TAG)
    assert said in failed.value.seen


async def test_a_registry_that_offers_unknown_ways_only_is_named_with_them(
    known: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.faults = [Fault("manifest", status=401, headers={"WWW-Authenticate": "Negotiate, NTLM"})]
    with pytest.raises(RemoteError, match="offered: negotiate, ntlm"):
        await known.manifest(TAG)


@pytest.mark.parametrize("realm", ["http://t.io/token", "", "ftp://t.io", "//t.io/token"])
def test_credentials_never_go_to_a_token_service_without_tls(realm: str) -> None:
    with pytest.raises(RemoteError) as refused:
        token_request(Repository("q.io", "a"), Challenge("bearer", {"realm": realm}), None)
    assert refused.value.reference == "registry-token"


@pytest.mark.parametrize("realm", ["http://", "http://[::1", "http://u:p@t.io/token"])
async def test_a_token_service_without_a_usable_address_is_refused(
    known: RegistryClient, registry: SimulatedRegistry, realm: str
) -> None:
    registry.login = Login("bearer", USERNAME, PASSWORD, realm=realm)
    with pytest.raises(RemoteError) as refused:
        await known.manifest(TAG)
    assert refused.value.reference == "registry-token"


async def test_a_token_that_is_given_but_not_enough_is_a_refusal(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.login = ANONYMOUS
    registry.faults = [Fault("manifest", times=99, status=401)]
    with pytest.raises(RemoteError, match=f"it refuses the login for GET /v2/releases/ocp/manifests/{TAG}"):
        await client.manifest(TAG)
    assert registry.counts["token"] == 1


async def test_a_registry_token_that_is_refused_is_not_sent_again(
    known: RegistryClient, registry: SimulatedRegistry, auth_file: Path
) -> None:
    registry.login = BEARER
    put(auth_file, registry.repository.host, {"registrytoken": "stale"})
    for _ in range(3):
        with pytest.raises(RemoteError, match="tried a token from key"):
            await known.manifest(TAG)
    assert shown(registry, "manifest") == ["", "Bearer stale"]


async def test_a_refusal_mentions_a_changed_file_that_could_not_be_used(
    known: RegistryClient, registry: SimulatedRegistry, auth_file: Path
) -> None:
    registry.login = Login("basic", USERNAME, "rotated")
    put(auth_file, registry.repository.host, {"auth": "rubbish"})
    with pytest.raises(RemoteError, match=r"not all files could be used: .*is not base64"):
        await known.manifest(TAG)


async def test_a_registry_that_fails_while_a_login_is_tried_is_asked_again(
    known: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.login = BASIC
    registry.faults = [Fault("base", status=503)]
    assert (await known.manifest(TAG)).digest == registry.tags[TAG]
