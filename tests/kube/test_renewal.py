"""A certificate that is replaced on the disk is taken up by a process that runs."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from upgraph.errors import RemoteError
from upgraph.kube import find_cluster
from upgraph.kube.api import EventType, Scope
from upgraph.kube.client import KubernetesApi, open_api
from upgraph.kube.kinds import CONFIG_MAP
from upgraph.kube.objects import key_of
from upgraph.testing.api_server import SimulatedApiServer
from upgraph.testing.certificates import Certificates, make_certificates


@pytest.fixture
def other(tmp_path: Path) -> Certificates:
    """What the API server will show one day."""
    (tmp_path / "other").mkdir()
    return make_certificates(tmp_path / "other")


@pytest.fixture
async def server(certificates: Certificates) -> AsyncIterator[SimulatedApiServer]:
    async with SimulatedApiServer(certificates) as running:
        yield running


@pytest.fixture
def trusted(certificates: Certificates, tmp_path: Path) -> Path:
    """The file with the authority, as it is in a pod."""
    file = tmp_path / "ca.crt"
    file.write_bytes(certificates.certificate.read_bytes())
    return file


@pytest.fixture
async def pod(server: SimulatedApiServer, trusted: Path, tmp_path: Path) -> AsyncIterator[KubernetesApi]:
    """A process that found the authority in the file when it began."""
    file = server.kubeconfig(tmp_path / "kubeconfig")
    document = json.loads(file.read_text())
    document["clusters"][0]["cluster"] = {"server": server.url, "certificate-authority": str(trusted)}
    file.write_text(json.dumps(document))
    async with open_api(find_cluster({}, kubeconfig=file), manager="ours") as opened:
        assert await opened.serves(CONFIG_MAP)
        yield opened


async def rotate(server: SimulatedApiServer, other: Certificates) -> None:
    await server.refuse()
    server.certificates = other
    await server.listen()


def give(file: Path, *trusted: Path) -> None:
    """Let a file have these certificates."""
    file.write_bytes(b"".join(one.read_bytes() for one in trusted))


def turn(link: Path, target: Path) -> None:
    """Replace a file by a link, as the kubelet turns the one that it has."""
    new = link.with_name("turned")
    new.symlink_to(target)
    new.replace(link)


def break_file(file: Path, content: bytes | None) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)


async def test_an_authority_that_is_replaced_is_trusted_from_then_on(
    server: SimulatedApiServer, pod: KubernetesApi, trusted: Path, other: Certificates
) -> None:
    await rotate(server, other)
    with pytest.raises(RemoteError) as caught:
        await pod.serves(CONFIG_MAP)
    assert caught.value.reference == "kube-untrusted"
    give(trusted, other.certificate)
    assert await pod.serves(CONFIG_MAP)


async def test_an_authority_that_is_withdrawn_is_not_trusted_any_more(
    pod: KubernetesApi, trusted: Path, other: Certificates
) -> None:
    give(trusted, other.certificate)
    with pytest.raises(RemoteError) as caught:
        await pod.serves(CONFIG_MAP)
    assert caught.value.reference == "kube-untrusted"


async def test_a_link_that_is_turned_is_followed(
    server: SimulatedApiServer, pod: KubernetesApi, trusted: Path, other: Certificates
) -> None:
    await rotate(server, other)
    turn(trusted, other.certificate)
    assert await pod.serves(CONFIG_MAP)


async def test_a_watch_goes_on_while_the_authority_is_replaced(
    server: SimulatedApiServer, pod: KubernetesApi, trusted: Path, other: Certificates
) -> None:
    listing = await pod.list(CONFIG_MAP, Scope("harbour"))
    async with aclosing(pod.watch(CONFIG_MAP, Scope("harbour"), listing.version)) as events:
        await pod.create(config_map("a"))
        assert key_of((await anext(events)).object).name == "a"
        give(trusted, trusted, other.certificate)
        await pod.create(config_map("b"))
        told = await anext(events)
    assert (told.type, key_of(told.object).name) == (EventType.ADDED, "b")
    assert server.counts["watch configmaps"] == 1


@pytest.mark.parametrize("content", [None, b"", b"half a certif"], ids=["gone", "empty", "half written"])
async def test_a_file_that_cannot_be_used_changes_nothing(
    pod: KubernetesApi, trusted: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    break_file(trusted, content)
    with caplog.at_level(logging.WARNING):
        assert await pod.serves(CONFIG_MAP)
        assert await pod.serves(CONFIG_MAP)
    assert len(caplog.records) == 1


def config_map(name: str) -> dict[str, object]:
    metadata = {"namespace": "harbour", "name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
