"""What a loop that goes on after errors has to heed: that its own end may come as one of them."""

import asyncio


def heed_cancellation() -> None:
    """Let a task that is being cancelled end, for whoever has caught another error in it.

    An error that comes together with the cancellation takes its place: a connection breaks when it is closed, and a group of
    tasks raises the errors of its tasks instead. Who went on then would never end.

    Raises:
        asyncio.CancelledError: the current task is being cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from None
