"""What a training step of an encoder costs on one set of random vectors: the processor's time, and memory."""

import time

import torch
from torch.profiler import ProfilerActivity, profile

from attnlab.lab.compare.fresh import Fresh


def times(encoder: Fresh, length: int, repeats: int) -> list[float]:
    """Seconds of the processor for each of several steps, forward and backward, on a set of so many vectors."""
    found = []
    for _ in range(repeats):
        vectors = torch.randn(length, encoder.width)
        began = time.process_time()
        encoder(vectors).sum().backward()
        found.append(time.process_time() - began)
    return found


def seconds(encoder: Fresh, length: int, repeats: int) -> float:
    """The quickest of several steps."""
    return min(times(encoder, length, repeats))


def memory(encoder: Fresh, length: int) -> float:
    """Bytes that a step holds at most at one time, besides weights, their gradients and the set itself: the same in every
    repetition, whatever the process has kept of earlier steps."""
    encoder(torch.randn(1, encoder.width)).sum().backward()  # from here on there are gradients
    vectors = torch.randn(length, encoder.width)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiler:
        encoder(vectors).sum().backward()
    assert profiler.profiler is not None and profiler.profiler.kineto_results is not None
    events = profiler.profiler.kineto_results.events()
    changes = [(event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]"]
    held, most = 0, 0
    for _, change in sorted(changes, key=lambda found: found[0]):
        held += change
        most = max(most, held)
    return float(most)
