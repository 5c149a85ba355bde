"""Ctrl-C and SIGTERM: the first asks for an end, the second acts at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from attnlab.interrupts import Interrupts


@contextmanager
def on_stop_signal(request_stop: Callable[[], None], one_of_several: bool = False) -> Iterator[list[int]]:
    """While inside, the first Ctrl-C or SIGTERM calls `request_stop`, and the next one acts as before; in a process that is
    ours, it ends it at once, also when it comes later. Gives the list of those that have come; in a thread, where Python
    handles no signals, it stays empty.

    one_of_several: whether this process computes a run together with others. Then later signals do no more than the first:
    their launcher passes each signal on a second time, and itself ends those that don't stop in time."""
    in_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in ((signal.SIGINT, signal.SIGTERM) if in_main else ())}
    caught: list[int] = []

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        for of_process in before.values():
            if isinstance(of_process, Interrupts):
                of_process.asked = True
        if not one_of_several:
            for other, handler in before.items():
                signal.signal(other, handler)
        request_stop()

    for number in before:
        signal.signal(number, catch)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
