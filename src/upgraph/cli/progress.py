"""What a command shows on a terminal while it works; nothing anywhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from rich.console import Console


@contextmanager
def counted(what: str) -> Iterator[Callable[[object], None]]:
    """Show how many things were met until now.

    Args:
        what: the things, for example ``tags read``.

    Yields:
        What is called with each of them.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda _: None
        return
    numbers = count(1)
    with console.status(f"0 {what}") as status:
        yield lambda _: status.update(f"{next(numbers):,} {what}")
