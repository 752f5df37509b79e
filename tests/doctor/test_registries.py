"""Every step towards a registry fails for real once, and the check says which, why, and what mends it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.doctor.conftest import REPOSITORY, TAG, Examine
from upgraph.service.doctor import Result
from upgraph.service.doctor.host import compared
from upgraph.service.doctor.images import likely
from upgraph.testing.certificates import Authority, make_authority
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry
from upgraph.testing.registry import Fault, Login, SimulatedRegistry

AuthFile = Callable[..., Path]


@pytest.fixture
def auth_file(tmp_path: Path) -> AuthFile:
    def make(key: str, password: str = PASSWORD) -> Path:
        path = tmp_path / "auth.json"
        path.write_text(json.dumps({"auths": {key: {"username": USERNAME, "password": password}}}))
        return path

    return make


def source(registry: RealRegistry, path: str = REPOSITORY) -> tuple[str]:
    return (str(registry.repository(path)),)


async def test_every_step_is_well_and_says_what_it_saw(
    look: Examine, guarded: RealRegistry, authority: Authority, auth_file: AuthFile
) -> None:
    place = f"127.0.0.1:{guarded.port}"
    checks = await look(
        releases=source(guarded),
        ca=(authority.certificate,),
        authfile=auth_file(place),
        only=("release", "clock"),
    )
    assert [(check.name, check.result) for check in checks.all] == [
        (name, Result.OK)
        for name in (
            "access", "proxy", "dns", "tcp", "tls", "registry", "credentials", "login", "clock", "tags", "release",
        )
    ]  # fmt: skip
    assert checks.one("credentials").seen.endswith(
        f"user '{USERNAME}' from key '{place}' of {auth_file(place)}"
    )
    assert checks.one("registry").seen.endswith("wants a login: basic")
    assert checks.one("release").seen.startswith(f"tag {TAG} is release 4.1.0 for amd64, sha256:")


async def test_an_authority_that_is_missing_is_named_with_the_commands_that_give_it(
    look: Examine, guarded: RealRegistry
) -> None:
    checks = await look(releases=source(guarded))
    check = checks.one("tls")
    assert (checks.errors, check.reference) == (["registry-untrusted"], "registry-untrusted")
    assert "missing among the trusted ones is the authority O=Harbour, CN=Harbour Root" in check.seen
    made = next(line for line in check.repair if line.startswith("upgraph trust configmap"))
    assert f"--registry 127.0.0.1:{guarded.port}=AUTHORITY.pem" in made
    assert check.verify[-1] == "upgraph doctor --only tls"
    assert checks.skipped == ["registry", "login", "clock", "tags", "release"]
    assert checks.one("release").blocked_by == f"tls 127.0.0.1:{guarded.port}"


@pytest.mark.parametrize(
    ("names", "days", "seen", "remedy"),
    [
        (
            "DNS:other.example",
            100,
            "it is not for 127.0.0.1, but for DNS:other.example",
            "Another --ca does not help",
        ),
        ("IP:127.0.0.1", -1, "the clock of this machine says", "set the clock"),
    ],
    ids=["wrong name", "expired"],
)
async def test_a_certificate_that_no_authority_can_mend_is_told_apart(
    look: Examine, tmp_path: Path, authority: Authority, *, names: str, days: int, seen: str, remedy: str
) -> None:
    shown = authority.issue(tmp_path, names=names, days=days)
    async with SimulatedRegistry(tls=shown.server_context()) as registry:
        checks = await look(releases=(str(registry.repository),), ca=(authority.certificate,))
    check = checks.one("tls")
    assert check.reference == "registry-untrusted"
    assert seen in check.seen
    assert remedy in check.remedy
    assert not any("--ca AUTHORITY" in line for line in check.repair)


async def test_a_certificate_that_ends_soon_is_a_warning(
    look: Examine, tmp_path: Path, layout: Path, authority: Authority
) -> None:
    shown = authority.issue(tmp_path, days=3)
    async with SimulatedRegistry(tls=shown.server_context()) as registry:
        registry.load(layout)
        checks = await look(releases=(str(registry.repository),), ca=(authority.certificate,))
    ending = checks.named("tls")[1]
    assert (ending.result, ending.reference) == (Result.WARNING, "certificate-ending")
    assert checks.one("release").result is Result.OK


async def test_a_password_that_is_refused_is_told_with_the_key_that_matched(
    look: Examine, guarded: RealRegistry, authority: Authority, auth_file: AuthFile
) -> None:
    place = f"127.0.0.1:{guarded.port}"
    logins = auth_file(place, "wrong-anchor")
    checks = await look(releases=source(guarded), ca=(authority.certificate,), authfile=logins)
    check = checks.one("login")
    assert checks.errors == ["registry-unauthorized"]
    assert f"user '{USERNAME}' from key '{place}'" in check.seen
    assert f"upgraph registry login --to auth.json {place}" in check.repair
    assert check.verify[0].startswith("upgraph registry check --authfile auth.json 127.0.0.1")
    assert "wrong-anchor" not in repr(checks)


async def test_a_key_without_the_port_is_pointed_to(
    look: Examine, guarded: RealRegistry, authority: Authority, auth_file: AuthFile
) -> None:
    checks = await look(
        releases=source(guarded), ca=(authority.certificate,), authfile=auth_file("127.0.0.1")
    )
    assert "there are logins for 127.0.0.1, which is not the same" in checks.one("credentials").seen
    assert "there are logins for 127.0.0.1, which is not the same" in checks.one("login").seen


async def test_a_login_that_was_found_and_is_refused_is_no_near_miss(
    look: Examine, guarded: RealRegistry, authority: Authority, auth_file: AuthFile
) -> None:
    place = f"127.0.0.1:{guarded.port}"
    checks = await look(
        releases=source(guarded), ca=(authority.certificate,), authfile=auth_file(place, "of-yesterday")
    )
    check = checks.one("login")
    assert checks.errors == ["registry-unauthorized"]
    assert check.seen.endswith(f"tried user '{USERNAME}' from key '{place}' of {auth_file(place)}")
    assert f"upgraph registry login --to auth.json {place}" in check.repair


async def test_a_registry_with_tls_that_is_asked_without_is_told_with_its_right_name(
    look: Examine, guarded: RealRegistry
) -> None:
    host = f"127.0.0.1:{guarded.port}"
    checks = await look(releases=(f"docker+http://{host}/{REPOSITORY}",))
    check = checks.one("registry")
    assert (checks.errors, checks.skipped) == (["registry-answer"], ["login", "clock", "tags", "release"])
    assert f"upgraph serve --releases docker://{host}/{REPOSITORY} ..." in check.repair
    assert f"curl -sS -o /dev/null -w '%{{http_code}}\\n' https://{host}/v2/" in check.verify


async def test_a_registry_without_tls_that_is_asked_with_it_is_told_with_its_right_name(
    look: Examine, layout: Path
) -> None:
    async with SimulatedRegistry() as registry:
        registry.load(layout)
        host = registry.repository.host
        checks = await look(releases=(f"docker://{host}/ocp/release",))
    check = checks.one("tls")
    assert (checks.errors, check.reference) == (["registry-unreachable"], "registry-unreachable")
    assert any(f"docker+http://{host}/PATH" in line for line in check.repair)
    assert f"curl -sS -o /dev/null -w '%{{http_code}}\\n' http://{host}/v2/" in check.verify


async def test_a_certificate_out_of_its_time_is_told_with_both_clocks(
    look: Examine, layout: Path, tmp_path: Path, authority: Authority
) -> None:
    shown = authority.issue(tmp_path, days=-1)
    async with SimulatedRegistry(tls=shown.server_context()) as registry:
        registry.load(layout)
        checks = await look(releases=(str(registry.repository),), ca=(authority.certificate,))
    check = checks.one("tls")
    assert checks.errors == ["registry-untrusted"]
    assert "and the clock of this machine says" in check.seen
    # The check of clocks needs a certificate that is accepted, so here it is done by hand.
    assert "date -u   # is the clock of this machine right?" in check.repair
    assert any(line.startswith("curl -ksSI https://127.0.0.1:") for line in check.repair)


async def test_a_repository_that_is_not_there_is_told_at_the_listing(
    look: Examine, guarded: RealRegistry, authority: Authority, auth_file: AuthFile
) -> None:
    logins = auth_file(f"127.0.0.1:{guarded.port}")
    checks = await look(releases=source(guarded, "ocp/other"), ca=(authority.certificate,), authfile=logins)
    check = checks.one("tags")
    assert (checks.errors, checks.one("login").result) == (["registry-repository-missing"], Result.OK)
    assert "ocp/other" in check.seen
    assert f"skopeo list-tags docker://127.0.0.1:{guarded.port}/ocp/other" in check.verify


async def test_a_closed_port_is_told_with_the_reason(look: Examine) -> None:
    checks = await look(releases=("docker://127.0.0.1:9/ocp/release",))
    check = checks.one("tcp")
    assert (check.reference, check.seen) == (
        "connect-failed",
        "no connection to 127.0.0.1:9: 127.0.0.1: Connection refused",
    )
    assert "timeout 5 bash -c '</dev/tcp/127.0.0.1/9' && echo open" in check.verify


@pytest.mark.parametrize(
    ("login", "fault", "name", "reference"),
    [
        (Login("bearer"), Fault("token", body=b"{}"), "login", "registry-token"),
        (Login("bearer", "me", "secret"), None, "login", "registry-unauthorized"),
        (None, Fault("tags", times=9, status=403), "login", "registry-forbidden"),
        (None, Fault("tags", times=9, status=500), "tags", "registry-fault"),
        (None, Fault("blob", times=99, status=500), "release", "registry-fault"),
    ],
    ids=["no token", "no login", "forbidden", "listing", "layer"],
)
async def test_a_fault_is_told_at_its_step(
    look: Examine, layout: Path, *, login: Login | None, fault: Fault | None, name: str, reference: str
) -> None:
    async with SimulatedRegistry() as registry:
        registry.load(layout)
        registry.login = login
        registry.faults = [fault] if fault else []
        checks = await look(releases=(str(registry.repository),))
    assert checks.errors == [reference]
    assert checks.one(name).result is Result.ERROR
    assert checks.one(name).why


async def test_a_login_is_shown_only_where_it_is_asked_for(
    look: Examine, layout: Path, auth_file: AuthFile
) -> None:
    async with SimulatedRegistry() as registry:
        registry.load(layout)
        await look(releases=(str(registry.repository),), authfile=auth_file(registry.repository.host))
    assert registry.requests
    assert not [seen.path for seen in registry.requests if "Authorization" in seen.headers]


async def test_a_clock_that_differs_is_told(look: Examine, layout: Path) -> None:
    theirs = format_datetime(datetime.now(UTC) - timedelta(hours=2), usegmt=True)
    async with SimulatedRegistry() as registry:
        registry.load(layout)
        registry.faults = [Fault("base", times=9, headers={"Date": theirs})]
        checks = await look(releases=(str(registry.repository),))
    check = checks.one("clock")
    assert (check.result, check.reference) == (Result.ERROR, "clock-skew")
    assert "ahead of that of" in check.seen
    assert any("timedatectl" in line for line in check.repair)


@pytest.mark.parametrize(
    ("seconds", "result"),
    [(0, Result.OK), (-59, Result.OK), (61, Result.WARNING), (-299, Result.WARNING), (-301, Result.ERROR)],
)
def test_how_much_clocks_may_differ(seconds: int, result: Result) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert compared("a", now + timedelta(seconds=seconds), now).result is result


async def test_what_answers_without_being_a_registry_is_told(look: Examine, layout: Path) -> None:
    async with SimulatedRegistry() as registry:
        registry.load(layout)
        registry.faults = [Fault("base", times=9, status=418)]
        checks = await look(releases=(str(registry.repository),))
    check = checks.one("registry")
    assert (check.result, check.reference) == (Result.WARNING, "registry-answer")
    assert "status 418, where a registry answers 200 or 401" in check.seen


async def test_a_server_that_never_answers_costs_a_bounded_time(look: Examine) -> None:
    async with SimulatedRegistry() as registry:
        registry.faults = [Fault("base", times=9, stall=True)]
        checks = await look(releases=(str(registry.repository),), seconds=1.5)
    assert checks.one("registry").reference == "check-timeout"
    assert checks.skipped == ["login", "clock", "tags", "release"]


async def test_a_repository_without_tags_and_one_without_releases(look: Examine, layout: Path) -> None:
    async with SimulatedRegistry() as registry:
        empty = await look(releases=(str(registry.repository),))
        registry.add(b'{"schemaVersion": 2, "config": 7}', tag="broken")
        broken = await look(releases=(str(registry.repository),))
    assert empty.one("tags").reference == "releases-empty"
    assert (broken.one("release").result, broken.one("release").reference) == (Result.ERROR, "oci-manifest")


async def test_a_mirror_that_is_dead_is_a_warning_as_long_as_the_source_answers(
    look: Examine, layout: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "registries.conf"
    async with SimulatedRegistry() as registry:
        registry.load(layout)
        host = registry.repository.host
        rules.write_text(
            f'[[registry]]\nlocation = "{host}"\ninsecure = true\n[[registry.mirror]]\nlocation = "127.0.0.1:9"\n'
        )
        checks = await look(releases=(str(registry.repository),), mirrors=(str(rules),))
    assert checks.errors == []
    dead = next(check for check in checks.named("tcp") if check.subject == "127.0.0.1:9")
    assert (dead.result, dead.reference) == (Result.WARNING, "connect-failed")
    assert checks.one("release").result is Result.OK


async def test_of_two_sources_one_failing_does_not_hide_the_other(
    look: Examine, layout: Path, tmp_path: Path
) -> None:
    other = make_authority(tmp_path)
    shown = other.issue(tmp_path, days=100)
    async with SimulatedRegistry() as good, SimulatedRegistry(tls=shown.server_context()) as bad:
        good.load(layout)
        checks = await look(releases=(str(good.repository), str(bad.repository)))
    assert checks.errors == ["registry-untrusted"]
    releases = {check.subject: check.result for check in checks.named("release")}
    assert releases == {str(good.repository): Result.OK, str(bad.repository): Result.SKIPPED}


async def test_what_is_chosen_runs_with_what_it_needs_alone(look: Examine, layout: Path) -> None:
    async with SimulatedRegistry() as registry:
        registry.load(layout)
        checks = await look(releases=(str(registry.repository),), only=("tcp",))
    assert [check.name for check in checks.all] == ["access", "proxy", "dns", "tcp"]
    assert registry.requests == []


def test_tags_with_high_versions_are_looked_at_first() -> None:
    tags = ["latest", "4.9.1", "4.10.0-x86_64", "cli", "v4.2.0", "4.10.0-aarch64"]
    assert likely(tags) == ["4.10.0-x86_64", "4.10.0-aarch64", "4.9.1", "v4.2.0", "cli", "latest"]
