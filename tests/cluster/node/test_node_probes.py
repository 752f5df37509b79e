"""Probes, restarts and the end of pods."""

import pytest

from tests.cluster.node.conftest import PYTHON, Bench

HEALTH = {"httpGet": {"port": "http", "path": "/health"}, "periodSeconds": 1}
PORTS = [{"name": "http", "containerPort": 8080}]


def test_a_pod_that_is_not_well_is_not_ready_but_goes_on(bench: Bench) -> None:
    pod = bench.pod(ports=PORTS, readinessProbe={**HEALTH, "failureThreshold": 1}).ready()
    pod.ask("/sicken")
    pod.until(lambda pod: not pod.condition("Ready"))
    assert pod.container["restartCount"] == 0
    assert "running" in pod.container["state"]


def test_a_container_that_no_longer_lives_is_started_again(bench: Bench) -> None:
    startup = {**HEALTH, "failureThreshold": 100}
    pod = bench.pod(
        ports=PORTS, startupProbe=startup, livenessProbe={**HEALTH, "failureThreshold": 2}
    ).ready()
    pod.ask("/sicken")
    pod.until(lambda pod: pod.container["restartCount"] == 1 and pod.condition("Ready"))
    assert "goodbye" in pod.text()


def test_other_probes_wait_for_the_startup_probe(bench: Bench) -> None:
    startup = {"exec": {"command": [PYTHON, "-c", "open('/scratch/started')"]}, "periodSeconds": 1}
    pod = bench.pod(
        startupProbe={**startup, "timeoutSeconds": 20, "failureThreshold": 100},
        livenessProbe={"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 1},
    )
    pod.until(lambda pod: pod.ask("/health").status == 200 if "podIP" in pod.status else None)
    assert not pod.container["started"]
    pod.ask("/write/scratch/started")
    pod.until(lambda pod: pod.container["restartCount"] == 1)


def test_a_container_that_does_not_start_in_time_is_started_again(bench: Bench) -> None:
    pod = bench.pod(startupProbe={"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 2})
    pod.until(lambda pod: pod.container["restartCount"] >= 1)


def test_a_container_that_fails_again_and_again_waits_ever_longer(bench: Bench) -> None:
    pod = bench.pod(command=[PYTHON, "-c", "print('broken'); raise SystemExit(7)"])
    pod.until(
        lambda pod: pod.waiting.get("reason") == "CrashLoopBackOff" and pod.container["restartCount"] >= 2
    )
    assert "restarting failed container=main" in pod.waiting["message"]
    assert pod.container["lastState"]["terminated"]["exitCode"] == 7
    assert pod.text().count("broken") >= 3


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (3, "Failed")])
def test_a_pod_that_runs_once_ends_as_its_container_did(bench: Bench, code: int, phase: str) -> None:
    pod = bench.pod({"restartPolicy": "Never"}, command=[PYTHON, "-c", f"raise SystemExit({code})"])
    pod.until(lambda pod: pod.status.get("phase") == phase)
    assert pod.container["state"]["terminated"]["exitCode"] == code


def test_a_pod_that_is_deleted_is_asked_to_end_first(bench: Bench) -> None:
    pod = bench.pod(
        ports=PORTS, lifecycle={"preStop": {"httpGet": {"port": "http", "path": "/write/scratch/x"}}}
    )
    pod.ready().delete()
    pod.gone()
    assert pod.text().splitlines() == ["up", "asked to end", "goodbye"]
    assert pod.container["state"]["terminated"]["exitCode"] == 0
    assert not pod.condition("Ready")


def test_a_container_that_does_not_hear_is_killed_after_its_grace(bench: Bench) -> None:
    pod = bench.pod(env=[{"name": "DEAF", "value": "yes"}]).ready()
    pod.delete(1)
    assert pod.gone().container["state"]["terminated"]["exitCode"] == 137


def test_an_ending_pod_answers_until_its_hook_is_over(bench: Bench) -> None:
    pod = bench.pod(lifecycle={"preStop": {"sleep": {"seconds": 30}}}).ready()
    pod.delete(3)
    assert pod.ask("/health").status == 200
    assert pod.gone().container["state"]["terminated"]["exitCode"] == 137


def test_a_hook_that_is_cut_off_holds_up_nothing(bench: Bench) -> None:
    # Its process belongs to nobody then, and a container ends only when somebody has taken note of all its dead.
    hook = {"exec": {"command": [PYTHON, "-c", "import time; time.sleep(300)"]}}
    pod = bench.pod(lifecycle={"preStop": hook}).ready()
    pod.delete(1)
    assert pod.gone().container["state"]["terminated"]["exitCode"] == 137


def test_a_pod_that_is_gone_without_a_word_is_killed(bench: Bench) -> None:
    pod = bench.pod().ready()
    bench.site.node.remove(pod.object)
    pod.until(lambda pod: pod.ask("/health").status == 0)
