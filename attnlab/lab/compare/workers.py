"""Processes that work through a comparison side by side, one on each core."""

import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence

from attnlab import plugins
from attnlab.config.keys import threads_allowed
from attnlab.errors import Stopped
from attnlab.lab.compare.work import Work, claim_named
from attnlab.lab.compare.worker import line_of
from attnlab.lab.sweep.child import end_with
from attnlab.training.signals import on_stop_signal

PATIENCE = 60.0
"""Seconds that a run has to save itself."""
POLL_SECONDS = 0.2


def do_all(pieces: Sequence[Work], deadline: float | None, say: Callable[[Work, str], None]) -> dict[Work, str]:
    """Do pieces of work in this order, several at a time but those that take times, which run alone. deadline: of
    `time.monotonic`, after which no more is begun, and what is being done is stopped; a run then has saved itself.
    say: is told of each piece that has ended, and why it failed, or "". Gives those that failed, with the reasons. Raises Stopped
    where a signal asked for an end."""
    waiting, failed = deque(pieces), dict[Work, str]()
    workers = [_Worker() for _ in range(min(threads_allowed(), len(pieces)))]
    with on_stop_signal(lambda: None) as caught:
        try:
            while not caught and not (deadline and time.monotonic() > deadline):
                _deal(waiting, workers)
                if not any(worker.work for worker in workers):
                    break
                for worker in _answered(workers):
                    work, reason = worker.finished()
                    if reason:
                        failed[work] = reason
                    say(work, reason)
        finally:
            for worker in workers:
                worker.stop()
            for worker in workers:
                worker.end()
    if caught:
        raise Stopped(caught[0])
    return failed


def _deal(waiting: deque[Work], workers: Sequence["_Worker"]) -> None:
    """Give idle workers what comes next. What takes times waits until all are idle, and has the machine to itself."""
    for worker in workers:
        busy = [other.work for other in workers if other.work]
        if not waiting or any(map(_takes_times, busy)) or (busy and _takes_times(waiting[0])):
            return
        if worker.work is None:
            worker.begin(waiting.popleft())


def _takes_times(work: Work) -> bool:
    return work.arm is None and claim_named(work.claim).timed


def _answered(workers: Sequence["_Worker"]) -> list["_Worker"]:
    """Those that have something to tell, within a moment."""
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            if worker.work:
                selector.register(worker.answers, selectors.EVENT_READ, worker)
        return [key.data for key, _ in selector.select(POLL_SECONDS)]


class _Worker:
    """One process, started with its first piece. work: what it is doing."""

    def __init__(self) -> None:
        self.work: Work | None = None
        self._process: subprocess.Popen[str] | None = None

    @property
    def answers(self) -> int:
        """The file descriptor on which it answers."""
        assert self._process is not None and self._process.stdout is not None
        return self._process.stdout.fileno()

    def begin(self, work: Work) -> None:
        """Have it do a piece."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "attnlab.lab.compare.worker", *plugins.words()],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is ours to pass on
                preexec_fn=end_with(os.getpid()) if sys.platform == "linux" else None,
            )  # fmt: skip
        assert self._process.stdin is not None
        self.work = work
        self._process.stdin.write(line_of(work))
        self._process.stdin.flush()

    def finished(self) -> tuple[Work, str]:
        """The piece that has ended, and why it failed, or ""."""
        assert self._process is not None and self._process.stdout is not None and self.work is not None
        work, answer = self.work, self._process.stdout.readline().strip()
        self.work = None
        if not answer:  # the process has ended
            code = self._process.wait()
            self._process = None
            return work, f"its process ended with exit code {code}" + (" (out of memory?)" if code == -9 else "")
        return work, "" if answer == "-" else answer

    def stop(self) -> None:
        """Ask it to save what it does, and to end."""
        if self._process is not None and self._process.poll() is None:
            if self.work is None:
                self._process.kill()
            else:
                self._process.terminate()

    def end(self) -> None:
        """Wait until it has ended; kill it where that takes too long."""
        if self._process is None:
            return
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
