"""Files with several YAML documents. What one document may be is tested with graph data."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from upgraph.syntax import SyntaxFault
from upgraph.syntax.yaml import MAX_NODES, parse_all


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"", []),
        (b"# nothing\n", []),
        (b"a\n", ["a"]),
        (b"---\na\n---\nb\n", ["a", "b"]),
        (b"---\n---\nb\n", ["", "b"]),
        (b"a\n...\n---\nb\n...\n", ["a", "b"]),
    ],
    ids=["empty", "comment", "one", "two", "one-is-empty", "end-marks"],
)
def test_all_documents_are_read_in_their_order(content: bytes, values: list[str]) -> None:
    assert parse_all(content) == values


def test_an_anchor_holds_for_its_document_alone() -> None:
    with pytest.raises(SyntaxFault, match="no anchor before it"):
        parse_all(b"&a x\n---\n*a\n")


def test_limits_concern_all_documents_together() -> None:
    with pytest.raises(SyntaxFault, match="more than"):
        parse_all(b"--- x\n" * (MAX_NODES + 1))


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12), max_size=5)
)
def test_documents_read_as_the_base_loader_of_pyyaml_reads_them(values: list[str]) -> None:
    content = yaml.safe_dump_all(values, explicit_start=True, allow_unicode=True).encode()
    assert parse_all(content) == list(yaml.load_all(content, Loader=yaml.CBaseLoader))
