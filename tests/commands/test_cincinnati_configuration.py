"""Flags and files of Cincinnati's programs are understood as they are, or refused by name."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Command
from upgraph.errors import UserError
from upgraph.service import cincinnati
from upgraph.service.cincinnati import Translation, graph_builder, metadata_helper, policy_engine
from upgraph.service.configuration import Configuration

OPERATOR = """
verbosity = "vvv"

[service]
pause_secs = 300
address = "::"
port = 8080

[status]
address = "::"
port = 9080

[[plugin_settings]]
name = "release-scrape-dockerv2"
registry = "registry.example:5000"
repository = "ocp/release"
fetch_concurrency = 16
credentials_path = "/var/lib/cincinnati/registry-credentials/.dockerconfigjson"

[[plugin_settings]]
name = "openshift-secondary-metadata-parse"
data_directory = "/var/lib/cincinnati/graph-data"

[[plugin_settings]]
name = "edge-add-remove"
"""
"""As the operator of OpenShift writes it (controllers/new.go)."""
PLUGINS = """
[[plugin_settings]]
name = "release-scrape-dockerv2"
registry = "registry.example"
repository = "ocp/release"
{releases}
[[plugin_settings]]
name = "openshift-secondary-metadata-parse"
data_directory = "/graph-data"
{data}
[[plugin_settings]]
name = "edge-add-remove"
{edges}
"""
CHAIN = """
[[policy]]
name = "cincinnati-graph-fetch"
upstream = "http://builder.example/graph"
{fetch}
[[policy]]
name = "channel-filter"
{channels}
[[policy]]
name = "arch-filter"
{arches}
"""


@pytest.fixture(autouse=True)
def _no_system_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cincinnati, "SYSTEM_TRUST", tmp_path / "ca-trust")


def _builder(text: str = "", flags: Mapping[str, str] | None = None, **plugin: str) -> Translation:
    filled = PLUGINS.format(**{"releases": "", "data": "", "edges": "", **plugin})
    return graph_builder(flags or {}, tomllib.loads(text + filled))


def _engine(text: str = "", **flags: str) -> Translation:
    return policy_engine({key.replace("__", "."): value for key, value in flags.items()}, tomllib.loads(text))


def _chain(**plugin: str) -> Translation:
    return policy_engine(
        {}, tomllib.loads(CHAIN.format(**{"fetch": "", "channels": "", "arches": "", **plugin}))
    )


def test_the_file_of_the_operator_is_understood_without_a_warning() -> None:
    translation = graph_builder({}, tomllib.loads(OPERATOR))
    assert translation.warnings == []
    assert translation.configuration == Configuration(
        releases=("docker://registry.example:5000/ocp/release",),
        graph_data="/var/lib/cincinnati/graph-data",
        authfile=Path("/var/lib/cincinnati/registry-credentials/.dockerconfigjson"),
        concurrency=16,
        listen=None,
        builder_listen="[::]:8080",
        graph_data_listen="[::]:8090",
        status_listen="[::]:9080",
        path_prefix="",
        scrape_interval=300.0,
        scrape_timeout=None,
        log_level="debug",
    )


def test_the_flags_of_the_operator_are_understood_without_a_warning() -> None:
    flags = {
        "verbosity": "vv",
        "service.address": "::",
        "service.mandatory_client_parameters": "channel",
        "service.path_prefix": "/api/upgrades_info",
        "service.port": "8081",
        "status.address": "::",
        "status.port": "9081",
        "upstream.cincinnati.url": "http://localhost:8080/v1/graph",
    }
    translation = policy_engine(flags, {})
    assert translation.warnings == []
    assert translation.configuration == Configuration(
        listen="[::]:8081",
        status_listen="[::]:9081",
        path_prefix="/api/upgrades_info",
        mandatory_parameters=("channel",),
        upstream="http://localhost:8080/v1/graph",
        scrape_interval=30.0,
        log_level="debug",
    )


def test_the_defaults_of_a_graph_builder_are_those_of_cincinnati() -> None:
    chosen = _builder().configuration
    assert (chosen.builder_listen, chosen.graph_data_listen) == ("127.0.0.1:8080", "127.0.0.1:8090")
    assert (chosen.status_listen, chosen.scrape_interval, chosen.scrape_timeout) == (
        "127.0.0.1:9080",
        300.0,
        None,
    )
    assert (chosen.path_prefix, chosen.log_level, chosen.concurrency) == ("", "warning", 16)


def test_the_defaults_of_a_policy_engine_are_those_of_cincinnati() -> None:
    chosen = _engine().configuration
    assert (chosen.listen, chosen.status_listen) == ("127.0.0.1:8081", "127.0.0.1:9081")
    assert chosen.upstream == "http://localhost:8080/graph"


def test_the_defaults_of_a_metadata_helper_are_those_of_cincinnati() -> None:
    translation = metadata_helper({}, {})
    assert translation.warnings == ["signatures.dir is not given: there is no signature to serve"]
    assert translation.configuration == Configuration(
        listen="127.0.0.1:8082", status_listen="127.0.0.1:9082", path_prefix="", log_level="warning"
    )


def test_the_file_of_a_metadata_helper_is_understood() -> None:
    text = '[service]\nport = 1\npath_prefix = "a"\nbacklog = 5\n[signatures]\ndir = "/signatures"\n'
    translation = metadata_helper({"service.port": "2"}, tomllib.loads(text))
    chosen = translation.configuration
    assert (chosen.listen, chosen.path_prefix, chosen.signatures) == (
        "127.0.0.1:2",
        "/a",
        "/signatures",
    )
    assert translation.warnings == ["service.backlog has no effect here"]


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("verbosity", '"v"', "log_level", "info"),
        ("verbosity", '"vvvv"', "log_level", "debug"),
        ("verbosity", '""', "log_level", "warning"),
        ("service.address", '"192.0.2.1"', "builder_listen", "192.0.2.1:8080"),
        ("service.port", "1234", "builder_listen", "127.0.0.1:1234"),
        ("service.public_port", "1234", "graph_data_listen", "127.0.0.1:1234"),
        ("service.path_prefix", '"//a/b/"', "path_prefix", "/a/b"),
        ("service.path_prefix", '"/"', "path_prefix", ""),
        ("service.pause_secs", "60", "scrape_interval", 60.0),
        ("service.scrape_timeout_secs", "90", "scrape_timeout", 90.0),
        ("service.mandatory_client_parameters", '["a", " b ", ""]', "mandatory_parameters", ("a", "b")),
        ("status.address", '"::1"', "status_listen", "[::1]:9080"),
        ("status.port", "1234", "status_listen", "127.0.0.1:1234"),
    ],
)
def test_every_key_of_a_graph_builder_has_its_effect(
    key: str, value: str, field: str, expected: object
) -> None:
    translation = _builder(f"{key} = {value}\n")
    assert getattr(translation.configuration, field) == expected
    assert translation.warnings == []


@pytest.mark.parametrize(
    "key",
    [
        "service.tracing_endpoint",
        "upstream.method",
        "upstream.pause_secs",
        "upstream.registry.url",
        "upstream.registry.repository",
        "upstream.registry.credentials_path",
        "upstream.registry.manifestref_key",
        "upstream.registry.fetch_concurrency",
    ],
)
def test_a_key_without_effect_is_named_in_a_warning(key: str) -> None:
    assert _builder(f'{key} = "x"\n').warnings == [f"{key} has no effect here"]


@pytest.mark.parametrize(
    "key",
    ["backlog", "max_connections", "max_connection_rate", "keep_alive", "client_timeout", "tracing_endpoint"],
)
def test_a_key_without_effect_of_a_policy_engine_is_named_in_a_warning(key: str) -> None:
    assert _engine(f"service.{key} = 5\n").warnings == [f"service.{key} has no effect here"]


def test_an_unknown_key_is_named_in_a_warning() -> None:
    assert _builder('colour = "red"\n').warnings == ["the key colour is not known and has no effect"]


def test_a_flag_is_stronger_than_the_file() -> None:
    translation = _builder("service.port = 1\n", {"service.port": "2"})
    assert translation.configuration.builder_listen == "127.0.0.1:2"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("service.port", "65536"),
        ("service.port", '"http"'),
        ("service.pause_secs", "0"),
        ("status.port", "-1"),
        ("service.scrape_timeout_secs", '"soon"'),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_key(key: str, value: str) -> None:
    with pytest.raises(UserError, match=f"{key} is ") as caught:
        _builder(f"{key} = {value}\n")
    assert caught.value.reference == "setting-invalid"


@pytest.mark.parametrize(
    ("registry", "source"),
    [
        ("quay.example", "docker://quay.example/ocp/release"),
        ("https://quay.example", "docker://quay.example/ocp/release"),
        ("http://quay.example:5000/", "docker+http://quay.example:5000/ocp/release"),
    ],
)
def test_a_registry_is_read_in_every_form(registry: str, source: str) -> None:
    file = tomllib.loads(PLUGINS.format(releases="", data="", edges=""))
    file["plugin_settings"][0]["registry"] = registry
    assert graph_builder({}, file).configuration.releases == (source,)


@pytest.mark.parametrize(("given", "used"), [("0", 256), ("1", 1), ("1000", 256)])
def test_the_number_of_requests_at_once_is_kept_within_ours(given: str, used: int) -> None:
    assert _builder(releases=f"fetch_concurrency = {given}").configuration.concurrency == used


def test_certificates_come_from_the_usual_directory_if_there_are_any(tmp_path: Path) -> None:
    assert _builder().configuration.ca == ()
    (tmp_path / "ca-trust/pem").mkdir(parents=True)
    (tmp_path / "ca-trust/pem/tls-ca-bundle.pem").write_text("")
    assert _builder().configuration.ca == (tmp_path / "ca-trust",)
    assert _builder(releases='root_certificate_dir = "/ca"').configuration.ca == (Path("/ca"),)


@pytest.mark.parametrize(
    ("plugin", "text", "seen"),
    [
        ("releases", 'username = "a"', "release-scrape-dockerv2: username is not available"),
        ("releases", 'password = "a"', "release-scrape-dockerv2: password is not available"),
        ("releases", 'manifestref_key = "a"', "release-scrape-dockerv2: manifestref_key is 'a'"),
        ("releases", 'fetch_concurrency = "a"', "fetch_concurrency is 'a'"),
        ("data", 'key_prefix = "a"', "openshift-secondary-metadata-parse: key_prefix is 'a'"),
        ("edges", "remove_consumed_metadata = true", "edge-add-remove: remove_consumed_metadata is True"),
        ("edges", 'remove_all_edges_value = "x"', "edge-add-remove: remove_all_edges_value is 'x'"),
    ],
)
def test_a_setting_of_a_plugin_that_cannot_have_its_effect_is_refused(
    plugin: str, text: str, seen: str
) -> None:
    with pytest.raises(UserError) as caught:
        _builder("", None, **{plugin: text})
    assert seen in caught.value.seen


@pytest.mark.parametrize(
    ("plugin", "text", "seen"),
    [
        ("channels", 'key_suffix = "a"', "channel-filter: key_suffix is 'a'"),
        ("arches", 'default_arch = "arm64"', "arch-filter: default_arch is 'arm64'"),
        ("arches", 'key_prefix = "a"', "arch-filter: key_prefix is 'a'"),
    ],
)
def test_a_setting_of_a_policy_that_cannot_have_its_effect_is_refused(
    plugin: str, text: str, seen: str
) -> None:
    with pytest.raises(UserError) as caught:
        _chain(**{plugin: text})
    assert seen in caught.value.seen
    assert caught.value.reference == "plugin-refused"


def test_settings_of_a_plugin_that_do_nothing_are_named_in_a_warning() -> None:
    assert _builder(data="data_cache = 1").warnings == [
        "openshift-secondary-metadata-parse: the key data_cache is not known and has no effect"
    ]


def test_a_misspelt_key_is_told_with_the_one_that_may_be_meant() -> None:
    assert _builder('service.pathprefix = "a"\n', releases='credentials_pat = "/a"').warnings == [
        "the key service.pathprefix is not known and has no effect; did you mean service.path_prefix?",
        "release-scrape-dockerv2: the key credentials_pat is not known and has no effect; did you mean credentials_path?",
    ]


@pytest.mark.parametrize(
    "translated", [_builder, lambda text, flags: policy_engine(flags, tomllib.loads(text))]
)
def test_mandatory_parameters_of_the_file_and_the_flag_count_together(
    translated: Callable[[str, Mapping[str, str]], Translation],
) -> None:
    text = 'service.mandatory_client_parameters = ["channel", "version"]\n'
    both = translated(text, {"service.mandatory_client_parameters": " id , channel,,"})
    assert both.configuration.mandatory_parameters == ("channel", "version", "id")
    alone = translated("", {"service.mandatory_client_parameters": "id"})
    assert alone.configuration.mandatory_parameters == ("id",)


def test_an_empty_flag_takes_no_mandatory_parameter_away() -> None:
    text = 'service.mandatory_client_parameters = ["channel"]\n'
    translation = _builder(text, {"service.mandatory_client_parameters": ""})
    assert translation.configuration.mandatory_parameters == ("channel",)


def test_a_file_of_credentials_that_is_not_there_ends_the_program_with_its_name(
    command: Command, toml: Callable[..., Path]
) -> None:
    plugins = PLUGINS.format(releases='credentials_path = "/nowhere/config.json"', data="", edges="")
    done = command(
        "graph-builder", "-c", toml(f"service.port = 0\nservice.public_port = 0\nstatus.port = 0\n{plugins}")
    )
    assert (done.code, "/nowhere/config.json: No such file" in done.err) == (2, True)
    assert "reference:      oci-auth-file" in done.err


def test_the_usual_policies_are_understood_and_name_their_upstream() -> None:
    translation = _chain()
    assert translation.configuration.upstream == "http://builder.example/graph"
    assert translation.warnings == []


@pytest.mark.parametrize(
    "name", ["github-secondary-metadata-scrape", "quay-metadata", "node-remove", "versioned-graph", "x"]
)
def test_an_unknown_plugin_is_refused_by_name(name: str) -> None:
    file = tomllib.loads(PLUGINS.format(releases="", data="", edges=""))
    file["plugin_settings"].append({"name": name})
    with pytest.raises(UserError, match=f"the plugin '{name}' is not available") as caught:
        graph_builder({}, file)
    assert caught.value.reference == "plugin-refused"


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (0, 1), (0, 1, 2, 2)], ids=str)
def test_another_order_of_plugins_is_refused(order: tuple[int, ...]) -> None:
    file = tomllib.loads(PLUGINS.format(releases="", data="", edges=""))
    file["plugin_settings"] = [file["plugin_settings"][at] for at in order]
    with pytest.raises(UserError, match="only this order is available"):
        graph_builder({}, file)


@pytest.mark.parametrize(
    "plugins", ["x", {"name": "x"}, ["x"], [{}], [{"name": 7}], [{"name": ["x"]}]], ids=repr
)
def test_plugins_of_a_wrong_type_are_refused(plugins: Any) -> None:
    with pytest.raises(UserError):
        graph_builder({}, {"plugin_settings": plugins})


def test_without_plugins_nothing_is_fetched_from_the_internet() -> None:
    with pytest.raises(UserError, match="fetch releases and graph data from the internet") as caught:
        graph_builder({}, {})
    assert caught.value.reference == "plugin-refused"


@pytest.mark.parametrize("missing", ["registry", "repository", "data_directory"])
def test_what_a_plugin_needs_is_asked_for(missing: str) -> None:
    file = tomllib.loads(PLUGINS.format(releases="", data="", edges=""))
    for table in file["plugin_settings"]:
        table.pop(missing, None)
    with pytest.raises(UserError, match=missing):
        graph_builder({}, file)


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("graph-builder", cincinnati.GRAPH_BUILDER_OPTIONS),
        ("policy-engine", cincinnati.POLICY_ENGINE_OPTIONS),
        ("metadata-helper", cincinnati.METADATA_HELPER_OPTIONS),
    ],
)
def test_every_key_is_a_flag(command: Command, program: str, options: tuple[cincinnati.Option, ...]) -> None:
    text = command(program, "--help").out
    flags = [flag for option in options if option.key != "verbosity" for flag in option.flags]
    assert [flag for flag in flags if flag not in text] == []


def test_a_refused_plugin_ends_the_program_with_words(command: Command, toml: Callable[..., Path]) -> None:
    done = command("graph-builder", "-c", toml('[[plugin_settings]]\nname = "node-remove"\n'))
    assert done.code == 2
    assert "the plugin 'node-remove' is not available" in done.err
    assert "Traceback" not in done.err


def test_a_graph_builder_without_configuration_ends_with_words(command: Command) -> None:
    done = command("graph-builder")
    assert (done.code, "plugin-refused" in done.err) == (2, True)
