"""Longer utterances, joined from recordings of one speaker."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby

import numpy as np

from attnlab.config import SpeechData
from attnlab.data.prep.batching import uniform
from attnlab.data.speech.source import Recording, Utterance

MIN_PAUSE, MAX_PAUSE = 0.05, 0.35
"""Seconds between joined recordings."""
TYPICAL_SECONDS = 0.64
"""Of a recorded word with its pause: how long each is, is known only after reading."""


def joined(recordings: Sequence[Recording], config: SpeechData) -> list[Recording]:
    """Utterances of about `data.join` seconds, each of one speaker and one split.

    The class of the whole is the first label; marks say which label is heard when. The transcript of the whole
    consists of the transcripts, or of the labels of recordings without.
    Training recordings occur `data.join_repeats` times in all, in other orders; others once.
    """
    assert config.join is not None
    per_utterance = max(1, round(config.join / TYPICAL_SECONDS))
    utterances: list[Recording] = []
    ordered = sorted(recordings, key=lambda r: (r.split, r.speaker, r.key))
    for (split, speaker), group in groupby(ordered, key=lambda r: (r.split, r.speaker)):
        members = list(group)
        for repeat in range(config.join_repeats if split == "train" else 1):
            numbers = np.arange(len(members))
            order = np.argsort(uniform(config.split_seed, repeat, numbers, np.zeros_like(numbers)))
            for chosen in np.array_split(order, max(1, round(len(members) / per_utterance))):
                pieces, number = [members[i] for i in chosen], len(utterances)
                words = " ".join(piece.transcript or piece.label for piece in pieces)
                utterances.append(Recording(
                    key=f"joined-{number}:{pieces[0].key}", read=partial(_join, pieces, config, number),
                    label=pieces[0].label, speaker=speaker, split=split, transcript=words,
                ))  # fmt: skip
    return utterances


def _join(pieces: list[Recording], config: SpeechData, number: int) -> Utterance:
    """Recordings with pauses between them. number: of the utterance, from which the pauses are drawn."""
    draws = uniform(config.split_seed, number, np.arange(len(pieces)), np.ones(len(pieces), dtype=np.int64))
    parts, marks, start = [], [], 0
    utterances = [piece.read() for piece in pieces]
    for piece, utterance, draw in zip(pieces, utterances, draws, strict=True):
        samples = utterance.samples
        pause = round(config.rate * (MIN_PAUSE + (MAX_PAUSE - MIN_PAUSE) * draw))
        marks.append((start, start + len(samples), piece.label))
        parts += [samples, np.zeros(pause, dtype=np.int16)]
        start += len(samples) + pause
    rules = tuple(dict.fromkeys(rule for utterance in utterances for rule in utterance.rules))
    return Utterance(np.concatenate(parts), tuple(marks), rules)
