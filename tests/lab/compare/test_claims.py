"""What single claims compute, on cases whose answer is known; and claims that were made false on purpose."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from attnlab.compose import compose
from attnlab.compose_joint import compose_joint
from attnlab.data.contract import Split
from attnlab.data.prep.batching import Indices
from attnlab.lab.compare import by_distance, embedding, modalities, window
from attnlab.lab.compare.claim import Claim, Evidence, Missing, Statement
from attnlab.lab.compare.cost import HOLDING, KEEPS
from attnlab.lab.compare.distance import later, updates_until_learned
from attnlab.lab.compare.embedding import Embedding, shares_alike
from attnlab.lab.compare.fit import exponent
from attnlab.lab.compare.fresh import fresh
from attnlab.lab.compare.modalities import Modalities
from attnlab.lab.compare.outcome import outcome
from attnlab.lab.compare.step import memory
from attnlab.lab.compare.window import Joined, Window
from attnlab.lab.compare.work import Comparison
from attnlab.registry import CLAIMS
from attnlab.runs import Results
from attnlab.sets import Batch, Layout, VectorSets

SEEDS = range(1, 6)


def statement(claim: type[Claim], beginning: str) -> Statement:
    (found,) = (each for each in claim.statements if each.theory.startswith(beginning))
    return found


def verdict(claim: type[Claim], beginning: str, evidence: Evidence) -> str:
    found = statement(claim, beginning)
    return found.rule.decide(found.values(evidence)).verdict


# --- joint and separate runs


def runs(joint: float, alone: float, saved: int = 300) -> Evidence:
    """Made-up runs of all parts with these accuracies, of four models of 200 parameters each, of which 100 are the encoder's.
    saved: parameters that the joint one has fewer."""
    results: dict[tuple[str, int], Results] = {}
    for seed in SEEDS:
        noise = seed / 10_000
        results["joint", seed] = {
            "test": {f"{part}/accuracy": joint + noise for part in modalities.OWN}, "parameters": 800 - saved,
        }  # fmt: skip
        for part in modalities.OWN:
            results[part, seed] = {"test": {"accuracy": alone - noise}, "parameters": 200}
    measured = {seed: {"trunk": [100.0]} for seed in SEEDS}
    return Evidence(list(SEEDS), results, {}, {}, measured, False)


def test_sharing_an_encoder_is_judged_by_what_it_loses() -> None:
    judged = partial(verdict, Modalities)
    assert judged("It costs pos little", runs(0.9, 0.9)) == "holds"
    assert judged("It costs pos little", runs(0.7, 0.9)) == "reversed"
    assert judged("And helps digits", runs(0.9, 0.8)) == "holds"
    assert judged("And helps digits", runs(0.9, 0.9)) == "no difference"
    assert judged("On the mean of all", runs(0.7, 0.9)) == "reversed"


def test_parameters_that_are_saved_are_those_of_three_encoders() -> None:
    assert verdict(Modalities, "The joint model has", runs(0.9, 0.9)) == "exact"
    assert verdict(Modalities, "The joint model has", runs(0.9, 0.9, saved=200)) == "reversed"
    with pytest.raises(Missing):
        nothing = runs(0.9, 0.9)
        del nothing.results["joint", 1]["parameters"]
        modalities.unexplained(nothing)


@pytest.mark.parametrize("full", [False, True])
def test_parts_alone_have_the_settings_of_the_joint_run(full: bool) -> None:
    arms = Modalities().arms(full)
    joint = compose_joint(arms["joint"])
    assert joint.config.trainer.accumulate == len(modalities.OWN), "a batch of each part in an update"
    for part in modalities.OWN:
        alone, together = compose(arms[part]), compose(joint.words[part])
        shared = ("width", "depth", "heads", "dropout", "feed_forward", "activation")
        assert [getattr(alone.encoder, key) for key in shared] == [
            getattr(joint.config.encoder, key) for key in shared
        ]
        own = ("position", "scope", "kernel")
        assert [getattr(alone.encoder, key) for key in own] == [getattr(together.encoder, key) for key in own]
        assert (alone.data, alone.head, alone.embedding) == (together.data, together.head, together.embedding)
        assert alone.trainer.batch_vectors == together.trainer.batch_vectors
        assert alone.trainer.updates == joint.config.trainer.updates


# --- embeddings


def test_likeness_of_neighbours_is_that_beyond_chance() -> None:
    classes = [frozenset({name}) for name in "abcd" for _ in range(25)]
    centres = torch.eye(4).repeat_interleave(25, 0)
    torch.manual_seed(1)
    near, far = centres + 0.05 * torch.randn(100, 4), torch.randn(100, 64)
    chance = 24 / 99
    assert shares_alike(near, classes, [1, 5]) == pytest.approx([1 - chance, 1 - chance])
    assert abs(shares_alike(far, classes, [20])[0]) < 0.05


def test_one_hot_words_are_equally_far_apart() -> None:
    measured = Embedding().measure(1, False)
    assert max(measured["distances"]) <= 1e-6 and max(measured["rows"]) <= 1e-6


def test_likeness_of_shuffled_words_does_not_hold() -> None:
    """If the tags of words are dealt out anew, no embedding has neighbours that are alike."""
    rule = statement(Embedding, "Those of a learned vector").rule
    values = []
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        vectors = torch.eye(10).repeat_interleave(20, 0) + 0.1 * torch.from_numpy(random.normal(size=(200, 10)))
        values += shares_alike(vectors, random.permutation(np.repeat(range(10), 20)).tolist(), [embedding.JUDGED])
    assert rule.decide(values).verdict != "holds"


# --- windows


class Recordings(Split):
    """Ten recordings of 3 to 12 frames, each a number of its own."""

    lengths = np.arange(3, 13)

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        frames = [torch.arange(self.lengths[i]).float()[:, None] + 100 * i for i in indices]
        layout = Layout.of(self.lengths[indices].tolist())
        return Batch(VectorSets(torch.cat(frames), layout, layout.position[:, None].float()), {}, ())

    def gold(self, target: str) -> list[list[str]]:
        return [[f"{i}, {frame}" for frame in range(length)] for i, length in enumerate(self.lengths)]


def test_joined_recordings_are_all_frames_in_order() -> None:
    split = Recordings()
    joined = Joined(split, 4)
    assert len(joined) == -(-len(split) // 4) and joined.lengths.sum() == split.lengths.sum()
    last = len(joined) - 1
    batch = joined.batch(np.array([1, last]))
    single = split.batch(np.array([*range(4, 8), *range(4 * last, len(split))]))
    assert torch.equal(batch.inputs.values, single.inputs.values)
    assert batch.inputs.coords is not None and batch.inputs.coords.max() == max(joined.lengths[[1, last]]) - 1
    right = joined.gold("speech")
    assert [len(answers) for answers in right] == joined.lengths.tolist()
    assert right[1] == [answer for i in range(4, 8) for answer in split.gold("speech")[i]]


def of_windows(sound: Mapping[str, float], beyond: float) -> Evidence:
    """Made-up accuracies. sound: of each arm; beyond: of all windows on words that are decided outside."""
    examined = {}
    for seed in SEEDS:
        noise = seed / 10_000
        for arm, accuracy in sound.items():
            examined[window.sound(arm), seed] = {"joined": [accuracy + noise * (arm == "all")] * 3}
        for arm in window.WORDS:
            examined[window.grammar(arm), seed] = {f"beyond {n}": [beyond + noise] for n in window.REACH.values()}
    return Evidence(list(SEEDS), {}, {}, examined, {}, False)


def test_windows_are_judged_by_what_they_lose() -> None:
    judged = partial(verdict, Window)
    as_good = of_windows({"all": 0.95, "window of 8": 0.95}, 0.5)
    worse = of_windows({"all": 0.95, "window of 8": 0.90}, 0.7)
    for beginning in ("On sound, a window of 8", "On sound that is 16 times", "With two layers and a window of 4"):
        assert judged(beginning, as_good) == "holds" and judged(beginning, worse) == "reversed"


@pytest.mark.slow
def test_windows_that_see_nothing_but_a_frame_are_worse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim `window`, made false on purpose: what is called a window of 8 frames sees none but its own."""
    whole = Window.arms

    def narrow(claim: Window, full: bool) -> dict[str, Sequence[str]]:
        arms = whole(claim, full)
        kept = {arm: arms[arm] for arm in (window.sound("all"), window.sound("window of 8"))}
        return kept | {window.sound("window of 8"): [*kept[window.sound("window of 8")], "encoder.scope=window:0"]}

    monkeypatch.setattr(Window, "arms", narrow)
    monkeypatch.setattr(Window, "measure", Claim.measure)
    comparison = Comparison(tmp_path, False, 5)
    for piece in comparison.work("window"):
        piece.do()
    assert verdict(Window, "On sound, a window of 8", comparison.evidence("window")) != "holds"


