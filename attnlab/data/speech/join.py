"""Longer utterances, joined from recordings of one speaker."""

from functools import partial
from itertools import groupby

import numpy as np

from attnlab.config import SpeechData
from attnlab.data.prep.batching import uniform
from attnlab.data.speech.sources import Recording, Sound

PAUSES = (0.05, 0.35)
"""Seconds between joined recordings, at least and at most."""


def joined(recordings: list[Recording], config: SpeechData) -> list[Recording]:
    """Utterances of about `data.join` seconds, each of one speaker and one split.

    The class of the whole is the label heard first; marks say which label is heard when. What is said in the whole is
    what is said in each, or their labels where the data have no transcripts.
    Training recordings occur `data.join_repeats` times in all, in other orders; others once.
    """
    assert config.join is not None
    # How long each recording is, is known only after reading; half a second with its pause is typical of words.
    per_utterance = max(1, round(config.join / 0.64))
    found: list[Recording] = []
    by_owner = sorted(recordings, key=lambda r: (r.split, r.speaker, r.key))
    for (split, speaker), group in groupby(by_owner, key=lambda r: (r.split, r.speaker)):
        members = list(group)
        for turn in range(config.join_repeats if split == "train" else 1):
            order = np.argsort(
                uniform(config.split_seed, turn, np.arange(len(members)), np.zeros(len(members), dtype=np.int64))
            )
            for share in np.array_split(order, max(1, round(len(members) / per_utterance))):
                pieces = [members[i] for i in share]
                said = [piece.transcript if config.transcript is not None else (piece.label,) for piece in pieces]
                number = len(found)
                found.append(Recording(
                    key=f"joined-{number}:{pieces[0].key}", read=partial(_join, pieces, config, number),
                    label=pieces[0].label, speaker=speaker, split=split,
                    transcript=tuple(word for words in said for word in words),
                ))  # fmt: skip
    return found


def _join(pieces: list[Recording], config: SpeechData, number: int) -> Sound:
    """Recordings with pauses between them."""
    shortest, longest = PAUSES
    draws = uniform(config.split_seed, number, np.arange(len(pieces)), np.ones(len(pieces), dtype=np.int64))
    sounds, marks, at = [], [], 0
    for piece, draw in zip(pieces, draws, strict=True):
        samples = piece.read().samples
        pause = round(config.rate * (shortest + (longest - shortest) * draw))
        marks.append((at, at + len(samples), piece.label))
        sounds += [samples, np.zeros(pause, dtype=np.int16)]
        at += len(samples) + pause
    return Sound(np.concatenate(sounds), tuple(marks))
