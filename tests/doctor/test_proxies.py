"""A proxy between the service and its registry: which rule chose it, and which of the two is to blame."""

from pathlib import Path

import pytest

from tests.doctor.conftest import Examine
from upgraph.service.doctor import Result
from upgraph.testing.certificates import Authority
from upgraph.testing.proxy import SimulatedProxy
from upgraph.testing.registry import SimulatedRegistry

NAME = "registry.example:5000"
UNKNOWN = "p" * 64
"""A name that no name server is asked for, since it is too long to be one."""
SOURCE = (f"docker://{NAME}/releases/ocp",)


async def test_behind_a_proxy_only_its_own_name_has_to_be_known(
    look: Examine, tmp_path: Path, layout: Path, authority: Authority
) -> None:
    shown = authority.issue(tmp_path, names="DNS:registry.example", days=100)
    async with SimulatedProxy() as proxy, SimulatedRegistry(tls=shown.server_context()) as registry:
        registry.load(layout)
        proxy.names[NAME] = int(registry.repository.host.rpartition(":")[2])
        checks = await look(
            {"HTTPS_PROXY": proxy.url, "NO_PROXY": "other.example"},
            releases=SOURCE,
            ca=(authority.certificate,),
        )
    assert checks.errors == []
    assert checks.one("release").result is Result.OK
    assert "HTTPS_PROXY is set and no entry of NO_PROXY covers it" in checks.one("proxy").seen
    assert checks.one("dns").seen.startswith("127.0.0.1 is an address")


async def test_a_proxy_without_tls_that_is_asked_with_it_is_blamed_itself(look: Examine) -> None:
    # It answers what is no HTTP with 400, as a proxy does.
    async with SimulatedRegistry() as without_tls:
        checks = await look({"HTTPS_PROXY": f"https://{without_tls.repository.host}"}, releases=SOURCE)
    check = checks.one("tls")
    assert (checks.errors, check.reference) == (["proxy-unreachable"], "proxy-unreachable")
    assert "HTTPS_PROXY" in check.remedy
    assert not any("docker+http" in line for line in (*check.repair, *check.verify))


async def test_the_rule_that_goes_around_a_proxy_is_told(look: Examine) -> None:
    checks = await look(
        {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "192.0.2.0/24"},
        releases=("docker://192.0.2.1/ocp/release",),
        only=("proxy",),
    )
    assert checks.one("proxy").seen == (
        "192.0.2.1:443 is reached directly: the entry 192.0.2.0/24 of NO_PROXY covers it"
    )


@pytest.mark.parametrize(
    ("status", "authorization", "reference"),
    [(403, "", "proxy-refused"), (None, "Basic b3RoZXI6b3RoZXI=", "proxy-login")],
    ids=["refuses", "wants a login"],
)
async def test_a_proxy_that_does_not_let_through_is_blamed_itself(
    look: Examine, status: int | None, authorization: str, reference: str
) -> None:
    async with SimulatedProxy(refusal=status, authorization=authorization) as proxy:
        url = proxy.url
        checks = await look({"HTTPS_PROXY": url}, releases=SOURCE)
    check = checks.one("tls")
    assert checks.errors == [reference]
    assert NAME in check.seen
    assert "export NO_PROXY=$NO_PROXY,registry.example" in check.repair
    assert any(line.startswith(f"curl -v -x {url}") for line in check.verify)


async def test_a_proxy_that_is_away_is_told_as_such(look: Examine) -> None:
    checks = await look({"HTTPS_PROXY": "http://me:s3cret@127.0.0.1:9"}, releases=SOURCE)
    assert checks.one("tcp").reference == "proxy-unreachable"
    assert "proxy http://127.0.0.1:9 (HTTPS_PROXY): 127.0.0.1: Connection refused" in checks.one("tcp").seen
    assert "s3cret" not in repr(checks)


async def test_a_proxy_whose_name_is_not_known_is_what_has_to_be_mended(look: Examine) -> None:
    checks = await look({"HTTPS_PROXY": f"http://{UNKNOWN}:3128"}, releases=SOURCE)
    check = checks.one("dns")
    assert (checks.errors, check.result) == (["name-unresolved"], Result.ERROR)
    assert f"{UNKNOWN} (proxy http://{UNKNOWN}:3128 (HTTPS_PROXY)) cannot be resolved" in check.seen
    assert f"getent hosts {UNKNOWN}" in check.verify
    assert "export HTTPS_PROXY=http://PROXY:PORT   # where the proxy is" in check.repair
    assert "the variable that names the proxy" in check.remedy


async def test_a_variable_that_names_no_proxy_stops_all_that_would_use_it(
    look: Examine, layout: Path
) -> None:
    checks = await look({"HTTPS_PROXY": "socks5://a.example"}, releases=(*SOURCE, f"oci:{layout}"))
    assert checks.errors == ["proxy-setting"]
    assert checks.one("proxy").blocked_by == "access credentials, certificates and proxies"
    assert {check.result for check in checks.named("release")} == {Result.OK, Result.SKIPPED}


async def test_what_is_odd_about_the_environment_is_a_warning(look: Examine, layout: Path) -> None:
    checks = await look(
        {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "https://a.example"}, releases=(f"oci:{layout}",)
    )
    assert checks.errors == []
    assert [check.reference for check in checks.named("access")] == ["", "proxy-exemption"]
