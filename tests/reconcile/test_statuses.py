"""Every replica is asked, and one that is not as the others are is told."""

import pytest

from upgraph.operator.controller import Controller
from upgraph.operator.observing import statuses
from upgraph.operator.observing.pods import PodAddress
from upgraph.operator.observing.service_report import Detail, Fault, Graph, ServiceReport, Source
from upgraph.operator.observing.statuses import APART_SECONDS, OLD_SECONDS, ReplicasSeen, conclude
from upgraph.operator.observing.together import Answer
from upgraph.testing.operated_cluster import OperatedCluster
from upgraph.testing.simulated_replica import OTHER_POD_ADDRESS, SimulatedReplica

NOW = 1_000_000_000.0
BEFORE = ReplicasSeen()


def report(
    digest: str = "one", refreshed_at: float = NOW, fault: str = "", findings: int = 0
) -> ServiceReport:
    sources = (
        Source("releases", "docker://a", Fault("registry-untrusted", fault) if fault else None, findings),
    )
    details = tuple(Detail("error", "a-b", f"finding {one}") for one in range(findings))
    return ServiceReport(ready=True, graph=Graph(digest, 91, refreshed_at), sources=sources, details=details)


def answer(pod: str, said: ServiceReport | None, *, is_ready: bool = True) -> Answer:
    return Answer(PodAddress("10.0.0.1", pod, is_ready), said, "" if said else "no answer in 5 s")


def test_what_is_wrong_with_one_replica_is_told_with_its_name() -> None:
    well, ill = report(), report(fault="self-signed", findings=2)
    for answers in ([answer("a", well), answer("b", ill)], [answer("b", ill), answer("a", well)]):
        seen = conclude(answers, BEFORE, NOW).report
        assert seen is not None
        [source] = seen.sources
        assert source.fault == Fault("registry-untrusted", "self-signed (pod b, and not all replicas)")
        assert source.left_out == 2
        assert len(seen.details) == 2


def test_what_is_wrong_with_all_is_told_once() -> None:
    answers = [answer(pod, report(fault="self-signed", findings=2)) for pod in "ab"]
    seen = conclude(answers, BEFORE, NOW).report
    assert seen is not None
    assert seen.sources[0].fault == Fault("registry-untrusted", "self-signed")
    assert len(seen.details) == 2


def test_a_single_replica_that_is_old_is_named() -> None:
    since = NOW - OLD_SECONDS - 1
    seen = conclude([answer("a", report()), answer("b", report(refreshed_at=since))], BEFORE, NOW)
    assert (seen.is_old, seen.oldest) == (True, ("b",))
    assert seen.report is not None
    assert seen.report.graph is not None
    assert seen.report.graph.refreshed_at == since


def test_the_age_is_that_of_the_oldest() -> None:
    ages = {"a": NOW - OLD_SECONDS - 1, "b": NOW - OLD_SECONDS - 9}
    seen = conclude([answer(pod, report(refreshed_at=at)) for pod, at in ages.items()], BEFORE, NOW)
    assert (seen.is_old, seen.oldest) == (True, ())
    assert seen.report is not None
    assert seen.report.graph is not None
    assert seen.report.graph.refreshed_at == seen.refreshed == ages["b"]


def test_while_none_is_old_the_moments_make_no_difference() -> None:
    first = conclude([answer("a", report()), answer("b", report(refreshed_at=NOW - 20))], BEFORE, NOW)
    later = [answer("a", report(refreshed_at=NOW - 5)), answer("b", report(refreshed_at=NOW + 10))]
    assert conclude(later, first, NOW + 30) == first


def test_different_graphs_are_told_when_a_rollout_must_be_over() -> None:
    answers = [answer("a", report("one")), answer("b", report("two")), answer("c", report("one"))]
    seen = conclude(answers, BEFORE, NOW)
    assert seen.apart == ""
    seen = conclude(answers, seen, NOW + APART_SECONDS)
    assert seen.apart == ""
    seen = conclude(answers, seen, NOW + APART_SECONDS + 1)
    assert seen.apart == (
        "the replicas have different graphs since 2001-09-09T01:46:40Z: graph one with 91 releases and 0 updates: pod a, c; "
        "graph two with 91 releases and 0 updates: pod b"
    )
    assert conclude(answers, seen, NOW + 2 * APART_SECONDS) == seen


