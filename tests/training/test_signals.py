"""The first Ctrl-C asks for an end, the second acts at once."""

import signal
import threading

import pytest

from attnlab.training.signals import on_stop_signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_is_a_request_and_the_next_acts_as_before(number: signal.Signals) -> None:
    acted: list[int] = []
    before = signal.signal(number, lambda number, frame: acted.append(number))
    try:
        requests: list[str] = []
        with on_stop_signal(lambda: requests.append("stop")) as caught:
            signal.raise_signal(number)
            assert (caught, requests, acted) == ([number], ["stop"], [])
            signal.raise_signal(number)
            assert (caught, requests, acted) == ([number], ["stop"], [number])
    finally:
        signal.signal(number, before)


def test_handlers_are_put_back_whatever_happens() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ZeroDivisionError), on_stop_signal(lambda: None):
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] != before
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_thread_leaves_signals_alone() -> None:
    before, inside = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with on_stop_signal(lambda: None) as caught:
            inside.append((caught, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [([], before)]
