"""Rows of the fault matrix: the registry with the graph data, its certificate, its login, its image."""

import ssl
from pathlib import Path

from tests.cluster.faults.conftest import APPS, NAME, Site
from upgraph.operator.controller import Controller
from upgraph.testing.certificates import Authority, make_authority
from upgraph.testing.operated_cluster import put_image
from upgraph.testing.registry import Login, SimulatedRegistry


def issued(authority: Authority, folder: Path) -> ssl.SSLContext:
    folder.mkdir()
    return authority.issue(folder).server_context()


async def show(registry: SimulatedRegistry, shown: ssl.SSLContext) -> None:
    """Let the registry have another certificate."""
    await registry.halt()
    registry.tls = shown
    await registry.resume()


def other_authority(folder: Path) -> Authority:
    folder.mkdir()
    return make_authority(folder, name="Other Root")


async def test_a_registry_is_gone(site: Site, operator: Controller) -> None:
    before = await site.settled()
    await site.registry.halt()
    await site.told("GraphDataReady", "True", "LastKnown", "stays in use", site.registry.repository.host)
    await site.degraded("[registry-unreachable]")
    await site.registry.resume()
    await site.told("GraphDataReady", "True", "Resolved")
    assert site.serving() == before


async def test_a_registry_is_gone_before_the_service_begins(site: Site, operator: Controller) -> None:
    digest = put_image(site.registry, "latest", "/copier")
    await site.registry.halt()
    site.update_service()
    await site.told("GraphDataReady", "False", "ImageUnresolved", "Check the name")
    await site.registry.resume()
    await site.told("GraphDataReady", "True", "Resolved")
    await site.until(lambda: digest in str(site.deployment), "pods by digest")


async def test_the_authority_of_the_registry_is_a_wrong_one(
    site: Site, operator: Controller, tmp_path: Path
) -> None:
    before = await site.settled()
    site.trust(other_authority(tmp_path / "other"))
    await site.told("GraphDataReady", "True", "LastKnown", "certificate")
    site.trust(site.authority)
    await site.told("GraphDataReady", "True", "Resolved")
    assert site.serving() == before


async def test_the_authority_of_the_registry_is_no_certificate(site: Site, operator: Controller) -> None:
    before = await site.settled()
    site.apply("ConfigMap", "authorities", data={"updateservice-registry": "no certificate"})
    await site.told(
        "RegistryCACertFound", "False", "EnsureAdditionalTrustedCAFailed", "updateservice-registry"
    )
    assert "BEGIN CERTIFICATE" in str(site.find("configmaps", f"{NAME}-trusted-ca"))
    site.trust(site.authority)
    await site.told("RegistryCACertFound", "True", "CACertFound")
    assert site.serving() == before


async def test_the_authority_of_the_registry_is_rotated(
    site: Site, operator: Controller, tmp_path: Path
) -> None:
    before, other = await site.settled(), other_authority(tmp_path / "other")
    await show(site.registry, issued(other, tmp_path / "shown"))
    await site.told("GraphDataReady", "True", "LastKnown", "certificate")
    site.trust(other)
    await site.told("GraphDataReady", "True", "Resolved")
    copy = site.find("configmaps", f"{NAME}-trusted-ca")
    assert copy["data"] == {"updateservice-registry": other.certificate.read_text()}
    assert site.serving() == before


async def test_the_password_of_the_registry_is_rotated(site: Site, operator: Controller) -> None:
    site.registry.login = Login("basic", "sailor", "anchor")
    before = await site.settled()
    site.registry.login = Login("basic", "sailor", "chain")
    await site.told("GraphDataReady", "True", "LastKnown", "login")
    site.log_in("sailor", "chain")
    await site.told("GraphDataReady", "True", "Resolved")
    assert site.find("secrets", f"{NAME}-pull-secret")["data"] == site.find("secrets", "logins")["data"]
    assert site.serving() == before


async def test_the_image_is_missing(site: Site, operator: Controller) -> None:
    before = await site.settled()
    missing = site.registry.tags.pop("latest")
    await site.told("GraphDataReady", "True", "LastKnown", missing, "latest")
    assert site.serving() == before
    other = put_image(site.registry, "latest", "/copier", "of the next day")
    await site.told("GraphDataReady", "True", "Resolved", other)
    assert other in str(site.deployment["spec"]["template"])


async def test_what_the_image_names_is_no_image(site: Site, operator: Controller) -> None:
    before = await site.settled()
    site.registry.add(b"no manifest", tag="latest")
    await site.told("GraphDataReady", "True", "LastKnown", "latest")
    put_image(site.registry, "latest", "/copier")
    await site.told("GraphDataReady", "True", "Resolved")
    assert site.serving() == before


async def test_another_name_is_asked_for_that_is_not_there(site: Site, operator: Controller) -> None:
    await site.settled()
    site.ask_for(graphDataImage=f"{site.registry.repository.name}:absent")
    await site.told("GraphDataReady", "False", "ImageUnresolved", "absent")
    # The node may have it from a mirror, and while it has not, the replicas of before go on.
    strategy = site.find("deployments", NAME, group=APPS)["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}
    put_image(site.registry, "absent", "/copier")
    await site.told("GraphDataReady", "True", "Resolved")
