"""Ctrl-C in a process that is ours alone: the first asks for an end, any later one ends it at once.

Everything that is saved is written beside and renamed, so that an end at any moment loses nothing of it. Nothing heavy
is imported here.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn


class Interrupts:
    """The handler of SIGINT. asked: whether an end was asked for, by a Ctrl-C or otherwise. before_end: what is done at the
    second one before the process ends."""

    def __init__(self) -> None:
        self.asked = False
        self.before_end: Callable[[], None] = lambda: None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raises KeyboardInterrupt at the first."""
        if self.asked:
            self.end(number)
        self.asked = True
        raise KeyboardInterrupt

    def end(self, number: int) -> NoReturn:
        """End the process, whatever it waits for, with the exit code that a shell gives to a signal."""
        try:
            self.before_end()
            if sys.stdout is not None and sys.stdout.isatty():
                os.write(sys.stdout.fileno(), b"\x1b[?25h\n")  # a bar has hidden the cursor
        finally:
            os._exit(128 + number)


def end_at_the_second() -> None:
    """From now on, the first Ctrl-C raises KeyboardInterrupt, and the second ends this process."""
    if threading.current_thread() is threading.main_thread() and not isinstance(current(), Interrupts):
        signal.signal(signal.SIGINT, Interrupts())


def end_with_parent(parent: int) -> None:
    """For Linux: from now on the kernel kills this process when the one that has started it ends, however that happens. parent: its
    id; where it has ended already, this process does, too."""
    if sys.platform == "linux":
        import ctypes  # by few processes alone

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)


def current() -> object:
    """What handles Ctrl-C now."""
    return signal.getsignal(signal.SIGINT)
