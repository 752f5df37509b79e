"""Requests stay within their limits, and what a server does wrong is told apart."""

import asyncio
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from upgraph.errors import RemoteError, UserError
from upgraph.kube import ApiProxy, client, connection, exchange, find_cluster
from upgraph.kube.api import ExpiredError, OversizeError, RefusedError, Scope
from upgraph.kube.client import KubernetesApi, open_api
from upgraph.kube.kinds import CONFIG_MAP, LEASE, NAMESPACE
from upgraph.kube.objects import Key, Object, key_of
from upgraph.testing.api_server import TOKEN, Fault, SimulatedApiServer
from upgraph.testing.certificates import Certificates

HERE = Scope("harbour")
A = Key("harbour", "a")


def config_map(name: str, **data: str) -> Object:
    metadata = {"namespace": "harbour", "name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def test_a_list_is_read_in_pages(
    api: KubernetesApi, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE_OBJECTS", 2)
    for name in "edcba":
        api_server.state.put(CONFIG_MAP, config_map(name))
    listing = await api.list(CONFIG_MAP, HERE)
    assert [key_of(one).name for one in listing.objects] == list("abcde")
    assert {one["kind"] for one in listing.objects} == {"ConfigMap"}
    assert listing.version == str(api_server.state.version)
    assert api_server.counts["list configmaps"] == 3


async def test_a_page_that_is_too_large_is_read_in_smaller_ones(
    api: KubernetesApi, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_PAGE_BYTES", 3_000)
    for name in "abcdef":
        api_server.state.put(CONFIG_MAP, config_map(name, x="y" * 1_000 if name > "b" else ""))
    listing = await api.list(CONFIG_MAP, HERE)
    assert [key_of(one).name for one in listing.objects] == list("abcdef")
    limits = [int(seen.query["limit"]) for seen in api_server.requests]
    assert limits == [250, 62, 15, 3, 3, 1, 1, 1, 1, 1, 1]


async def test_one_object_that_is_too_large_is_told(
    api: KubernetesApi, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_PAGE_BYTES", 3_000)
    api_server.state.put(CONFIG_MAP, config_map("a", x="y" * 4_000))
    with pytest.raises(OversizeError, match="more than 3000 bytes"):
        await api.list(CONFIG_MAP, HERE)


async def test_a_list_whose_pages_are_lost_has_expired(
    api: KubernetesApi, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE_OBJECTS", 1)
    for name in "ab":
        api_server.state.put(CONFIG_MAP, config_map(name))
    api_server.faults += [Fault(verb="list"), Fault(verb="list", status=410)]
    with pytest.raises(ExpiredError):
        await api.list(CONFIG_MAP, HERE)


async def test_a_list_without_end_is_refused(
    api: KubernetesApi, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_OBJECTS", 3)
    for name in "abcd":
        api_server.state.put(CONFIG_MAP, config_map(name))
    with pytest.raises(RemoteError, match="more than 3 objects"):
        await api.list(CONFIG_MAP, HERE)


@pytest.mark.parametrize(
    ("fault", "reference", "retryable"),
    [
        pytest.param(Fault(body=b"A" * 5_000_000), "kube-fault", False, id="huge"),
        pytest.param(Fault(body=b"[]"), "kube-fault", False, id="no object"),
        pytest.param(Fault(body=b'{"metadata":{}}'), "kube-fault", False, id="no name"),
        pytest.param(Fault(body=b"[" * 100_000), "kube-fault", False, id="deep"),
        pytest.param(
            Fault(status=503, body=b"<html>resting</html>"), "kube-fault", True, id="page of a proxy"
        ),
        pytest.param(Fault(body=b"", encoding="gzip"), "kube-fault", False, id="compressed"),
        pytest.param(Fault(status=500), "kube-fault", True, id="500"),
        pytest.param(Fault(status=504), "kube-fault", True, id="504"),
        pytest.param(Fault(status=307), "kube-fault", False, id="sent elsewhere"),
        pytest.param(Fault(status=405), "kube-refused", False, id="405"),
        pytest.param(Fault(status=409), "kube-conflict", True, id="409"),
        pytest.param(Fault(status=410), "kube-expired", True, id="410"),
        pytest.param(Fault(status=404, body=b"404 page not found"), "kube-no-kind", False, id="no path"),
        pytest.param(Fault(reset=True), "kube-unreachable", True, id="reset"),
        pytest.param(
            Fault(status=500, message="failed to create typed patch object (a): .b: not declared"),
            "kube-refused",
            False,
            id="typed patch",
        ),
    ],
)
async def test_faults_are_told_apart(
    api: KubernetesApi,
    api_server: SimulatedApiServer,
    fault: Fault,
    reference: str,
    retryable: bool,  # noqa: FBT001  # a case
) -> None:
    api_server.faults.append(fault)
    with pytest.raises(RemoteError) as caught:
        await api.get(CONFIG_MAP, A)
    assert (caught.value.reference, caught.value.retryable) == (reference, retryable)
    assert "get ConfigMap harbour/a" in caught.value.seen


async def test_what_is_forbidden_says_what_and_to_whom(
    api: KubernetesApi, api_server: SimulatedApiServer
) -> None:
    api_server.forbidden.add(("get", "configmaps"))
    with pytest.raises(RefusedError, match='User "pilot" cannot get resource "configmaps"') as caught:
        await api.get(CONFIG_MAP, A)
    assert (caught.value.reference, caught.value.retryable) == ("kube-forbidden", False)


async def test_nothing_is_made_in_a_namespace_that_ends(
    api: KubernetesApi, api_server: SimulatedApiServer
) -> None:
    ending = {"name": "harbour", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["kubernetes"]}
    api_server.state.put(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": ending})
    with pytest.raises(RefusedError, match="being terminated") as caught:
        await api.apply(config_map("a"))
    assert caught.value.reference == "kube-forbidden"
    assert [cause.reason for cause in caught.value.causes] == ["NamespaceTerminating"]


async def test_a_busy_server_is_asked_again_after_the_time_it_names(
    api: KubernetesApi, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    api_server.faults.append(Fault(status=429, retry_after=7, times=2))
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", sleep)
        await api.create(config_map("a"))
    assert waits == [7.0, 7.0]
    assert api_server.counts["create configmaps"] == 3


@pytest.mark.parametrize(
    ("retry_after", "sent"), [(3600, 1), (None, 1)], ids=["for too long", "without a time"]
)
async def test_a_server_that_stays_busy_is_left_to_the_caller(
    api: KubernetesApi, api_server: SimulatedApiServer, retry_after: int | None, sent: int
) -> None:
    api_server.faults.append(Fault(status=429, retry_after=retry_after, times=9))
    with pytest.raises(RemoteError) as caught:
        await api.get(CONFIG_MAP, A)
    assert (caught.value.reference, caught.value.retryable) == ("kube-throttled", True)
    assert caught.value.retry_after == (retry_after and min(retry_after, 60))
    assert api_server.counts["get configmaps"] == sent


async def test_an_answer_that_does_not_come_has_a_time(
    api: KubernetesApi, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.05)
    api_server.fall_silent()
    with pytest.raises(RemoteError, match="no answer in time") as caught:
        await api.get(CONFIG_MAP, A)
    assert (caught.value.reference, caught.value.retryable) == ("kube-unreachable", True)


async def test_few_requests_are_sent_at_a_time_and_those_of_a_lease_do_not_wait(
    api: KubernetesApi, api_server: SimulatedApiServer
) -> None:
    gate = asyncio.Event()
    api_server.faults.append(Fault(hold=gate, times=1000))
    api_server.state.put(CONFIG_MAP, config_map("a"))
    async with asyncio.TaskGroup() as group:
        for _ in range(3 * exchange.MAX_AT_ONCE):
            group.create_task(api.get(CONFIG_MAP, A))
        await api_server.reached("get configmaps", exchange.MAX_AT_ONCE)
        assert api_server.counts["get configmaps"] == exchange.MAX_AT_ONCE
        api_server.faults[0] = replace(api_server.faults[0], plural="configmaps")
        with pytest.raises(RefusedError, match="not found"):
            await api.get(LEASE, A)
        gate.set()
    assert api_server.counts["get configmaps"] == 3 * exchange.MAX_AT_ONCE


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "%2e"])
async def test_a_name_that_would_lead_elsewhere_is_not_asked_for(
    api: KubernetesApi, api_server: SimulatedApiServer, name: str
) -> None:
    with pytest.raises(UserError, match="can be no name"):
        await api.get(CONFIG_MAP, Key("harbour", name))
    assert api_server.requests == []


async def test_a_token_file_is_read_again_when_its_token_has_ended(
    api_server: SimulatedApiServer, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    file = api_server.kubeconfig(tmp_path / "kubeconfig")
    document = json.loads(file.read_text())
    document["users"][0]["user"] = {"tokenFile": str(token)}
    file.write_text(json.dumps(document))
    async with open_api(find_cluster({}, kubeconfig=file), manager="ours") as opened:
        await opened.list(CONFIG_MAP, HERE)
        api_server.tokens = {"the-next-one"}
        token.write_text("the-next-one")
        await opened.list(CONFIG_MAP, HERE)


async def test_a_token_that_is_not_known_is_named(api_server: SimulatedApiServer, tmp_path: Path) -> None:
    file = api_server.kubeconfig(tmp_path / "kubeconfig", token="do-not-show-this")
    async with open_api(find_cluster({}, kubeconfig=file), manager="ours") as opened:
        with pytest.raises(RemoteError) as caught:
            await opened.get(CONFIG_MAP, A)
    assert caught.value.reference == "kube-unauthorized"
    assert "do-not-show-this" not in str(caught.value)


async def test_certificates_are_checked(certificates: Certificates, tmp_path: Path) -> None:
    async with SimulatedApiServer(certificates) as server:
        file = server.kubeconfig(tmp_path / "kubeconfig")
        async with open_api(find_cluster({}, kubeconfig=file), manager="ours") as opened:
            assert await opened.serves(CONFIG_MAP)
        document = json.loads(file.read_text())
        del document["clusters"][0]["cluster"]["certificate-authority-data"]
        file.write_text(json.dumps(document))
        async with open_api(find_cluster({}, kubeconfig=file), manager="ours") as opened:
            with pytest.raises(RemoteError) as caught:
                await opened.serves(CONFIG_MAP)
    assert caught.value.reference == "kube-untrusted"


async def test_what_is_written_is_ascii(api: KubernetesApi, api_server: SimulatedApiServer) -> None:
    applied = await api.apply(config_map("a", text="\u0085 ä \U0001f6a2"))
    assert applied["data"] == {"text": "\u0085 ä \U0001f6a2"}


async def test_a_proxy_of_the_environment_is_used_where_the_file_names_none(
    api_server: SimulatedApiServer, tmp_path: Path
) -> None:
    address = find_cluster({}, kubeconfig=api_server.kubeconfig(tmp_path / "kubeconfig"))
    async with open_api(address, manager="ours", route=lambda _: ApiProxy("http://127.0.0.1:1")) as opened:
        with pytest.raises(RemoteError) as caught:
            await opened.serves(CONFIG_MAP)
    assert caught.value.reference == "kube-unreachable"


async def test_requests_are_no_lines_of_the_log(api: KubernetesApi, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await api.serves(CONFIG_MAP)
    assert [record for record in caplog.records if record.name.startswith("http")] == []
