"""The way to one image is tried step by step, down to its first blob."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.doctor.conftest import REPOSITORY, TAG, Checks
from upgraph.errors import UserError
from upgraph.oci import parse_image_name
from upgraph.service.configuration import Configuration
from upgraph.service.doctor import Result, examine_image
from upgraph.testing.certificates import Authority
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry

LookAt = Callable[..., Awaitable[Checks]]


@pytest.fixture
def look_at(authority: Authority, guarded: RealRegistry, tmp_path: Path) -> LookAt:
    """Examines an image of the guarded registry, which is trusted and has a login unless that is said."""
    auth = tmp_path / "auth.json"

    async def run(reference: str = f":{TAG}", password: str = PASSWORD, **fields: Any) -> Checks:
        place = f"127.0.0.1:{guarded.port}"
        auth.write_text(f'{{"auths": {{"{place}": {{"username": "{USERNAME}", "password": "{password}"}}}}}}')
        configuration = Configuration(**{"ca": (authority.certificate,), "authfile": auth, **fields})
        name = parse_image_name(f"{place}/{REPOSITORY}{reference}")
        return Checks(await examine_image(name, configuration, {"PATH": os.environ["PATH"]}))

    return run


async def test_every_step_is_well_and_the_last_one_reads_a_blob(look_at: LookAt) -> None:
    checks = await look_at()
    assert {check.result for check in checks.all} == {Result.OK}
    assert [check.name for check in checks.all] == [
        "access", "proxy", "dns", "tcp", "tls", "registry", "credentials", "login", "clock", "image", "blob",
    ]  # fmt: skip
    assert "an image of" in checks.one("image").seen
    assert "can be fetched" in checks.one("blob").seen


async def test_a_digest_is_an_image_too(look_at: LookAt) -> None:
    digest = (await look_at()).one("image").seen.partition(": ")[0]
    assert (await look_at(f"@{digest}")).errors == []


async def test_without_a_tag_the_way_ends_at_the_login(look_at: LookAt) -> None:
    checks = await look_at("")
    assert (checks.errors, checks.all[-1].name) == ([], "clock")
    assert checks.one("login").result is Result.OK


async def test_a_tag_that_is_not_there_is_named_with_how_to_look_again(look_at: LookAt) -> None:
    checks = await look_at(":absent")
    assert checks.errors == ["oci-image-missing"]
    assert checks.skipped == ["blob"]
    assert checks.one("image").verify[-1].startswith("upgraph registry check docker://127.0.0.1:")


async def test_a_wrong_login_stops_what_is_behind_it(look_at: LookAt) -> None:
    checks = await look_at(password="wrong")
    assert checks.errors == ["registry-unauthorized"]
    assert checks.skipped == ["image", "blob"]
    assert checks.one("login").repair[0].startswith("upgraph registry login --to auth.json 127.0.0.1:")


async def test_an_authority_that_is_missing_is_given_to_a_cluster_by_one_command(look_at: LookAt) -> None:
    check = (await look_at(ca=())).one("tls")
    assert any(line.startswith("upgraph trust configmap --registry 127.0.0.1:") for line in check.repair)


async def test_an_image_on_this_machine_is_refused() -> None:
    with pytest.raises(UserError, match="only an image in a registry is checked"):
        await examine_image(parse_image_name("oci:/media/layout:tag"), Configuration(), {})