# --- costs


def test_memory_is_counted_as_it_is_held() -> None:
    encoder = fresh([*HOLDING[KEEPS], "encoder.width=32", "encoder.depth=1"], 1)
    lengths = (256, 512)
    held = [memory(encoder, length) for length in lengths]
    assert held == [memory(encoder, length) for length in lengths], "the same each time"
    table = 4 * 4 * 512**2  # four heads, float32
    assert 2 * table < held[1] < 8 * table, "at least the weights and their gradient at once"
    assert exponent(lengths, held) > 1.7
    sparing = fresh(["encoder.position=none", "encoder.width=32", "encoder.depth=1"], 1)
    assert memory(sparing, 512) < table


# --- learning


def test_what_was_never_learned_counts_as_all_updates() -> None:
    lines = [{"update": 20 * n, "epoch": n, "done": n == 4, "monitor": "accuracy"} for n in range(1, 5)]
    soon = [line | {"accuracy/distance_16": 0.3 * line["epoch"]} for line in lines]
    never = [line | {"accuracy/distance_16": 0.1} for line in lines]
    curves = {("attention", 1): soon, ("LSTM", 1): never}
    evidence = Evidence([1], {}, curves, {}, {}, False)  # type: ignore[arg-type]
    assert updates_until_learned("attention", 16, evidence) == [40.0]
    assert later(("LSTM", 16), ("attention", 16), evidence) == [1.0]


