"""Runs steps: each as soon as those that it needs are done, all of them within a time.

Steps of different hosts do not wait for each other, so a firewall that swallows packets costs its time once. What
is behind a step that failed is skipped and says so: one cause gives one error.
"""

import asyncio
import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence

from upgraph.errors import UpgraphError, UserError
from upgraph.errors.problems.doctor import CHECK_TIMEOUT
from upgraph.errors.problems.service import SETTING_INVALID
from upgraph.service.doctor.check import Check, Outcome, Outcomes, Result, Step
from upgraph.service.doctor.repairs import advice

TOTAL_SECONDS = 120.0
"""Longest time for all steps together."""

_Checks = tuple[Check, ...]
_NO_SPARES: Mapping[Step, frozenset[Step]] = {}


def chosen(steps: Sequence[Step], names: Collection[str]) -> tuple[Step, ...]:
    """The steps of these names with all that they need, in their order; all of them without names.

    Raises:
        UserError: there is no step of such a name.
    """
    known = {step.name for step in steps}
    unknown = sorted(set(names) - known)
    if unknown:
        seen = f"no check is called {unknown[0]!r} here; there are {', '.join(sorted(known))}"
        raise UserError(SETTING_INVALID, seen)
    if not names:
        return tuple(steps)
    wanted: set[Step] = set()
    waiting = [step for step in steps if step.name in names]
    while waiting:
        step = waiting.pop()
        if step not in wanted:
            wanted.add(step)
            waiting += (*step.needs, *step.any_of)
    return tuple(step for step in steps if step in wanted)


async def run_steps(
    steps: Sequence[Step],
    spares: Mapping[Step, frozenset[Step]] = _NO_SPARES,
    *,
    seconds: float = TOTAL_SECONDS,
) -> _Checks:
    """Run steps, each of which stands behind all that it needs; gives their checks in the order of the steps.

    Args:
        steps: what to look at.
        spares: steps whose failure is made up for where one of these is well.
        seconds: longest time for all of them.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    tasks: dict[Step, asyncio.Task[_Checks]] = {}
    async with asyncio.TaskGroup() as group:
        for step in steps:
            tasks[step] = group.create_task(_run(step, tasks, deadline))
    done = {step: task.result() for step, task in tasks.items()}
    return tuple(check for step in steps for check in _relieved(done[step], spares.get(step), done))


async def _run(step: Step, tasks: Mapping[Step, asyncio.Task[_Checks]], deadline: float) -> _Checks:
    for needed in (*step.needs, *step.any_of):
        await asyncio.wait({tasks[needed]})
    done = {needed: tasks[needed].result() for needed in (*step.needs, *step.any_of)}
    blocking = _blocking(step, done)
    if blocking is not None:
        return (_skipped(step, blocking, done[blocking]),)
    return tuple(_check(step, outcome) for outcome in await _outcomes(step, deadline))


def _blocking(step: Step, done: Mapping[Step, _Checks]) -> Step | None:
    """The step because of which another one makes no sense; none if it does."""
    failed = next((needed for needed in step.needs if _has_failed(done[needed])), None)
    if failed is not None:
        return failed
    if step.any_of and all(_has_failed(done[one]) for one in step.any_of):
        return step.any_of[0]
    return None


def _has_failed(checks: Iterable[Check]) -> bool:
    return any(check.result in {Result.ERROR, Result.SKIPPED} for check in checks)


async def _outcomes(step: Step, deadline: float) -> Outcomes:
    until = min(asyncio.get_running_loop().time() + step.seconds, deadline)
    try:
        async with asyncio.timeout_at(until):
            return await step.run()
    except TimeoutError:
        seen = f"{step.subject}: the check {step.name} was not done within its time"
        return (Outcome(seen, Result.ERROR, CHECK_TIMEOUT),)
    except UpgraphError as error:
        return (Outcome.of(error),)


def _skipped(step: Step, blocking: Step, checks: _Checks) -> Check:
    # Of a chain of skipped steps the first cause is what has to be mended.
    cause = next((check.blocked_by for check in checks if check.blocked_by), "")
    blocked_by = cause or f"{blocking.name} {blocking.subject}"
    seen = f"not looked at, because {blocked_by} has to be mended first"
    return Check(
        name=step.name, subject=step.subject, result=Result.SKIPPED, seen=seen, blocked_by=blocked_by
    )


def _check(step: Step, outcome: Outcome) -> Check:
    check = Check(name=step.name, subject=step.subject, result=outcome.result, seen=outcome.seen)
    if outcome.problem is None:
        return check
    problem = outcome.problem
    given = advice(outcome.topic or problem.reference, step.words)
    return dataclasses.replace(
        check,
        reference=problem.reference,
        title=problem.title,
        why=problem.why,
        remedy=outcome.remedy or problem.remedy,
        repair=given.repair,
        verify=(*given.verify, f"upgraph doctor --only {step.name}"),
    )


def _relieved(checks: _Checks, others: frozenset[Step] | None, done: Mapping[Step, _Checks]) -> _Checks:
    """The checks of a step; an error that is made up for elsewhere is a warning."""
    if not others or not any(one in done and not _has_failed(done[one]) for one in others):
        return checks
    return tuple(
        dataclasses.replace(check, result=Result.WARNING) if check.result is Result.ERROR else check
        for check in checks
    )
