"""The catalogue of documented problems, one module a room; ``docs/reference/errors`` is made from it."""

from upgraph.errors.problem import Problem
from upgraph.errors.problems import (
    checking,
    cosign,
    credentials,
    doctor,
    graph,
    graphdata,
    kube,
    oci,
    operator,
    payload,
    reconcile,
    service,
    signing,
)

__all__ = [
    "ROOMS",
    "checking",
    "cosign",
    "credentials",
    "doctor",
    "every_problem",
    "graph",
    "graphdata",
    "kube",
    "oci",
    "operator",
    "payload",
    "problem",
    "reconcile",
    "service",
    "signing",
]

ROOMS = {
    "graph": graph,
    "graphdata": graphdata,
    "checking": checking,
    "oci": oci,
    "credentials": credentials,
    "kube": kube,
    "payload": payload,
    "signing": signing,
    "service": service,
    "doctor": doctor,
    "cosign": cosign,
    "operator": operator,
    "reconcile": reconcile,
}


def every_problem() -> dict[str, tuple[Problem, ...]]:
    """All problems by the room that reports them, each room sorted by reference."""
    return {
        room: tuple(
            sorted((p for p in vars(module).values() if isinstance(p, Problem)), key=lambda p: p.reference)
        )
        for room, module in ROOMS.items()
    }


_BY_REFERENCE = {problem.reference: problem for problems in every_problem().values() for problem in problems}


def problem(reference: str) -> Problem:
    """The problem with this reference.

    Raises:
        KeyError: there is none.
    """
    return _BY_REFERENCE[reference]
