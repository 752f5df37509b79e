"""Checks of queries: whether the monitoring of a cluster can evaluate them.

The parser is that of GreptimeDB, made after the one of Prometheus. It goes down into a query as deep as it is nested,
on a stack that nobody guards, so long queries are not given to it.
"""

from collections.abc import Iterator
from functools import lru_cache

import promql_parser

from upgraph.errors import Finding, Severity
from upgraph.errors.problems.checking import PROMQL, PROMQL_UNKNOWN
from upgraph.graphdata.checking.risks import PROMQL_TYPE
from upgraph.graphdata.checking.subject import Subject
from upgraph.graphdata.yaml import Items, Table

MAX_QUERY_CHARACTERS = 2_000
"""Longest query that is parsed; the longest real one has 975."""

# Later Prometheus may know functions that the parser does not.
_UNKNOWN = "unknown function"
_PANIC = "PanicException"


def check_queries(subject: Subject) -> Iterator[Finding]:
    """Queries that do not parse, or whose parts do not fit together."""
    for path, table in subject.rules.items():
        for query, line in _queries(table):
            fault = _fault(query)
            if fault is None:
                continue
            is_unsure = fault.startswith(_UNKNOWN) or len(query) > MAX_QUERY_CHARACTERS
            if is_unsure:
                yield Finding(Severity.WARNING, PROMQL_UNKNOWN, f"the query: {fault}", path, line)
            else:
                yield Finding(Severity.ERROR, PROMQL, f"the query cannot be parsed: {fault}", path, line)


def _queries(table: Table) -> Iterator[tuple[str, int]]:
    items = table.values.get("matchingRules")
    for rule in items.values if isinstance(items, Items) else ():
        query = rule.values.get("promql") if isinstance(rule, Table) else None
        if not isinstance(rule, Table) or rule.values.get("type") != PROMQL_TYPE:
            continue
        text = query.values.get("promql") if isinstance(query, Table) else None
        # A query that is missing is reported by the loader.
        if isinstance(query, Table) and isinstance(text, str) and text:
            yield text, query.lines["promql"]


# The same few queries stand in hundreds of files.
@lru_cache(maxsize=4096)
def _fault(query: str) -> str | None:
    """What is wrong with a query; None if nothing is."""
    if len(query) > MAX_QUERY_CHARACTERS:
        return f"it has {len(query)} characters; {MAX_QUERY_CHARACTERS} are judged"
    try:
        promql_parser.parse(query)
    except ValueError as error:
        return str(error)
    except BaseException as error:
        # Where the parser gives up on a number, what it raises is no Exception and has no name to import.
        if type(error).__name__ != _PANIC:
            raise
        return str(error)
    return None
