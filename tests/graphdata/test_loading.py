"""From files to graph data, or to a refusal."""

import random
from collections.abc import Callable, Mapping

import pytest

from upgraph.errors import Severity
from upgraph.graph import Block, Channel, Pattern, Version
from upgraph.graphdata import Files, Loader, files, load

Make = Callable[[Mapping[str, bytes | None]], Files]

CHANNEL = "channels/stable-4.18.yaml"
RULE = "blocked-edges/4.18.2.yaml"
RAW = "raw/metadata.json"


def findings(made: Files) -> list[tuple[Severity, str, str | None, int | None]]:
    """What is reported, without words."""
    return [(f.severity, f.reference, f.file, f.line) for f in load(made).findings]


def test_a_valid_set_is_served_without_a_word(a_set: Make) -> None:
    loaded = load(a_set({}))
    assert loaded.data is not None
    assert loaded.findings == ()
    assert loaded.data.schema == Version.parse("1.1.0")
    assert loaded.data.channels == (
        Channel("stable-4.18", (Version.parse("4.18.1"), Version.parse("4.18.2"))),
    )
    assert loaded.data.blocks == (Block(Version.parse("4.18.2"), Pattern.compile("4[.]18[.]1"), RULE),)


@pytest.mark.parametrize(
    ("changes", "reference", "file", "line"),
    [
        pytest.param({"version": None}, "graph-data-layout", "version", None, id="version-missing"),
        pytest.param({"version": b""}, "graph-data-version", "version", 1, id="version-empty"),
        pytest.param({"version": b"one\n"}, "graph-data-version", "version", 1, id="version-not-semver"),
        pytest.param({"version": b"\xff"}, "graph-data-version", "version", 1, id="version-not-utf-8"),
        pytest.param({"version": b"2.0.0\n"}, "graph-data-version", "version", 1, id="newer-major"),
        pytest.param({"version": b"0.9.0\n"}, "graph-data-version", "version", 1, id="older-major"),
        pytest.param({CHANNEL: None}, "graph-data-layout", "channels/", None, id="no-channel"),
        pytest.param({RAW: None}, "graph-data-layout", RAW, None, id="raw-missing"),
        pytest.param({RAW: b"{\n,}"}, "graph-data-raw-metadata", RAW, 2, id="raw-not-json"),
        pytest.param({RAW: b"\xff"}, "graph-data-raw-metadata", RAW, 1, id="raw-not-utf-8"),
        pytest.param({RAW: b"[]"}, "graph-data-raw-metadata", RAW, None, id="raw-list"),
        pytest.param({RAW: b'{"4.1.0": {"a": 1}}'}, "graph-data-raw-metadata", RAW, None, id="raw-number"),
        pytest.param({RAW: b"[" * 100_000}, "graph-data-raw-metadata", RAW, None, id="raw-deep"),
        pytest.param({CHANNEL: b"{"}, "graph-data-yaml", CHANNEL, 2, id="channel-not-yaml"),
        pytest.param({CHANNEL: b"[]"}, "graph-data-channel", CHANNEL, 1, id="channel-list"),
        pytest.param({CHANNEL: b"name: a\n"}, "graph-data-channel", CHANNEL, None, id="no-versions"),
        pytest.param({CHANNEL: b"versions: []\n"}, "graph-data-channel", CHANNEL, None, id="no-name"),
        pytest.param({CHANNEL: b"versions: []\nname:\n"}, "graph-data-channel", CHANNEL, 2, id="empty-name"),
        pytest.param({CHANNEL: b"name: a,b\nversions: []\n"}, "graph-data-channel", CHANNEL, 1, id="comma"),
        pytest.param({CHANNEL: b"name: a b\nversions: []\n"}, "graph-data-channel", CHANNEL, 1, id="space"),
        pytest.param(
            {CHANNEL: b"name: [a]\nversions: []\n"}, "graph-data-channel", CHANNEL, 1, id="name-list"
        ),
        pytest.param(
            {CHANNEL: b"name: a\nversions:\n"}, "graph-data-channel", CHANNEL, 2, id="versions-empty"
        ),
        pytest.param(
            {CHANNEL: b"name: a\nversions:\n- 4.1.0\n- 4.10\n"},
            "graph-data-channel",
            CHANNEL,
            4,
            id="not-a-version",
        ),
        pytest.param(
            {CHANNEL: b"name: a\nversions:\n- [4.1.0]\n"}, "graph-data-channel", CHANNEL, 3, id="version-list"
        ),
        pytest.param(
            {"blocked-edges/x.yaml": b"to: 4.10\nfrom: .*\n"},
            "graph-data-rule-target",
            "blocked-edges/x.yaml",
            1,
            id="broken-rule-without-target",
        ),
        pytest.param(
            {RULE: None}, "graph-data-no-blocked-edges", "blocked-edges/", None, id="rules-were-not-copied"
        ),
    ],
)
def test_a_set_is_refused(
    a_set: Make, changes: dict[str, bytes | None], reference: str, file: str, line: int | None
) -> None:
    made = a_set(changes)
    assert load(made).data is None
    assert findings(made) == [(Severity.ERROR, reference, file, line)]


