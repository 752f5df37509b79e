"""Quantities of Kubernetes: how much ``500m``, ``1Gi`` or ``1e3`` is."""

import re
from decimal import Decimal

FACTORS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}
"""What stands behind a number, and what it is multiplied with."""
_AMOUNT = re.compile(
    r"([+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?|[+-]?\.[0-9]+)([numkMGTPE]|[KMGTPE]i)?"
)


def amount(quantity: str | float) -> Decimal | None:
    """The number that a quantity stands for; None if it is none."""
    match = _AMOUNT.fullmatch(str(quantity))
    if match is None:
        return None
    return Decimal(match[1]) * FACTORS[match[2] or ""]
