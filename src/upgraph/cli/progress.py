"""What a command shows on a terminal while it works; nothing anywhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn


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


@contextmanager
def transferred(total: int) -> Iterator[Callable[[int], object]]:
    """Show how many of so many bytes were moved, how fast, and how long it will take.

    Args:
        total: bytes of all that is to be moved.

    Yields:
        What is called with the bytes of each step.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal or not total:
        yield lambda _: None
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda size: progress.advance(task, size)
