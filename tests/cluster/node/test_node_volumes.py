"""Volumes: what is in them, who may read it, and that it follows the objects it comes from."""

from pathlib import Path

from tests.cluster.node.conftest import Bench, Pod


def mounted(bench: Bench, source: dict[str, object], **spec: object) -> Pod:
    """A pod that has a volume at ``/volume``."""
    mounts = [{"name": "volume", "mountPath": "/volume"}]
    return bench.pod({"volumes": [{"name": "volume", **source}], **spec}, volumeMounts=mounts)


def test_a_config_map_is_files_that_follow_it(bench: Bench) -> None:
    bench.put("ConfigMap", "settings", data={"a": "1", "b": "2"})
    pod = mounted(bench, {"configMap": {"name": "settings"}}).ready()
    assert pod.ask("/list/volume").json[-2:] == ["a", "b"]
    bench.put("ConfigMap", "settings", data={"b": "3", "c": "4"})
    pod.until(lambda pod: pod.ask("/file/volume/b").json == "3")
    assert [name for name in pod.ask("/list/volume").json if not name.startswith("..")] == ["b", "c"]


def test_a_secret_is_files_with_the_names_and_modes_that_are_wanted(bench: Bench) -> None:
    bench.put("Secret", "login", data={"password": "c2VzYW1l", "user": "YWxp"})
    items = [{"key": "password", "path": "deep/word", "mode": 0o440}]
    secret = {"secretName": "login", "items": items, "defaultMode": 0o400}
    pod = mounted(bench, {"secret": secret}, securityContext={"runAsUser": 7, "fsGroup": 4242}).ready()
    assert pod.ask("/file/volume/deep/word").json == "sesame"
    assert pod.ask("/mode/volume/deep/word").json == {"mode": "0o440", "gid": 4242}
    assert pod.ask("/user").json["groups"] == [4242]


def test_a_secret_for_root_alone_cannot_be_read_by_another_user(bench: Bench) -> None:
    bench.put("Secret", "login", data={"user": "YWxp"})
    pod = mounted(bench, {"secret": {"secretName": "login", "defaultMode": 0o400}}).ready()
    assert "PermissionError" in pod.ask("/file/volume/user").body


def test_a_pod_waits_for_a_config_map_that_is_not_there(bench: Bench) -> None:
    pod = mounted(bench, {"configMap": {"name": "late"}})
    pod.until(lambda pod: pod.status.get("podIP"))
    assert pod.waiting == {"reason": "ContainerCreating"}
    bench.put("ConfigMap", "late", data={"a": "1"})
    assert pod.ready().ask("/file/volume/a").json == "1"


def test_an_optional_secret_fills_the_volume_when_it_comes(bench: Bench) -> None:
    pod = mounted(bench, {"secret": {"secretName": "later", "optional": True}}).ready()
    assert pod.ask("/file/volume/word").status == 404
    bench.put("Secret", "later", data={"word": "c2VzYW1l"})
    pod.until(lambda pod: pod.ask("/file/volume/word").body == '"sesame"')


def test_a_projected_volume_has_a_token_an_authority_and_a_namespace(bench: Bench) -> None:
    bench.put("ConfigMap", "kube-root-ca.crt", data={"ca.crt": "an authority"})
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    pod = mounted(bench, {"projected": {"sources": sources}}).ready()
    assert pod.ask("/file/volume/namespace").json == bench.namespace
    assert pod.ask("/file/volume/ca.crt").json == "an authority"
    assert pod.ask("/file/volume/token").json == f"token of {bench.namespace}/default for pod at the API"


def test_one_file_of_a_volume_can_be_mounted_alone(bench: Bench) -> None:
    bench.put("ConfigMap", "settings", data={"a": "1", "b": "2"})
    mount = {"name": "volume", "mountPath": "/etc/one", "subPath": "b"}
    volume = {"name": "volume", "configMap": {"name": "settings"}}
    pod = bench.pod({"volumes": [volume]}, volumeMounts=[mount]).ready()
    assert pod.ask("/file/etc/one").json == "2"


def test_an_empty_directory_outlives_its_containers(bench: Bench) -> None:
    pod = mounted(bench, {"emptyDir": {}}).ready()
    assert pod.ask("/write/volume/x").json == "written"
    pod.ask("/exit/3")
    pod.until(lambda pod: pod.container["restartCount"] == 1 and pod.condition("Ready"))
    assert pod.ask("/file/volume/x").json == "written"
    assert pod.container["lastState"]["terminated"]["exitCode"] == 3


def test_a_volume_of_one_pod_is_what_its_claim_is_bound_to(bench: Bench, tmp_path: Path) -> None:
    volume = {"name": "volume", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}
    mounts = [{"name": "volume", "mountPath": "/volume"}]
    name = f"{bench.namespace}-own"
    where = {"hostPath": {"path": str(tmp_path / "own")}}
    bench.put("PersistentVolume", name, metadata={"namespace": ""}, spec=where)
    # The name that the controllers give it.
    bench.put("PersistentVolumeClaim", "a-volume", spec={"volumeName": name})
    security = {"securityContext": {"fsGroup": 42}}
    pod = bench.pod({"volumes": [volume], **security}, name="a", volumeMounts=mounts).ready()
    assert pod.ask("/write/volume/x").json == "written"
    assert (tmp_path / "own" / "x").exists()


def test_a_claimed_volume_outlives_its_pods(bench: Bench, tmp_path: Path) -> None:
    volume = {"name": "volume", "persistentVolumeClaim": {"claimName": "state"}}
    mounts = [{"name": "volume", "mountPath": "/volume"}]
    name = f"{bench.namespace}-state"
    bench.put(
        "PersistentVolume",
        name,
        metadata={"namespace": ""},
        spec={"hostPath": {"path": str(tmp_path / "state")}},
    )
    bench.put("PersistentVolumeClaim", "state", spec={"volumeName": name})
    first = bench.pod(
        {"volumes": [volume], "securityContext": {"fsGroup": 42}}, name="a", volumeMounts=mounts
    ).ready()
    assert first.ask("/write/volume/x").json == "written"
    first.delete()
    first.gone()
    second = bench.pod({"volumes": [volume]}, name="b", volumeMounts=mounts).ready()
    assert second.ask("/file/volume/x").json == "written"
