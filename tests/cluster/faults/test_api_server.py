"""Rows of the fault matrix: the API server, the way to it, and others who write there at the same time."""

import asyncio
import json
from collections.abc import Iterator
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
FLOW_CONTROL = "flowcontrol.apiserver.k8s.io/v1"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is given up when nothing was heard of it for seconds."""
    monkeypatch.setattr(exchange, "IDLE_SECONDS", DEAD_SECONDS)
    monkeypatch.setattr(connection, "ANSWER_SECONDS", DEAD_SECONDS)


@pytest.fixture
def jail(site: Site) -> Iterator[list[Any]]:
    """A priority without any seat, for the operator alone; what stands there is taken away at the end."""
    subject = {
        "kind": "ServiceAccount",
        "serviceAccount": {"name": OPERATOR, "namespace": site.namespace},
    }
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    rule = {"subjects": [subject], "resourceRules": [everything | {"clusterScope": True}]}
    limited = {
        "nominalConcurrencyShares": 0,
        "lendablePercent": 0,
        "borrowingLimitPercent": 0,
        "limitResponse": {"type": "Reject"},
    }
    specs = {
        "PriorityLevelConfiguration": {"type": "Limited", "limited": limited},
        "FlowSchema": {
            "priorityLevelConfiguration": {"name": site.namespace},
            "matchingPrecedence": 2,
            "rules": [rule],
        },
    }
    made = [
        {"apiVersion": FLOW_CONTROL, "kind": kind, "metadata": {"name": site.namespace}, "spec": spec}
        for kind, spec in specs.items()
    ]
    yield made
    release(site)


def confine(site: Site, jail: list[Any]) -> None:
    site.cluster.kubectl(
        "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": jail})
    )


def is_turned_away(site: Site) -> bool:
    account = Client.of(site.cluster.kubeconfig_for(site.namespace, OPERATOR))
    try:
        account.get(site.path("services"))
    except ApiError as error:
        return error.status == 429
    return False


def release(site: Site) -> None:
    for kind in ("flowschema", "prioritylevelconfiguration"):
        site.cluster.kubectl("delete", kind, site.namespace, "--ignore-not-found")


async def test_history_is_lost_while_the_operator_is_cut_off(
    site: Site, network: Relay, operator: Controller
) -> None:
    await site.settled()
    lists = sum(one.verb == "list" for one in site.requests())
    await network.refuse()
    path = site.path("services", f"{NAME}-siblings")
    site.cluster.client.delete(path)
    # A new API server knows nothing of what was before it.
    await asyncio.to_thread(site.cluster.stop, "kube-apiserver", seconds=0)
    await asyncio.to_thread(site.cluster.start_api_server)
    await network.listen()
    await site.until(lambda: site.cluster.client.find(path), "the Service that was deleted meanwhile")
    assert sum(one.verb == "list" for one in site.requests()) > lists


async def test_watches_fall_silent(site: Site, network: Relay, impatient: None, operator: Controller) -> None:
    before = await site.settled()
    network.fall_silent()
    assert site.serving() == before
    site.ask_for(replicas=3)
    await site.until(lambda: site.deployment["spec"]["replicas"] == 3, "the new number of replicas")


async def test_the_api_server_throttles(site: Site, operator: Controller, jail: list[Any]) -> None:
    before = await site.settled()
    confine(site, jail)
    await site.until(lambda: is_turned_away(site), "the rule to be in force")
    seen = len(site.requests())
    site.ask_for(replicas=3)
    await site.until(
        lambda: any(one.status == 429 for one in site.requests()[seen:]), "a request that is turned away"
    )
    assert site.serving() == before
    release(site)
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
