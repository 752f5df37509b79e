"""What several replicas say of themselves, as one report. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from upgraph.operator.observing.pods import PodAddress
from upgraph.operator.observing.service_report import MAX_DETAILS, Graph, ServiceReport, Source


@dataclass(frozen=True, slots=True)
class Answer:
    """What one replica says."""

    pod: PodAddress
    report: ServiceReport | None = None
    fault: str = ""
    """Why it says nothing."""

    @property
    def graph(self) -> Graph | None:
        """The graph that it answers with; None if there is none."""
        return None if self.report is None else self.report.graph


def together(answers: Sequence[Answer], digest: str = "") -> ServiceReport | None:
    """One report: one of the graphs that clusters may meet, and of each source the worst that any of them says.

    None if none of them says anything.

    Args:
        answers: of all replicas.
        digest: the graph that was told before. It is told for as long as a replica has it.
    """
    said = [(one.pod.pod, one.report) for one in answers if one.report is not None]
    if not said:
        return None
    reports = [report for _, report in said]
    first = _told(with_graph(answers), digest) or reports[0]
    if len(reports) == 1:
        return first
    return msgspec.structs.replace(
        first,
        sources=tuple(_sources(said)),
        # Replicas that read the same find the same.
        details=tuple(dict.fromkeys(one for report in reports for one in report.details))[:MAX_DETAILS],
        problems={reference: one for report in reports for reference, one in report.problems.items()},
    )


def with_graph(answers: Sequence[Answer]) -> list[Answer]:
    """Those with a graph that clusters may meet; without any such, those with a graph."""
    found = [one for one in answers if one.graph is not None]
    serving = [one for one in found if one.report is not None and one.report.ready]
    return [one for one in serving if one.pod.is_ready] or serving or found


def _told(answers: Sequence[Answer], before: str) -> ServiceReport | None:
    """The one with the graph that is told.

    Nothing counts here that is otherwise after each reading of the sources, such as an age: with different graphs, each of
    them would be told in turn.
    """
    digests = [one.graph.digest for one in answers if one.graph is not None]
    often = Counter(digests)
    told = before if before in often else min(often, key=lambda one: (-often[one], one), default="")
    return answers[digests.index(told)].report if digests else None


def _sources(said: Sequence[tuple[str, ServiceReport]]) -> Iterable[Source]:
    found: dict[tuple[str, str], list[tuple[str, Source]]] = {}
    for pod, report in said:
        for source in report.sources:
            found.setdefault((source.kind, source.name), []).append((pod, source))
    return (_worst(named) for named in found.values())


def _worst(said: Sequence[tuple[str, Source]]) -> Source:
    faulty = [(pod, source) for pod, source in said if source.fault is not None]
    most = max((source for _, source in said), key=lambda one: (one.errors, one.left_out))
    if not faulty:
        return most
    pod, source = faulty[0]
    fault = source.fault
    if fault is not None and len(faulty) < len(said):
        fault = msgspec.structs.replace(fault, seen=f"{fault.seen} (pod {pod}, and not all replicas)")
    return msgspec.structs.replace(most, fault=fault)
