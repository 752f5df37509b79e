"""A list of promoted versions that cannot be used is told, and what runs goes on with the last good one."""

import pytest

from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, SERVICE
from upgraph.kube.objects import Object
from upgraph.operator.controller import Controller
from upgraph.testing.operated_cluster import OperatedCluster

GOOD = "# passed\n4.18.1\n4.18.*+amd64\n"
BROKEN = [
    pytest.param("4.18.1\n- 4.18.2\nfour\n", "line 2: ", id="a list in YAML"),
    pytest.param("{allow: [4.18.1]}", "line 1: ", id="a table in YAML"),
    pytest.param("", "it names no version", id="nothing"),
    pytest.param("# none yet\n\n", "it names no version", id="comments alone"),
    pytest.param(
        "\n".join(f"4.{one}.*" for one in range(1001)),
        "the lists have 1001 lines with a *",
        id="many patterns",
    ),
]


def copied(cluster: OperatedCluster) -> Object:
    return dict(cluster.find(CONFIG_MAP, "sample-versions").get("data") or {})


@pytest.mark.parametrize(("content", "seen"), BROKEN)
@pytest.mark.usefixtures("operator")
async def test_pods_keep_the_last_good_list(cluster: OperatedCluster, content: str, seen: str) -> None:
    cluster.put(CONFIG_MAP, "promoted", data={"staging": GOOD})
    cluster.begin(versions={"configMap": "promoted", "key": "staging"})
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("status") == "True")
    before = cluster.find(DEPLOYMENT, "sample")["spec"]
    cluster.put(CONFIG_MAP, "promoted", data={"staging": content})
    await cluster.until(lambda: cluster.condition("ReconcileCompleted")["reason"] == "PromotionInvalid")
    told = cluster.condition("ReconcileCompleted")["message"]
    assert (
        f"the key staging of the ConfigMap openshift-update-service/promoted of spec.versions: {seen}" in told
    )
    assert "one version a line" in told
    assert cluster.condition("Degraded")["reason"] == "PromotionInvalid"
    assert copied(cluster) == {"versions": GOOD}
    assert cluster.find(DEPLOYMENT, "sample")["spec"] == before
    cluster.put(CONFIG_MAP, "promoted", data={"staging": "4.18.2\n"})
    await cluster.until(lambda: copied(cluster) == {"versions": "4.18.2\n"})
    await cluster.until(lambda: cluster.condition("Degraded")["status"] == "False")


@pytest.mark.usefixtures("operator")
async def test_no_pods_are_made_that_would_offer_all_updates(cluster: OperatedCluster) -> None:
    cluster.put(CONFIG_MAP, "promoted", data={"versions": "latest"})
    cluster.begin(versions={"configMap": "promoted"})
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "PromotionInvalid")
    await cluster.until(lambda: cluster.find(SERVICE, "sample-policy-engine"))
    assert not cluster.find(DEPLOYMENT, "sample")
    cluster.put(CONFIG_MAP, "promoted", data={"versions": GOOD})
    await cluster.until(lambda: "--promoted=/etc/upgraph/versions/versions" in cluster.arguments())


async def test_a_key_that_is_gone_is_told_and_pods_keep_the_last_good_list(
    cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.put(CONFIG_MAP, "promoted", data={"versions": GOOD})
    cluster.begin(versions={"configMap": "promoted"})
    await cluster.until(lambda: copied(cluster) == {"versions": GOOD})
    cluster.put(CONFIG_MAP, "promoted", data={"production": GOOD})
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "VersionsNotFound")
    assert "has no key versions" in cluster.condition("ReconcileCompleted")["message"]
    assert copied(cluster) == {"versions": GOOD}
