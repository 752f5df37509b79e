"""Every setting can be given as a flag, in the environment and in files, and the stronger origin wins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commands.conftest import Command
from upgraph.errors import UserError
from upgraph.service.configuration import SETTINGS, Configuration, address, from_json, to_json
from upgraph.service.consistency import check
from upgraph.service.origins import resolve
from upgraph.service.setting import Setting, masked

SAMPLES: dict[str, tuple[str, str, str, str]] = {
    "releases": ("oci:/a", "oci:/b", "oci:/c", "oci:/d"),
    "mirrors": ("/a", "/b", "/c", "/d"),
    "graph_data": ("/a", "/b", "/c", "/d"),
    "graph_data_path": ("/a", "/b", "/c", "/d"),
    "payload_repository": ("x.example/a", "x.example/b", "x.example/c", "x.example/d"),
    "bundle": ("/a", "/b", "/c", "/d"),
    "signatures": ("/a", "/b", "/c", "/d"),
    "require_signatures": ("/a", "/b", "/c", "/d"),
    "require_graph_data_signature": ("/a", "/b", "/c", "/d"),
    "signature_policy": ("cluster", "strict", "cluster", "strict"),
    "promoted": ("/a", "/b", "/c", "/d"),
    "upstream": ("http://a.example", "http://b.example", "http://c.example", "http://d.example"),
    "ca": ("/a", "/b", "/c", "/d"),
    "authfile": ("/a", "/b", "/c", "/d"),
    "authfile_search": ("false", "true", "false", "true"),
    "listen": ("a:1", "b:2", "c:3", "d:4"),
    "tls_cert": ("/a", "/b", "/c", "/d"),
    "tls_key": ("/a", "/b", "/c", "/d"),
    "serving_processes": ("1", "2", "3", "4"),
    "status_listen": ("a:1", "b:2", "c:3", "d:4"),
    "builder_listen": ("a:1", "b:2", "c:3", "d:4"),
    "graph_data_listen": ("a:1", "b:2", "c:3", "d:4"),
    "path_prefix": ("/a", "/b", "/c", "/d"),
    "mandatory_parameters": ("a", "b", "c", "d"),
    "siblings": ("a:1", "b:2", "c:3", "d:4"),
    "state_dir": ("/a", "/b", "/c", "/d"),
    "scrape_interval": ("60", "120", "180", "240"),
    "registry_check_interval": ("60", "off", "180", "240"),
    "scrape_timeout": ("60", "120", "180", "240"),
    "concurrency": ("1", "2", "3", "4"),
    "verify_layers": ("true", "false", "true", "false"),
    "shrink_limit": ("0.1", "0.2", "0.3", "0.4"),
    "block_precedence": ("cincinnati", "block-wins", "cincinnati", "block-wins"),
    "max_stale": ("60", "120", "180", "240"),
    "log_format": ("json", "text", "json", "text"),
    "log_level": ("debug", "info", "warning", "error"),
}
"""Four values for every setting: for the first file, the second, the environment and the flag."""
FIELDS = sorted(SETTINGS)


def _value(one: Setting, text: str) -> Any:
    return one.value_of(text, "here")


def _file(path: Path, name: str, text: str) -> Path:
    path.write_text(f'{name} = "{text}"\n')
    return path


def test_every_setting_is_in_the_table() -> None:
    assert sorted(SAMPLES) == FIELDS


@pytest.mark.parametrize("origins", range(5), ids=["default", "file", "later file", "environment", "flag"])
@pytest.mark.parametrize("field", FIELDS)
def test_the_strongest_origin_wins(tmp_path: Path, field: str, origins: int) -> None:
    one, texts = SETTINGS[field], SAMPLES[field]
    files = [_file(tmp_path / f"{at}.toml", one.name, texts[at]) for at in range(min(origins, 2))]
    environment = {one.environment: texts[2]} if origins > 2 else {}
    found = resolve({field: texts[3]} if origins > 3 else {}, environment, files)
    expected = one.default if origins == 0 else _value(one, texts[origins - 1])
    assert getattr(found.configuration, field) == expected
    names = ("default", f"file {tmp_path}/0.toml", f"file {tmp_path}/1.toml", f"variable {one.environment}")
    assert found.origins[one.name] == (*names, f"flag --{one.name}")[origins]


@pytest.mark.parametrize("field", FIELDS)
def test_every_setting_is_a_flag_with_help(command: Command, field: str) -> None:
    one = SETTINGS[field]
    text = " ".join(command("upgraph", "serve", "--help").out.split())
    assert f"--{one.name} " in text
    assert one.help in text
    assert f"[env: {one.environment}]" in text


@pytest.mark.parametrize("field", FIELDS)
def test_every_value_that_is_shown_can_be_given_again(field: str) -> None:
    one = SETTINGS[field]
    for text in SAMPLES[field]:
        value = _value(one, text)
        assert one.value_of(one.show(value), "here") == value


@pytest.mark.parametrize("field", FIELDS)
def test_a_configuration_survives_the_way_to_the_building_process(field: str) -> None:
    configuration = resolve({field: SAMPLES[field][0]}, {}, ()).configuration
    assert from_json(to_json(configuration)) == configuration


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("listen", ""),
        ("listen", "8081"),
        ("listen", "::1:8081"),
        ("listen", "host:65536"),
        ("status_listen", ""),
        ("scrape_interval", "0"),
        ("scrape_interval", "5 minutes"),
        ("scrape_interval", ""),
        ("scrape_timeout", "-1"),
        ("registry_check_interval", "0"),
        ("concurrency", "0"),
        ("concurrency", "257"),
        ("concurrency", "1.5"),
        ("shrink_limit", "1.1"),
        ("shrink_limit", "nan"),
        ("verify_layers", "maybe"),
        ("log_format", "xml"),
        ("log_level", "loud"),
        ("block_precedence", "nobody"),
    ],
)
@pytest.mark.parametrize("origin", ["file", "variable", "flag"])
def test_a_wrong_value_names_where_it_came_from(tmp_path: Path, field: str, wrong: str, origin: str) -> None:
    one = SETTINGS[field]
    files = [_file(tmp_path / "a.toml", one.name, wrong)] if origin == "file" else []
    environment = {one.environment: wrong} if origin == "variable" else {}
    with pytest.raises(UserError) as caught:
        resolve({field: wrong} if origin == "flag" else {}, environment, files)
    places = {
        "file": f"file {tmp_path}/a.toml",
        "variable": f"variable {one.environment}",
        "flag": f"flag --{one.name}",
    }
    assert caught.value.seen.startswith(f"{places[origin]}: {one.name} is {wrong!r}, but ")


@pytest.mark.parametrize("field", ["scrape_timeout", "registry_check_interval", "max_stale"])
def test_a_time_of_nothing_is_refused_with_the_word_for_none(field: str) -> None:
    with pytest.raises(UserError, match="a time above zero is expected; off for none"):
        resolve({field: "0"}, {}, [])


@pytest.mark.parametrize(
    ("toml_value", "field", "expected"),
    [
        ('["oci:/a b", "oci:/c"]', "releases", ("oci:/a b", "oci:/c")),
        ("true", "verify_layers", True),
        ("16", "concurrency", 16),
        ("0.25", "shrink_limit", 0.25),
        ("600", "scrape_interval", 600.0),
        ('"1h30m"', "max_stale", 5400.0),
        ('"off"', "max_stale", None),
        ('"off"', "registry_check_interval", None),
    ],
)
def test_files_may_use_the_types_of_toml(
    toml: Callable[..., Path], toml_value: str, field: str, expected: object
) -> None:
    path = toml(f"{SETTINGS[field].name} = {toml_value}\n")
    assert getattr(resolve({}, {}, [path]).configuration, field) == expected


@pytest.mark.parametrize("value", ["{a = 1}", "[[1]]", "1979-05-27"], ids=["table", "nested", "date"])
def test_a_type_that_no_setting_has_is_refused(toml: Callable[..., Path], value: str) -> None:
    with pytest.raises(UserError):
        resolve({}, {}, [toml(f"releases = {value}\n")])


def test_several_values_in_the_environment_are_separated_by_commas_or_lines() -> None:
    found = resolve({}, {"UPGRAPH_RELEASES": "oci:/a, oci:/my releases\noci:/c"}, ())
    assert found.configuration.releases == ("oci:/a", "oci:/my releases", "oci:/c")


@pytest.mark.parametrize("field", ["mandatory_parameters", "siblings"])
def test_what_has_no_commas_is_separated_by_them_wherever_it_is_given(
    toml: Callable[..., Path], field: str
) -> None:
    name = SETTINGS[field].name
    expected = ("a:1", "b:2", "c:3")
    assert getattr(resolve({field: ("a:1, b:2", "c:3,a:1")}, {}, []).configuration, field) == expected
    file = toml(f'{name} = ["a:1,b:2", "c:3"]\n')
    assert getattr(resolve({}, {}, [file]).configuration, field) == expected


@pytest.mark.parametrize("given", ["", " ", ","])
def test_an_empty_flag_takes_no_requirement_away(toml: Callable[..., Path], given: str) -> None:
    file = toml('mandatory-parameters = ["id"]\n')
    with pytest.raises(UserError, match="a value is needed"):
        resolve({"mandatory_parameters": (given,)}, {}, [file])


def test_an_unknown_key_is_refused_with_a_suggestion(toml: Callable[..., Path]) -> None:
    with pytest.raises(
        UserError, match="'scrape-intervall', which is no setting; did you mean scrape-interval"
    ) as caught:
        resolve({}, {}, [toml("scrape-intervall = 5\n")])
    assert caught.value.reference == "setting-unknown"


@pytest.mark.parametrize(
    "content", [b"listen = ", b"\xff\xfe", b"#" * (1024 * 1024 + 1)], ids=["syntax", "encoding", "size"]
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(UserError) as caught:
        resolve({}, {}, [tmp_path / "a.toml"])
    assert caught.value.reference == "configuration-unreadable"
    assert str(tmp_path / "a.toml") in caught.value.seen


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        resolve({}, {}, [tmp_path / "none.toml"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        (":8081", ("::", 8081)),
        ("[::1]:0", ("::1", 0)),
        ("name.example:65535", ("name.example", 65535)),
    ],
)
def test_addresses_are_read(text: str, expected: tuple[str, int]) -> None:
    assert address(text) == expected


@given(st.text(max_size=20))
def test_any_text_is_an_address_or_an_error_of_value(text: str) -> None:
    try:
        host, port = address(text)
    except ValueError:
        return
    assert host
    assert 0 <= port <= 65_535


@pytest.mark.parametrize(
    ("configuration", "reference"),
    [
        (Configuration(), "source-missing"),
        (Configuration(releases=("oci:/a",)), "source-missing"),
        (Configuration(graph_data="/a"), "source-missing"),
        (Configuration(releases=("oci:/a",), graph_data="/a"), "source-missing"),
        (Configuration(upstream="http://x.example", graph_data="/a"), "setting-invalid"),
        (Configuration(upstream="http://x.example", releases=("oci:/a",)), "setting-invalid"),
        (Configuration(upstream="http://x.example/graph", max_stale=3.0), "setting-invalid"),
    ],
)
def test_settings_that_make_no_service_are_refused(configuration: Configuration, reference: str) -> None:
    with pytest.raises(UserError) as caught:
        check(configuration)
    assert caught.value.reference == reference


@pytest.mark.parametrize(
    "configuration",
    [
        Configuration(releases=("docker://x.example/a",), graph_data="/a"),
        Configuration(releases=("oci:/a",), graph_data="/a", payload_repository="x.example/a"),
        Configuration(upstream="http://x.example/graph"),
    ],
    ids=["registry", "layout", "upstream"],
)
def test_settings_that_make_a_service_pass(configuration: Configuration) -> None:
    check(configuration)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://user:s3cret@h/graph", "https://***@h/graph"),
        ("https://h/graph?token=s3cret&a=b", "https://h/graph?***"),
        ("https://h/graph", "https://h/graph"),
        ("oci:/a?b", "oci:/a?b"),
    ],
    ids=["user and password", "query", "nothing to hide", "no address"],
)
def test_what_may_be_secret_in_an_address_is_masked(given: str, shown: str) -> None:
    assert masked(given) == shown


@pytest.mark.parametrize(
    ("name", "meant"),
    [("UPGRAPH_RELEASE", "UPGRAPH_RELEASES"), ("UPGRAPH_GRAPHDATA", "UPGRAPH_GRAPH_DATA")],
)
def test_a_variable_that_is_almost_a_setting_is_named(name: str, meant: str) -> None:
    [finding] = resolve({}, {name: "x"}, []).findings
    assert finding.seen == f"the variable {name} is no setting and has no effect; did you mean {meant}?"


@pytest.mark.parametrize("name", ["UPGRAPH_SERVICE_HOST", "UPGRAPH_PORT_8081_TCP", "UPGRAPH_LISTEN", "HOME"])
def test_what_the_system_sets_is_no_misspelling(name: str) -> None:
    assert not resolve({}, {name: "127.0.0.1:1"}, []).findings
