"""One examination: from a configuration to the checks of everything that it names."""

from collections.abc import Collection, Mapping

from upgraph.service.configuration import Configuration
from upgraph.service.consistency import check
from upgraph.service.doctor.check import Check
from upgraph.service.doctor.plan import Plan
from upgraph.service.doctor.running import TOTAL_SECONDS, chosen, run_steps


async def examine(
    configuration: Configuration,
    environment: Mapping[str, str],
    *,
    only: Collection[str] = (),
    seconds: float = TOTAL_SECONDS,
) -> tuple[Check, ...]:
    """Look at everything that a service under this configuration needs.

    Args:
        configuration: what it serves, and how.
        environment: variables of the process, which say where credentials and proxies are.
        only: names of checks; others run only if these need them.
        seconds: longest time for all of it.

    Raises:
        UserError: the configuration cannot be used, or there is no check of such a name.
    """
    check(configuration)
    plan = Plan(configuration, environment)
    try:
        return await run_steps(chosen(plan.steps, only), plan.spares, seconds=seconds)
    finally:
        await plan.close()
