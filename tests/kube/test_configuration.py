"""The cluster is the one that kubectl would talk to, and nothing of its configuration is passed over."""

import json
from pathlib import Path
from typing import Any

import pytest

from upgraph.errors import UserError
from upgraph.kube import find_cluster

Config = dict[str, Any]


@pytest.fixture
def config() -> Config:
    return {
        "current-context": "one",
        "clusters": [
            {"name": "a", "cluster": {"server": "https://a.example:6443"}},
            {"name": "b", "cluster": {"server": "https://[fd00::1]"}},
        ],
        "contexts": [
            {"name": "one", "context": {"cluster": "a", "user": "me"}},
            {"name": "two", "context": {"cluster": "b", "user": "me"}},
        ],
        "users": [{"name": "me", "user": {"token": "do-not-show-this"}}],
    }


def written(path: Path, config: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config))
    return path


def refused(file: Path, context: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        find_cluster({}, kubeconfig=file, context=context)
    assert caught.value.reference == "kube-config"
    assert "do-not-show-this" not in caught.value.seen
    return caught.value.seen


def test_the_current_context_counts_unless_another_is_named(config: Config, tmp_path: Path) -> None:
    file = written(tmp_path / "config", config)
    one, two = find_cluster({}, kubeconfig=file), find_cluster({}, kubeconfig=file, context="two")
    assert (str(one), one.host, one.port) == ("https://a.example:6443 (one)", "a.example", 6443)
    assert (two.host, two.port, two.origin) == ("fd00::1", 443, str(file))
    assert "do-not-show-this" not in repr(one)


def test_a_file_that_is_named_is_stronger_than_the_variable_and_that_than_the_home(
    config: Config, tmp_path: Path
) -> None:
    named = written(tmp_path / "named", {**config, "current-context": "two"})
    variable = written(tmp_path / "variable", config)
    home = written(tmp_path / ".kube/config", config)
    environment = {"KUBECONFIG": str(variable), "HOME": str(tmp_path)}
    assert find_cluster(environment, kubeconfig=named).origin == str(named)
    assert find_cluster(environment).origin == str(variable)
    assert find_cluster({"HOME": str(tmp_path)}).origin == str(home)


def test_of_the_files_of_the_variable_one_may_be_there(config: Config, tmp_path: Path) -> None:
    one, two = written(tmp_path / "one", config), tmp_path / "two"
    assert find_cluster({"KUBECONFIG": f"{two}:{one}"}).origin == str(one)
    written(two, config)
    with pytest.raises(UserError, match="several files, which are not merged"):
        find_cluster({"KUBECONFIG": f"{two}:{one}"})


def test_a_pod_finds_its_own_cluster(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    environment = {"HOME": "/absent", "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    found = find_cluster(environment, account=tmp_path)
    assert (found.server, found.context) == ("https://[fd00::1]:443", "the service account of this pod")


@pytest.mark.parametrize(
    ("environment", "context", "said"),
    [
        ({}, None, "no kubeconfig is named"),
        ({}, "one", "there is no kubeconfig in which it could be"),
        ({"KUBECONFIG": "/absent/config"}, None, "/absent/config: No such file"),
    ],
    ids=["nothing", "a context alone", "a file that is not there"],
)
def test_without_a_configuration_no_cluster_is_asked(
    environment: dict[str, str], context: str | None, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        find_cluster({"HOME": str(tmp_path), **environment}, context=context, account=tmp_path)


def test_a_pod_that_is_not_told_where_its_cluster_is_says_so(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    with pytest.raises(UserError, match="KUBERNETES_SERVICE_HOST"):
        find_cluster({"HOME": str(tmp_path)}, account=tmp_path)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("cluster", "tls-server-name", "other.example"),
        ("user", "auth-provider", {"name": "gcp"}),
        ("user", "as", "somebody"),
        ("user", "as-groups", ["system:masters"]),
    ],
)
def test_what_would_be_passed_over_is_refused(
    config: Config, tmp_path: Path, kind: str, field: str, value: object
) -> None:
    config[f"{kind}s"][0][kind][field] = value
    assert f"{field} of the {kind} is not supported" in refused(written(tmp_path / "config", config))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clusters": "x"}, "it is no kubeconfig"),
        ({"current-context": ""}, "it has no current-context"),
        ({"current-context": "three"}, "three"),
        ({"clusters": []}, "a"),
        ({"users": []}, "me"),
        ({"users": [{"name": "me"}]}, "user"),
        ({"contexts": [{"name": "one", "context": 7}]}, "Expected `object`"),
    ],
    ids=["no clusters", "no context", "unknown context", "no cluster", "no user", "empty user", "wrong type"],
)
def test_a_broken_file_says_what_is_wrong(config: Config, tmp_path: Path, change: Config, said: str) -> None:
    assert said in refused(written(tmp_path / "config", {**config, **change}))


@pytest.mark.parametrize("text", ["", "[", "a: b: c", "[" * 5000], ids=["empty", "open", "no yaml", "deep"])
def test_what_is_no_yaml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)
    assert str(tmp_path / "config") in refused(tmp_path / "config")


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "config").open("wb") as file:
        file.truncate(5 * 1024 * 1024)
    assert "larger than 4194304 bytes" in refused(tmp_path / "config")


def test_the_proxy_of_a_cluster_is_heeded(config: Config, tmp_path: Path) -> None:
    config["clusters"][0]["cluster"]["proxy-url"] = "http://proxy.example:3128"
    proxy = find_cluster({}, kubeconfig=written(tmp_path / "config", config)).proxy
    assert proxy is not None
    assert proxy.url == "http://proxy.example:3128"


def test_a_proxy_of_another_kind_is_refused(config: Config, tmp_path: Path) -> None:
    config["clusters"][0]["cluster"]["proxy-url"] = "socks5://proxy.example"
    assert "proxy-url is neither" in refused(written(tmp_path / "config", config))


def test_a_switch_is_read_as_one(config: Config, tmp_path: Path) -> None:
    config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    found = find_cluster({}, kubeconfig=written(tmp_path / "config", config)).config
    assert found is not None
    assert found.cluster.insecure is True
