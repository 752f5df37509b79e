"""YAML as Cincinnati reads it."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors.problems.graphdata import YAML
from upgraph.graphdata.fault import LocatedError
from upgraph.graphdata.yaml import MAX_DEPTH, MAX_EXPANDED_CHARACTERS, MAX_NODES, Items, Table, Value, parse


def plain(value: Value) -> object:
    """The value without lines."""
    if isinstance(value, Table):
        return {key: plain(item) for key, item in value.values.items()}
    if isinstance(value, Items):
        return [plain(item) for item in value.values]
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("to: 4.10", {"to": "4.10"}, id="number"),
        pytest.param("to: 1e3", {"to": "1e3"}, id="exponent"),
        pytest.param("to: yes", {"to": "yes"}, id="truth-value"),
        pytest.param("to: 2026-08-21", {"to": "2026-08-21"}, id="date"),
        pytest.param("to: null", {"to": "null"}, id="null"),
        pytest.param("from:", {"from": ""}, id="left-out"),
        pytest.param("4.10: x", {"4.10": "x"}, id="number-as-key"),
        pytest.param("<<: {a: b}", {"<<": {"a": "b"}}, id="merge-key-is-plain"),
        pytest.param("to: !!str 4.10", {"to": "4.10"}, id="standard-tag"),
        pytest.param("a: |\n  x\n  y", {"a": "x\ny"}, id="block-without-final-newline"),
        pytest.param("a: |\n  x\n", {"a": "x\n"}, id="block-with-final-newline"),
        pytest.param("\ufeffa: b", {"a": "b"}, id="byte-order-mark"),
        pytest.param(
            "# only this\na: [x, {y: z}]\n...\n", {"a": ["x", {"y": "z"}]}, id="comment-and-end-mark"
        ),
        pytest.param("a: &x [1]\nb: *x", {"a": ["1"], "b": ["1"]}, id="alias"),
        pytest.param("a: &x 1\nb: &x 2\nc: *x", {"a": "1", "b": "2", "c": "2"}, id="anchor-set-again"),
    ],
)
@pytest.mark.parametrize("parser", [yaml.CBaseLoader, yaml.BaseLoader], ids=["libyaml", "pure"])
def test_scalars_are_their_raw_text(text: str, value: object, parser: Any) -> None:
    assert plain(parse(text.encode(), parser=parser)) == value


@pytest.mark.parametrize(
    ("content", "line", "seen"),
    [
        pytest.param(b"a: 1\nb: 2\na: 3\n", 3, "repeated", id="repeated-key"),
        pytest.param(b"a: 1\n---\nb: 2\n", 2, "second document", id="two-documents"),
        pytest.param(b"", None, "no document", id="empty"),
        pytest.param(b"# only a comment\n", None, "no document", id="comment-only"),
        pytest.param(b"\n? [a]\n: b\n", 2, "key", id="list-as-key"),
        pytest.param(b"a: b\nc: !secret d\n", 2, "'!secret'", id="tag"),
        pytest.param(b"a: b\nc: !!python/name:os.system x\n", 2, "python", id="python-tag"),
        pytest.param(b"a: !!map x\n", 1, "map", id="standard-tag-of-another-kind"),
        pytest.param(b"a: b\n c: d\n", 2, "mapping values", id="wrong-indentation"),
        pytest.param(b"a: 'b\n", 2, "end of stream", id="cut-off"),
        pytest.param(b"a: b\nc: \xff\n", 2, "0xff", id="not-utf-8"),
        pytest.param("a: b\n".encode("utf-16"), 1, "UTF-8", id="utf-16"),
        pytest.param(b"a: b\nc: \x07\n", 2, "", id="control-character"),
        pytest.param(b"a: b\nc: *d\n", 2, "*d", id="alias-without-anchor"),
        pytest.param(b"a: &a [*a]\n", 1, "*a", id="alias-of-itself"),
    ],
)
def test_what_is_not_one_plain_document_is_refused_with_its_line(
    content: bytes, line: int | None, seen: str
) -> None:
    with pytest.raises(LocatedError) as caught:
        parse(content)
    assert (caught.value.problem, caught.value.line) == (YAML, line)
    assert seen in caught.value.seen


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def aliases(levels: int) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: nested(MAX_DEPTH + 1), id="deep"),
        pytest.param(lambda: nested(1_000_000), id="deep-enough-to-end-a-recursive-parser"),
        pytest.param(lambda: b"{a: " * 100_000, id="deep-mappings"),
        pytest.param(lambda: aliases(9), id="a-billion-aliases"),
        pytest.param(lambda: b"[" + b"x," * MAX_NODES + b"]", id="many-values"),
        pytest.param(
            lambda: b"- &a " + b"x" * (MAX_EXPANDED_CHARACTERS // 4) + b"\n- *a" * 4, id="long-text-by-alias"
        ),
    ],
)
def test_a_bomb_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(LocatedError, match="more than"):
        parse(make())


def test_what_the_limits_allow_is_read() -> None:
    assert isinstance(parse(nested(MAX_DEPTH)), Items)


def test_keys_and_items_have_lines() -> None:
    table = parse(b"name: x\nversions:\n- a\n\n- b\n")
    assert isinstance(table, Table)
    items = table.values["versions"]
    assert isinstance(items, Items)
    assert (table.lines, items.lines) == ({"name": 1, "versions": 2}, [3, 5])


printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
values = st.recursive(
    printable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(printable, inner, max_size=4),
    max_leaves=12,
)


@given(values, st.sampled_from(["flow", "block"]))
def test_any_document_reads_as_the_base_loader_of_pyyaml_reads_it(value: object, style: str) -> None:
    flow = style == "flow"
    content = yaml.dump(value, Dumper=yaml.SafeDumper, default_flow_style=flow, allow_unicode=True).encode()
    assert plain(parse(content)) == yaml.load(content, Loader=yaml.CBaseLoader)


def by_pyyaml(content: bytes) -> object:
    """The same by other means; repeated keys and anchors are treated in another way there."""
    try:
        return yaml.load(content, Loader=yaml.CBaseLoader)
    except yaml.YAMLError:
        return None


@given(st.binary(max_size=40) | st.text("ab:-[]{}&*!|>'\"#,?%\n \t", max_size=40).map(str.encode))
def test_any_bytes_are_a_value_or_a_located_error(content: bytes) -> None:
    try:
        value = parse(content)
    except LocatedError:
        return
    assert by_pyyaml(content) in (plain(value), None)
