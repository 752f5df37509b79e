"""Rows of the fault matrix: the API server, the way to it, and others who write there at the same time."""

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from typing import Any

import pytest

from tests.cluster.faults.conftest import APPS, NAME, Site, Start
from tools.cluster.client import ApiError, Client
from upgraph.kube import connection, exchange
from upgraph.operator.controller import Controller
from upgraph.operator.installation.parameters import OPERATOR
from upgraph.testing.relay import Relay

DEAD_SECONDS = 3.0
"""In the place of the longest silence of a connection."""
QUIET_SECONDS = 5.0
"""So long nothing may be written where nothing has changed."""
ROUNDS = 25
"""How often somebody else writes what we manage."""
LOOKS = 20
"""After so many looks the request that never ends is sent anew: it may have come before the rules."""
FLOW_CONTROL = "flowcontrol.apiserver.k8s.io/v1"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is given up when nothing was heard of it for seconds."""
    monkeypatch.setattr(exchange, "IDLE_SECONDS", DEAD_SECONDS)
    monkeypatch.setattr(connection, "ANSWER_SECONDS", DEAD_SECONDS)


Logged = Callable[[str], bool]


class Jail:
    """A priority that has no seat and lends none, for the operator alone, and a request of its account that never ends.

    The server lets one request in where nothing else is under way, whatever the limit. So one is sent whose body does not
    come: it is under way for as long as the connection is open, and all others are turned away.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._account = Client.of(site.cluster.kubeconfig_for(site.namespace, OPERATOR))
        self._held: HTTPSConnection | None = None
        self._looks = 0

    def close(self) -> None:
        """Make it known."""
        listed = {"apiVersion": "v1", "kind": "List", "items": _rules(self._site.namespace)}
        self._site.cluster.kubectl("create", "-f", "-", stdin=json.dumps(listed))

    def is_closed(self) -> bool:
        """Whether the account is turned away by now. It takes a moment until the rules are in force."""
        if self._looks % LOOKS == 0:
            self._hold()
        self._looks += 1
        try:
            self._account.get(self._site.path("services"))
        except ApiError as error:
            return error.status == 429
        return False

    def open(self) -> None:
        """Take everything away."""
        if self._held is not None:
            self._held.close()
        for kind in ("flowschema", "prioritylevelconfiguration"):
            self._site.cluster.kubectl("delete", kind, self._site.namespace, "--ignore-not-found")

    def _hold(self) -> None:
        if self._held is not None:
            self._held.close()
        account = self._account
        context = ssl.create_default_context(cafile=account.authority)
        self._held = HTTPSConnection(account.host, account.port, context=context)
        self._held.putrequest("POST", self._site.path("configmaps"))
        for name, value in (
            ("Authorization", f"Bearer {account.token}"),
            ("Content-Type", "application/json"),
            ("Content-Length", "100"),
        ):
            self._held.putheader(name, value)
        self._held.endheaders()
        self._held.send(b"{")


def _rules(namespace: str) -> list[Any]:
    subject = {"kind": "ServiceAccount", "serviceAccount": {"name": OPERATOR, "namespace": namespace}}
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    rule = {"subjects": [subject], "resourceRules": [everything | {"clusterScope": True}]}
    no_seat = {"nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0}
    level = {"type": "Limited", "limited": no_seat | {"limitResponse": {"type": "Reject"}}}
    # The first number is that of what is exempt.
    schema = {"priorityLevelConfiguration": {"name": namespace}, "matchingPrecedence": 2, "rules": [rule]}
    specs = {"PriorityLevelConfiguration": level, "FlowSchema": schema}
    return [
        {"apiVersion": FLOW_CONTROL, "kind": kind, "metadata": {"name": namespace}, "spec": spec}
        for kind, spec in specs.items()
    ]


@pytest.fixture
def jail(site: Site) -> Iterator[Jail]:
    made = Jail(site)
    yield made
    made.open()


async def test_history_is_lost_while_the_operator_is_cut_off(
    site: Site, network: Relay, operator: Controller, logged: Logged
) -> None:
    name = f"{NAME}-siblings"
    before = without(await site.settled(), name)
    lists = sum(one.verb == "list" for one in site.requests())
    await network.refuse()
    path = site.path("services", name)
    site.cluster.client.delete(path)
    # A new API server knows nothing of what was before it.
    await asyncio.to_thread(site.cluster.stop, "kube-apiserver", seconds=0)
    await asyncio.to_thread(site.cluster.start_api_server)
    await network.listen()
    await site.until(lambda: site.cluster.client.find(path), "the Service that was deleted meanwhile")
    assert sum(one.verb == "list" for one in site.requests()) > lists
    assert logged("kube-expired")
    assert without(site.serving(), name) == before


def without(serving: dict[str, Any], service: str) -> dict[str, Any]:
    """What serves clusters, beside one Service."""
    return {name: one for name, one in serving.items() if name != f"services/{service}"}


async def test_watches_fall_silent(
    site: Site, network: Relay, impatient: None, operator: Controller, logged: Logged
) -> None:
    before = await site.settled()
    network.fall_silent()
    site.ask_for(replicas=3)
    await site.until(lambda: logged("kube-unreachable"), "a watch that is given up")
    await site.until(lambda: site.deployment["spec"]["replicas"] == 3, "the new number of replicas")
    uid, asked = before[f"deployments/{NAME}"]
    assert site.serving() == before | {f"deployments/{NAME}": (uid, asked | {"replicas": 3})}


async def test_the_api_server_throttles(site: Site, operator: Controller, jail: Jail, logged: Logged) -> None:
    before = await site.settled()
    jail.close()
    await site.until(jail.is_closed, "the rules to be in force")
    site.ask_for(replicas=3)
    await site.until(
        lambda: any(one.status == 429 and one.verb == "patch" for one in site.requests()),
        "a request of the operator that is turned away",
    )
    await site.until(lambda: logged("kube-throttled"), "a line in the log")
    assert site.serving() == before
    jail.open()
    await site.until(lambda: site.deployment["spec"]["replicas"] == 3, "the new number of replicas")
    await site.told("ReconcileCompleted", "True", "Success")


async def test_somebody_else_writes_the_same_fields_again_and_again(site: Site, operator: Controller) -> None:
    before = await site.settled()
    path, seen = site.path("deployments", NAME, group=APPS), len(site.requests())
    for number in range(ROUNDS):
        await asyncio.to_thread(site.cluster.client.patch, path, {"spec": {"replicas": 5 + number % 3}})
    await site.until(lambda: site.serving() == before, "what is asked for")
    written = [one for one in site.requests()[seen:] if one.resource == "deployments.apps"]
    assert len([one for one in written if one.verb == "patch"]) <= ROUNDS
    await site.told("ReconcileCompleted", "True", "Success")


async def test_two_operators_work_at_once(site: Site, start: Start, operator: Controller) -> None:
    before = await site.settled()
    async with start() as other:
        await site.until(lambda: other.world.is_settled and not len(other.queue), "the other one at rest")
        await asyncio.sleep(1)
        seen = len(site.requests())
        await asyncio.sleep(QUIET_SECONDS)
        written = [one for one in site.requests()[seen:] if one.verb not in ("watch", "list", "get")]
        assert [one for one in written if one.resource != "events.events.k8s.io"] == []
        assert site.serving() == before
        site.ask_for(replicas=3)
        await site.until(lambda: site.deployment["spec"]["replicas"] == 3, "the new number of replicas")
