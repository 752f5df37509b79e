"""Pulling images: policies, logins, and what is said when there is none."""

import base64

from tests.cluster.node.conftest import Bench
from upgraph.testing.real_registry import skopeo_copy


def test_an_image_that_does_not_exist_is_waited_for(bench: Bench) -> None:
    name = f"127.0.0.1:{bench.site.registry.port}/test/late:v1"
    pod = bench.pod(image=name)
    pod.until(lambda pod: pod.waiting.get("reason") == "ImagePullBackOff")
    assert f'Back-off pulling image "{name}": ErrImagePull: ' in pod.waiting["message"]
    skopeo_copy(f"docker://{bench.site.image}", f"docker://{name}", wrapper=bench.site.network)
    assert pod.ready().container["restartCount"] == 0


def test_a_registry_that_wants_a_login_gets_that_of_the_pull_secret(bench: Bench, login: str) -> None:
    pod = bench.pod({"imagePullSecrets": [{"name": "pull"}]}, image=bench.site.closed_image)
    pod.until(lambda pod: pod.waiting.get("reason") in {"ErrImagePull", "ImagePullBackOff"})
    bench.put("Secret", "pull", data={".dockerconfigjson": base64.b64encode(login.encode()).decode()})
    pod.ready()


def test_an_image_that_may_not_be_pulled_has_to_be_there(bench: Bench) -> None:
    name = bench.site.image.replace("witness:", "witness@sha256:" + "0" * 64 + "#").partition("#")[0]
    pod = bench.pod(image=name, imagePullPolicy="Never")
    pod.until(lambda pod: pod.waiting.get("reason") == "ErrImageNeverPull")


def test_a_name_that_is_none_is_said_to_be_none(bench: Bench) -> None:
    pod = bench.pod(image="NOT A NAME")
    pod.until(lambda pod: pod.waiting.get("reason") == "InvalidImageName")