def test_all_reasons_of_a_refusal_are_reported_at_once() -> None:
    assert [finding.file for finding in load({}).findings] == [
        "channels/",
        "raw/metadata.json",
        "version",
    ]


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        pytest.param({"version": b"1.3.0"}, (1, "graph-data-version-newer", "version", 1), id="newer-minor"),
        pytest.param({RAW: b'{"4.1": {}}'}, (1, "graph-data-raw-metadata-version", RAW, None), id="raw-key"),
        pytest.param(
            {"channels/a.yaml": b"name: Big\nversions: []\n"},
            (1, "graph-data-channel-name", "channels/a.yaml", 1),
            id="name-nobody-can-ask-for",
        ),
        pytest.param(
            {"channels/x.yaml": b"versions: []\nname: stable-4.18\n"},
            (1, "graph-data-channel-repeated", "channels/x.yaml", 2),
            id="channel-in-two-files",
        ),
        pytest.param(
            {"channels/OWNERS": b""}, (0, "graph-data-ignored", "channels/OWNERS", None), id="for-people"
        ),
        pytest.param(
            {"blocked-edges/4.1.0": b""},
            (1, "graph-data-ignored", "blocked-edges/4.1.0", None),
            id="no-ending",
        ),
        pytest.param(
            {"blocked-edges/a.json": b""},
            (1, "graph-data-ignored", "blocked-edges/a.json", None),
            id="ending",
        ),
        pytest.param(
            {"channels/a.YAML": b""}, (1, "graph-data-ignored", "channels/a.YAML", None), id="capitals"
        ),
        pytest.param(
            {"channels/a.yaml~": b""}, (1, "graph-data-ignored", "channels/a.yaml~", None), id="backup"
        ),
        pytest.param(
            {RULE: None, "blocked-edges/README.md": b""},
            (0, "graph-data-ignored", "blocked-edges/README.md", None),
            id="no-rules-are-meant",
        ),
    ],
)
def test_a_set_is_served_with_a_remark(
    a_set: Make, changes: dict[str, bytes | None], finding: tuple[int, str, str, int | None]
) -> None:
    made = a_set(changes)
    assert load(made).data is not None
    assert findings(made) == [finding]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"to: 4.18.2\nfrom: '('\n", id="pattern"),
        pytest.param(b"to: 4.18.2\nfrom: a\nfrom: b\n", id="repeated-key"),
        pytest.param(b"to: 4.18.2\nfrom: a\nname: Half\n", id="half-of-a-risk"),
        pytest.param(b"to: 4.18.2\nfro", id="half-written"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 100, id="zeros-after-a-power-cut"),
    ],
)
def test_a_broken_rule_withholds_all_updates_into_its_target(a_set: Make, content: bytes) -> None:
    loaded = load(a_set({RULE: content}))
    assert loaded.data is not None
    assert loaded.data.blocks == (Block(Version.parse("4.18.2"), Pattern.compile(".*"), RULE),)
    assert [(f.severity, f.file) for f in loaded.findings] == [(Severity.ERROR, RULE)]
    assert "all updates into 4.18.2 are withheld" in loaded.findings[0].seen


@pytest.mark.parametrize("ending", [".yaml", ".yml", ".yaaml", ".YAML", ".yaml~", ".yaml_"])
def test_all_spellings_of_the_ending_are_read(a_set: Make, ending: str) -> None:
    data = load(a_set({f"blocked-edges/4.18.1{ending}": b"to: 4.18.1\nfrom: .*\n"})).data
    assert data is not None
    assert [block.to.text for block in data.blocks] == ["4.18.1", "4.18.2"]


def test_two_rules_for_one_target_both_count(a_set: Make) -> None:
    data = load(a_set({"blocked-edges/4.18.2-b.yaml": b"to: 4.18.2\nfrom: 4[.]17\n"})).data
    assert data is not None
    assert [block.source.text for block in data.blocks] == ["4[.]17", "4[.]18[.]1"]


def test_versions_of_a_channel_in_two_files_are_joined_without_repeats(a_set: Make) -> None:
    data = load(a_set({"channels/x.yaml": b"name: stable-4.18\nversions: [4.18.2, 4.18.3]\n"})).data
    assert data is not None
    assert [version.text for version in data.channels[0].versions] == ["4.18.1", "4.18.2", "4.18.3"]


def test_raw_metadata_stands_in_the_order_of_versions(a_set: Make) -> None:
    data = load(a_set({RAW: b'{"4.10.0": {"a": "b"}, "4.9.0": {"c": "d"}, "4.9.0+arm64": {}}'})).data
    assert data is not None
    assert [(version.text, dict(values)) for version, values in data.raw_metadata] == [
        ("4.9.0", {"c": "d"}),
        ("4.9.0+arm64", {}),
        ("4.10.0", {"a": "b"}),
    ]


@pytest.mark.parametrize(
    ("limit", "value"),
    [("MAX_FILE_BYTES", 30), ("MAX_FILES", 3), ("MAX_TOTAL_BYTES", 60)],
    ids=str,
)
def test_a_set_beyond_a_limit_is_refused(
    a_set: Make, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(files, limit, value)
    loaded = load(a_set({}))
    assert loaded.data is None
    assert [(f.reference, str(value) in f.seen) for f in loaded.findings] == [("graph-data-too-large", True)]


def test_the_order_of_files_does_not_matter(a_set: Make) -> None:
    made = a_set(
        {f"channels/{name}.yaml": b"name: same\nversions: [4.1.%d]\n" % n for n, name in enumerate("abc")}
    )
    expected = load(made)
    for seed in range(5):
        shuffled = random.Random(seed).sample(list(made.items()), len(made))
        assert load(dict(shuffled)) == expected


def test_a_loader_sees_what_changed_since_the_last_set(a_set: Make) -> None:
    loader = Loader()
    states = [
        a_set({}),
        a_set({RULE: b"to: 4.18.2\nfrom: (\n"}),
        a_set({"blocked-edges/4.18.1.yaml": b"to: 4.18.1\nfrom: .*\n", RULE: None}),
        a_set({CHANNEL: b"{"}),
        a_set({}),
    ]
    assert [loader.load(state) for state in states] == [load(state) for state in states]
