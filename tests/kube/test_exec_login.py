"""A program that the kubeconfig names gives the token, as for kubectl."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.kube import exec_login, find_cluster

ANSWER = '{"kind": "ExecCredential", "status": {"token": "fresh-token"}}'
Named = Callable[..., Path]


@pytest.fixture
def named(tmp_path: Path) -> Named:
    """A kubeconfig whose user has this shell script for a program."""

    def made(script: str, version: str = "client.authentication.k8s.io/v1") -> Path:
        program = tmp_path / "login.sh"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        call = {
            "apiVersion": version,
            "command": "./login.sh",
            "args": ["get"],
            "env": [{"name": "SITE", "value": "harbour"}],
        }
        file = tmp_path / "kubeconfig"
        document = {
            "current-context": "one",
            "clusters": [{"name": "a", "cluster": {"server": "https://a.example:6443"}}],
            "contexts": [{"name": "one", "context": {"cluster": "a", "user": "me"}}],
            "users": [{"name": "me", "user": {"exec": call}}],
        }
        file.write_text(json.dumps(document))
        return file

    return made


def refused(file: Path) -> str:
    with pytest.raises(UserError) as caught:
        find_cluster({"PATH": os.defpath}, kubeconfig=file)
    assert caught.value.reference == "kube-config"
    return caught.value.seen


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_program_gives_the_token(named: Named, version: str) -> None:
    script = f"test \"$1 $SITE\" = 'get harbour' && echo '{ANSWER}'"
    file = named(script, f"client.authentication.k8s.io/{version}")
    found = find_cluster({"PATH": os.defpath}, kubeconfig=file).config
    assert found is not None
    assert found.user is not None
    assert (found.user.token, found.user.exec) == ("fresh-token", None)


def test_the_program_is_told_what_is_asked_of_it(named: Named) -> None:
    script = f"case \"$KUBERNETES_EXEC_INFO\" in *'\"interactive\":false'*) echo '{ANSWER}';; esac"
    assert find_cluster({"PATH": os.defpath}, kubeconfig=named(script)).host == "a.example"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 3", "it ended with status 3"),
        ("echo no json", "its answer is no ExecCredential"),
        ("echo '{\"status\": {}}'", "its answer has no token"),
        ("head -c 2000000 /dev/zero", "more than 1048576 bytes"),
    ],
    ids=["status", "text", "no token", "huge"],
)
def test_a_program_that_gives_no_token_is_named(named: Named, script: str, said: str) -> None:
    seen = refused(named(script))
    assert said in seen
    assert "login.sh, asked for a token for https://a.example:6443" in seen


def test_a_program_that_does_not_end_is_ended(named: Named, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_login, "LOGIN_SECONDS", 0.2)
    assert "no answer in 0.2 s" in refused(named("exec sleep 30"))


def test_a_program_that_is_not_there_is_named(named: Named, tmp_path: Path) -> None:
    file = named("")
    (tmp_path / "login.sh").unlink()
    assert "No such file or directory" in refused(file)


def test_an_unknown_version_is_refused(named: Named) -> None:
    assert "v1alpha1' is not known" in refused(named("", "client.authentication.k8s.io/v1alpha1"))
