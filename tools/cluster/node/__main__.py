"""Start the node in namespaces of its own, and end it: on a signal in order, and with us whatever happens to us.

``unshare`` passes no signals on, so the end of its input is what tells the node to end.
"""

import signal
import subprocess
import sys
from types import FrameType

END_SECONDS = 20.0
"""Longest wait until the node has ended by itself."""
_NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private")


def main() -> int:
    """Run the node; gives its exit status."""
    inside = [sys.executable, "-m", "tools.cluster.node.inside", *sys.argv[1:]]
    with subprocess.Popen(["unshare", *_NAMESPACES, "--", *inside], stdin=subprocess.PIPE) as process:

        def end(_number: int, _frame: FrameType | None) -> None:
            if process.stdin is not None:
                process.stdin.close()
            signal.setitimer(signal.ITIMER_REAL, END_SECONDS)

        def give_up(_number: int, _frame: FrameType | None) -> None:
            process.kill()

        signal.signal(signal.SIGALRM, give_up)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        return process.wait()


if __name__ == "__main__":
    sys.exit(main())
