"""Several UpdateServices of one namespace, each with graph data of its own."""

from tests.cluster.walk.conftest import VERSIONS, Site

KINDS = (
    "configmaps,secrets,services,endpointslices,pods,replicasets,deployments,poddisruptionbudgets,networkpolicies,"
    "routes,ingresses,httproutes,horizontalpodautoscalers"
)


def test_one_goes_without_a_trace_and_the_other_is_not_disturbed(operated: Site) -> None:
    operated.pack("one-version", **{"channels/stable-4.1.yaml": "name: stable-4.1\nversions:\n- 4.1.1\n"})
    operated.create("stays")
    operated.create("goes", "one-version", autoscaling={"maxReplicas": 2})
    uri = operated.uri("stays")
    assert operated.versions(uri) == set(VERSIONS)
    assert operated.versions(operated.uri("goes")) == {"4.1.1"}
    before = [pod["metadata"]["uid"] for pod in operated.pods("stays")]
    with operated.asking(uri) as clients:
        operated.oc("-n", operated.namespace, "delete", "updateservice", "goes")
        operated.until(lambda: left_of(operated, "goes") == [], "the end of all that it was made of")
        clients.some_more()
    assert clients.unanswered == []
    assert [pod["metadata"]["uid"] for pod in operated.pods("stays")] == before
    operated.settled("stays")


def left_of(site: Site, name: str) -> list[str]:
    found = site.get(KINDS)["items"]
    return [
        f"{one['kind']} {one['metadata']['name']}"
        for one in found
        if one["metadata"]["name"].startswith(name)
    ]
