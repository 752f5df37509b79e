"""Nodes and operators that are lost while replicas roll: clusters are answered all the while, and no hand is needed."""

from typing import Any

from tests.cluster.walk.conftest import Site

NEXT = "name: stable-4.1\nversions:\n- 4.1.1\n"
CHANNEL = "channels/stable-4.1.yaml"


def test_a_node_is_lost_while_a_replica_rolls(operated: Site) -> None:
    operated.pack("next", **{CHANNEL: NEXT})
    operated.create("lost", replicas=2)
    uri = operated.uri("lost")
    operated.settled("lost")
    old = names(operated)
    assert {pod["spec"]["nodeName"] for pod in operated.pods("lost")} == {"real-a", "real-b"}
    with operated.asking(uri) as clients:
        operated.patch(
            "lost", graphDataImage=f"{operated.mirror.repository('openshift/graph-data').name}:next"
        )
        operated.until(lambda: names(operated) - old, "a replica that is new")
        (new,) = (pod for pod in operated.pods("lost") if pod["metadata"]["name"] not in old)
        operated.until(lambda: node_of(operated, new), "its node")
        lost = node_of(operated, new)
        operated.nodes.lose(lost)
        try:
            operated.until(lambda: tells_of(operated, lost), "a status that tells of the node")
            assert operated.condition("Available", "lost")["status"] == "True"
            assert operated.status("lost")["readyReplicas"] == 1
            clients.some_more()
        finally:
            operated.nodes.find(lost)
        operated.settled("lost")
        operated.until(lambda: operated.versions(uri) == {"4.1.1"}, "the graph that is new")
    assert clients.unanswered == []


def names(site: Site) -> set[str]:
    return {pod["metadata"]["name"] for pod in site.pods("lost")}


def node_of(site: Site, pod: Any) -> str:
    return str(site.get("pod", pod["metadata"]["name"])["spec"].get("nodeName", ""))


def tells_of(site: Site, node: str) -> bool:
    condition = site.condition("Degraded", "lost")
    return condition["status"] == "True" and node in condition["message"]


def test_the_operator_that_leads_is_lost_while_a_tag_moves(operated: Site) -> None:
    operated.pack("moving")
    operated.create("moved", "moving", replicas=2)
    uri = operated.uri("moved")
    operated.settled("moved")
    scale(operated, 2)
    try:
        with operated.asking(uri) as clients:
            operated.pack("moving", **{CHANNEL: NEXT})
            # Whoever leads next asks the registry at once; the one before would do so within five minutes.
            operated.oc("-n", operated.namespace, "delete", "pod", leader(operated), "--wait=false")
            operated.until(lambda: operated.versions(uri) == {"4.1.1"}, "the data of the moved tag")
            operated.settled("moved")
    finally:
        scale(operated, 1)
    assert clients.unanswered == []
    assert len(revisions(operated)) == 2


def scale(site: Site, replicas: int) -> None:
    """Have so many operators, of which one leads."""
    scale = ("scale", "deployment/upgraph-operator", f"--replicas={replicas}")
    site.oc("-n", site.namespace, *scale)
    site.oc("-n", site.namespace, "rollout", "status", "deployment/upgraph-operator", "--timeout=180s")


def leader(site: Site) -> str:
    return str(site.get("lease", "upgraph-operator")["spec"]["holderIdentity"]).rpartition("_")[0]


def revisions(site: Site) -> list[Any]:
    """The forms that the pods of the service have had."""
    return list(site.get("replicasets", "--selector=deployment=moved")["items"])


def test_all_replicas_are_lost_and_none_can_be_made(operated: Site) -> None:
    operated.create("gone", replicas=2)
    uri = operated.uri("gone")
    operated.settled("gone")
    first = operated.status("gone")["firstAnswered"]
    here = ("-n", operated.namespace)
    operated.oc(*here, "create", "quota", "no-pods", "--hard=pods=0")
    try:
        operated.until(lambda: has_status(operated), "a quota in force")
        operated.oc(*here, "delete", "pod", "-l", "deployment=gone", "--wait=false")
        operated.until(lambda: is_outage(operated), "a status that tells the outage")
        # A pod that ends answers for a moment more.
        operated.until(lambda: operated.graph(uri)[0] != 200, "no answer")
    finally:
        operated.oc(*here, "delete", "quota", "no-pods")
    operated.settled("gone")
    assert operated.condition("Available", "gone")["status"] == "True"
    assert operated.condition("Degraded", "gone")["status"] == "False"
    assert operated.status("gone")["firstAnswered"] == first


def has_status(site: Site) -> bool:
    return "pods" in site.get("quota", "no-pods").get("status", {}).get("hard", {})


def is_outage(site: Site) -> bool:
    available, degraded = (site.condition(kind, "gone") for kind in ("Available", "Degraded"))
    is_told = (available["status"], degraded["status"]) == ("False", "True")
    return is_told and degraded["reason"] == available["reason"]