def test_one_of_different_graphs_is_told_whichever_was_refreshed_last() -> None:
    for order in ("ab", "ba"):
        seen, told = BEFORE, set()
        for at in range(0, 600, 150):
            refreshed = {"a": NOW + at // 300 * 300, "b": NOW + (at - 150) // 300 * 300 + 150}
            digests = {"a": "two", "b": "one"}
            answers = [answer(pod, report(digests[pod], refreshed[pod])) for pod in order]
            seen = conclude(answers, seen, NOW + at)
            told.add((seen.digest, repr(seen.report)))
        assert {digest for digest, _ in told} == {"one"}
        assert len(told) == 1


def test_the_graph_of_most_replicas_is_told_and_stays_while_one_has_it() -> None:
    seen = conclude(
        [answer(pod, report(digest)) for pod, digest in zip("abc", "212", strict=True)], BEFORE, NOW
    )
    assert seen.digest == "2"
    seen = conclude(
        [answer(pod, report(digest)) for pod, digest in zip("abc", "112", strict=True)], seen, NOW
    )
    assert seen.digest == "2"
    seen = conclude(
        [answer(pod, report(digest)) for pod, digest in zip("abc", "113", strict=True)], seen, NOW
    )
    assert seen.digest == "1"


def test_replicas_that_have_agreed_in_between_are_not_apart() -> None:
    apart = [answer("a", report("one")), answer("b", report("two"))]
    seen = conclude(apart, BEFORE, NOW)
    seen = conclude([answer("a", report("two")), answer("b", report("two"))], seen, NOW + 10)
    assert conclude(apart, seen, NOW + APART_SECONDS + 1).apart == ""


def test_a_pod_that_clusters_are_not_sent_to_is_no_part_of_it() -> None:
    answers = [answer("a", report("one")), answer("b", report("two"), is_ready=False)]
    assert conclude(answers, BEFORE, NOW).apart_since is None
    silent = [answer("a", report("one")), answer("b", None, is_ready=False)]
    assert conclude(silent, conclude(silent, BEFORE, NOW), NOW).silent == ()


def test_the_graph_and_its_age_are_those_of_pods_that_clusters_are_sent_to() -> None:
    behind = report("old", NOW - 86_400, fault="no such host")
    answers = [answer("a", report("new")), *(answer(pod, behind, is_ready=False) for pod in "bcd")]
    before = conclude([answer("b", behind)], BEFORE, NOW)
    assert (before.digest, before.is_old) == ("old", True)
    seen = conclude(answers, before, NOW)
    assert (seen.digest, seen.is_old, seen.oldest, seen.refreshed) == ("new", False, (), NOW)
    assert seen.report is not None
    fault = seen.report.sources[0].fault
    assert fault is not None
    assert fault.seen == "no such host (pod b, and not all replicas)"


def test_without_a_ready_pod_the_graph_of_another_is_told() -> None:
    seen = conclude([answer("a", report("one"), is_ready=False)], BEFORE, NOW)
    assert (seen.digest, seen.refreshed) == ("one", NOW)


def test_a_replica_is_silent_when_it_has_not_answered_twice() -> None:
    answers = [answer("a", report()), answer("b", None)]
    once = conclude(answers, BEFORE, NOW)
    assert once.silent == ()
    assert conclude(answers, once, NOW).silent == ("pod b: no answer in 5 s",)
    assert conclude([answer("a", report()), answer("b", report())], once, NOW).silent == ()


@pytest.mark.parametrize(
    "others", [[], [answer("c", report("two"), is_ready=False)]], ids=["all", "ready ones"]
)
def test_one_look_in_which_none_answers_is_no_sign(others: list[Answer]) -> None:
    before = conclude([answer("a", report(findings=2)), answer("b", None)], BEFORE, NOW)
    nobody = [answer("a", None), answer("b", None), *others]
    once = conclude(nobody, before, NOW)
    assert once == before
    assert once.report is before.report
    assert once.unanswered == {"a", "b"}
    assert conclude(nobody, once, NOW) != before


def test_none_that_answers_is_told_with_what_is_wrong_with_a_ready_one() -> None:
    ill = Answer(PodAddress("10.0.0.1", "b", is_ready=False), None, "it refuses to talk")
    assert conclude([answer("a", None), ill], BEFORE, NOW).fault == "no answer in 5 s"


def test_replicas_that_nobody_could_ask_in_between_are_apart_since_then() -> None:
    apart = [answer("a", report("one")), answer("b", report("two"))]
    nobody = [answer("a", None), answer("b", None)]
    seen = conclude(apart, BEFORE, NOW)
    seen = conclude(nobody, conclude(nobody, seen, NOW + 30), NOW + 33)
    assert seen.fault
    assert conclude(apart, seen, NOW + APART_SECONDS + 1).apart != ""


@pytest.mark.usefixtures("quick", "operator")
async def test_replicas_with_different_graphs_are_told_until_they_agree(
    cluster: OperatedCluster,
    replica: SimulatedReplica,
    other: SimulatedReplica,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statuses, "APART_SECONDS", 0.1)
    await cluster.begin_with(replica)
    cluster.run_pod("sample-other", OTHER_POD_ADDRESS)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    other.graph("2")
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "ReplicasApart")
    told = cluster.condition("Degraded")["message"]
    assert "graph 2 with 91 releases and 7 updates: pod sample-other" in told
    assert cluster.condition("Available")["status"] == "True"
    replica.graph("2")
    await cluster.until(lambda: cluster.condition("Degraded")["status"] == "False")


async def test_one_of_two_replicas_that_fails_is_told(
    quick: None,
    cluster: OperatedCluster,
    operator: Controller,
    replica: SimulatedReplica,
    other: SimulatedReplica,
) -> None:
    await cluster.begin_with(replica)
    cluster.run_pod("sample-other", OTHER_POD_ADDRESS)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    fault = {"reference": "registry-untrusted", "seen": "self-signed certificate", "since": 1}
    source = {"kind": "releases", "name": "docker://registry.example/ocp", "fault": fault}
    other.graph(sources=[source])
    await cluster.until(lambda: cluster.condition("ReleasesReachable")["status"] == "False")
    assert "(pod sample-other, and not all replicas)" in cluster.condition("ReleasesReachable")["message"]
    other.status = 500
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "StatusUnreadable")
    assert "pod sample-other: " in cluster.condition("Degraded")["message"]
    other.status = 200
    other.graph()
    await cluster.until(lambda: cluster.condition("Degraded")["status"] == "False")
