"""What others keep in the namespace does not keep the operator from its work."""

import pytest

from tests.reconcile.conftest import Start
from upgraph.kube import client
from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, SECRET
from upgraph.operator.world import kept
from upgraph.testing.operated_cluster import OperatedCluster


async def test_an_operator_begins_where_others_keep_more_than_fits_into_an_answer(
    cluster: OperatedCluster, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_PAGE_BYTES", 200_000)
    for number in range(8):
        cluster.put(CONFIG_MAP, f"junk-{number}", data={"x": "y" * 100_000})
        cluster.put(SECRET, f"junk-{number}", data={"x": "y" * 100_000})
    cluster.begin()
    async with start():
        await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))


def test_the_notes_of_helm_are_not_kept() -> None:
    secret = {"metadata": {"name": "a"}, "type": "helm.sh/release.v1", "data": {"release": "x" * 1_000}}
    assert kept(secret) == {"metadata": {"name": "a"}, "type": "helm.sh/release.v1"}