# --- a joint run as an arm


class Together(Claim):
    """A joint run and a part alone."""

    theory = "Two parts."
    source = "none"
    statements = (
        Statement(
            "Alone as good", "accuracy", statement(Modalities, "It costs pos").rule,
            lambda evidence: evidence.score("joint", "pos/accuracy"),
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> dict[str, list[str]]:
        trunk = ["encoder.width=16", "encoder.depth=1", "trainer.updates=4"]
        joint = ["parts.pos.data.limit=30", "parts.digits.data.limit=60", "trainer.accumulate=2"]
        return {
            "joint": ["task=joint", "parts=[pos,digits]", *trunk, *joint],
            "pos": ["task=pos", *trunk, "data.limit=30"],
        }


@pytest.mark.slow
def test_a_joint_run_is_an_arm_as_others_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLAIMS._entries, "together", type(CLAIMS._entries["cost"])(None, Together, __name__))
    comparison = Comparison(tmp_path, False, 2)
    pieces = comparison.work("together")
    for piece in pieces:
        piece.do()
    assert all(piece.is_done() for piece in pieces)
    found = outcome(comparison, "together", {})
    joint, alone = found.arms
    assert joint.arm == "joint" and joint.parameters == alone.parameters and joint.score is None
    assert alone.score is not None and "task=joint" in joint.command
    assert len(found.judged[0].decision.values) == 2
    (folder,) = {piece.path for piece in pieces if piece.arm == "joint" and piece.seed == 1}
    (folder / "results.json").unlink()  # as if it had been killed before it was written
    before = json.loads((folder / "parts" / "pos" / "results.json").read_text())
    for piece in pieces:
        if not piece.is_done():
            piece.do()
    after = json.loads((folder / "parts" / "pos" / "results.json").read_text())
    assert after["test"] == before["test"] and comparison.evidence("together").seeds == [1, 2]


def test_words_are_parted_by_distance() -> None:
    assert by_distance._shown_at(5) == by_distance._shown_at(6) == 6
    assert by_distance._shown_at(40) == by_distance.PLACES[-1]
