"""Containers as their pod wants them: command, environment, user, rights, root."""

import json

import pytest

from tests.cluster.node.conftest import PYTHON, RESTRICTED, Bench


def test_a_pod_has_an_address_and_says_that_it_is_ready(bench: Bench) -> None:
    pod = bench.pod(readinessProbe={"httpGet": {"port": 8080, "path": "/health"}, "periodSeconds": 1}).ready()
    assert pod.status["phase"] == "Running"
    assert pod.status["podIPs"] == [{"ip": pod.status["podIP"]}]
    assert pod.ask("/user").json == {"uid": 1001, "gid": 0, "groups": []}


def test_the_status_names_the_image_by_its_digest(bench: Bench) -> None:
    container = bench.pod().ready().container
    repository, _, digest = container["imageID"].partition("@")
    assert repository == bench.site.image.removesuffix(":witness")
    assert len(digest.removeprefix("sha256:")) == 64
    assert container["state"].keys() == {"running"}


def test_arguments_and_variables_refer_to_each_other(bench: Bench) -> None:
    bench.put("ConfigMap", "settings", data={"COLOUR": "blue", "not a name": "x"})
    bench.put("Secret", "secrets", data={"word": "c2VzYW1l"})
    pod = bench.pod(
        args=["$(WHO)", "$(COLOUR)", "$(NOBODY)", "$$(WHO)"],
        envFrom=[{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "none", "optional": True}}],
        env=[
            {"name": "WHO", "value": "pod"},
            {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "secrets", "key": "word"}}},
            {"name": "BOTH", "value": "$(WHO)-$(WORD)"},
            {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
    ).ready()
    assert pod.ask("/args").json == ["pod", "blue", "$(NOBODY)", "$(WHO)"]
    seen = pod.ask("/env").json
    assert {name: seen[name] for name in ("WHO", "WHAT", "BOTH", "APP", "ADDRESS", "HOSTNAME")} == {
        "WHO": "pod",
        "WHAT": "image",
        "BOTH": "pod-sesame",
        "APP": "witness",
        "ADDRESS": pod.status["podIP"],
        "HOSTNAME": "pod",
    }


def test_services_of_the_namespace_are_in_the_environment(bench: Bench) -> None:
    bench.put(
        "Service", "graph-web", spec={"clusterIP": "10.96.9.1", "ports": [{"name": "http", "port": 80}]}
    )
    linked = bench.pod(name="linked").ready()
    apart = bench.pod({"enableServiceLinks": False}, name="apart").ready()
    assert linked.ask("/env").json["GRAPH_WEB_PORT"] == "tcp://10.96.9.1:80"
    assert linked.ask("/env").json["GRAPH_WEB_SERVICE_PORT_HTTP"] == "80"
    assert not [name for name in apart.ask("/env").json if name.startswith("GRAPH")]


def test_an_arbitrary_user_without_any_right_writes_nowhere_but_to_its_volumes(bench: Bench) -> None:
    pod = bench.pod(
        {"volumes": [{"name": "tmp", "emptyDir": {}}]},
        securityContext=RESTRICTED,
        volumeMounts=[{"name": "tmp", "mountPath": "/tmp"}],
    ).ready()
    assert pod.ask("/user").json == {"uid": 1000650000, "gid": 0, "groups": []}
    rights = pod.ask("/rights").json
    assert {int(rights[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert rights["NoNewPrivs"] == "1"
    assert "Read-only" in pod.ask("/write/scratch/x").body
    assert pod.ask("/write/tmp/x").json == "written"


def test_a_root_that_may_be_written_is_new_for_each_container(bench: Bench) -> None:
    first, second = bench.pod(name="first").ready(), bench.pod(name="second").ready()
    assert first.ask("/write/scratch/x").json == "written"
    assert second.ask("/list/scratch").json == []


@pytest.mark.parametrize(
    ("rights", "message"),
    [
        ({"runAsUser": 0}, "breaks non-root policy"),
        ({"privileged": True}, "does not know privileged"),
    ],
    ids=["root", "privileged"],
)
def test_what_is_not_allowed_is_refused(bench: Bench, rights: dict[str, object], message: str) -> None:
    pod = bench.pod(securityContext={"runAsNonRoot": True, **rights})
    pod.until(lambda pod: message in json.dumps(pod.status))
    assert pod.status["phase"] == "Pending"


def test_a_field_that_is_not_known_is_refused_by_its_path(bench: Bench) -> None:
    pod = bench.pod(livenessProbe={"grpc": {"port": 1}})
    pod.until(lambda pod: "grpc" in pod.status.get("message", ""))


def test_a_program_that_is_not_there_is_a_start_error(bench: Bench) -> None:
    pod = bench.pod({"restartPolicy": "Never"}, command=["/nothing"])
    pod.until(lambda pod: pod.status.get("phase") == "Failed")
    ended = pod.container["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("StartError", 128)
    assert "/nothing" in ended["message"]


def test_init_containers_run_one_after_the_other_before_the_rest(bench: Bench) -> None:
    script = "import sys; open('/volume/log', 'a').write(sys.argv[1])"
    mounts = [{"name": "volume", "mountPath": "/volume"}]
    init = [
        {
            "name": name,
            "image": bench.site.image,
            "command": [PYTHON, "-c", script, name],
            "volumeMounts": mounts,
        }
        for name in ("one", "two", "three")
    ]
    pod = bench.pod(
        {"initContainers": init, "volumes": [{"name": "volume", "emptyDir": {}}]}, volumeMounts=mounts
    )
    assert pod.ready().ask("/file/volume/log").json == "onetwothree"
    states = [one["state"]["terminated"]["reason"] for one in pod.status["initContainerStatuses"]]
    assert states == ["Completed"] * 3


def test_an_init_container_that_fails_holds_back_the_rest(bench: Bench) -> None:
    init = {
        "name": "init",
        "image": bench.site.image,
        "command": [PYTHON, "-c", "raise SystemExit('no data')"],
    }
    pod = bench.pod({"initContainers": [{**init, "terminationMessagePolicy": "FallbackToLogsOnError"}]})
    pod.until(lambda pod: pod.status.get("initContainerStatuses", [{}])[0].get("restartCount", 0) >= 2)
    last = pod.status["initContainerStatuses"][0]["lastState"]["terminated"]
    assert (last["exitCode"], last["message"]) == (1, "no data\n")
    assert pod.waiting == {"reason": "PodInitializing"}
