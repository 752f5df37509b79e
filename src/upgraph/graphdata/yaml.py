"""YAML of graph data: what :mod:`upgraph.syntax.yaml` reads, with its faults at their place in the file."""

from collections.abc import Callable
from typing import TypeAlias

from upgraph.errors.problems.graphdata import YAML
from upgraph.graphdata.fault import LocatedError
from upgraph.syntax import SyntaxFault, yaml
from upgraph.syntax.yaml import MAX_DEPTH, MAX_EXPANDED_CHARACTERS, MAX_NODES, Items, Table, Value

__all__ = ["MAX_DEPTH", "MAX_EXPANDED_CHARACTERS", "MAX_NODES", "Items", "Parse", "Table", "Value", "parse"]

Parse: TypeAlias = Callable[[bytes], Value]
"""What :func:`parse` does, for those who parse a file once for several readers."""


def parse(content: bytes, *, parser: yaml.Parser = yaml.DEFAULT_PARSER) -> Value:
    """The value of the one document in ``content``; see :func:`upgraph.syntax.yaml.parse`.

    Raises:
        LocatedError: it is not one plain document.
    """
    try:
        return yaml.parse(content, parser=parser)
    except SyntaxFault as error:
        raise LocatedError(YAML, error.seen, error.line) from error
