"""What there is to do for claims: pieces of work, each of which leaves one result on disk and is never done twice.

Below the folder of a comparison:

    CLAIM/measured-seed-1-HASH.json     what `Claim.measure` gave
    CLAIM/ARM-HASH/seed-1/              an ordinary run folder, of `attnlab train` with the arm's words
    CLAIM/ARM-HASH/seed-1-HASH.json     what `Claim.examine` found in it
    CLAIM/ARM-HASH/rate-0.002/          a run that a learning rate is chosen by

Hashes are of the words, and of the claim's file, so that changed claims are measured again.
"""

import hashlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attnlab.command_words import text_word
from attnlab.disk import read_json, write_json
from attnlab.errors import UserError
from attnlab.lab.compare.claim import Claim, Evidence, Measured
from attnlab.metrics import better
from attnlab.registry import CLAIMS
from attnlab.runs import RunFolder
from attnlab.training.run import load_run
from attnlab.training.train import train

ALIKE = (
    "baselines=false", "defaults=plain", "trainer.device=cpu", "trainer.threads=1", "trainer.average=0",
)  # fmt: skip
"""Words of every run: each has one thread, so that results are the same to the bit beside any other work."""
PILOT_SEED = 0
"""The seed by which learning rates are chosen; no verdict sees it."""


def claim_named(name: str) -> Claim:
    """Raises UserError where there is none."""
    return CLAIMS.get(name, Claim)()


@dataclass(frozen=True)
class Comparison:
    """The folder of a comparison, with what is compared in it. seeds: how many."""

    folder: Path
    full: bool
    seeds: int

    def pilots(self, name: str) -> list["Work"]:
        """In full: the runs that learning rates are chosen by."""
        claim = claim_named(name)
        arms = claim.arms(self.full) if self.full else {}
        return [self._pilot(name, claim, arm, words, rate) for arm, words in arms.items() for rate in claim.rates]

    def work(self, name: str) -> list["Work"]:
        """All pieces but the pilots, seed by seed. In full, learning rates are those that the finished pilots choose."""
        claim = claim_named(name)
        arms = {
            arm: [*words, f"optimizer.lr={self.rate(name, arm)}"] for arm, words in claim.arms(self.full).items()
        }
        found = list[Work]()
        for seed in range(1, self.seeds + 1):
            if type(claim).measure is not Claim.measure:
                path = self.folder / name / f"measured-seed-{seed}-{_hash(_source(claim))}.json"
                found.append(Work(name, self.full, seed, path))
            found += [self._run(name, claim, arm, words, seed) for arm, words in arms.items()]
        return found

    def rate(self, name: str, arm: str) -> float:
        """The learning rate of an arm. Raises UserError where a pilot run has no score."""
        claim = claim_named(name)
        if not self.full:
            return claim.rate
        best: tuple[float, float] | None = None
        words = claim.arms(self.full)[arm]
        for rate in claim.rates:
            run = RunFolder(self._pilot(name, claim, arm, words, rate).path)
            found = run.validation_score()
            if found is None:
                raise UserError(f"{run.path}: this run, which a learning rate is chosen by, hasn't finished")
            if best is None or better(found[1], best[1], found[0]):
                best = rate, found[1]
        assert best is not None, "there are rates to choose from"
        return best[0]

    def _run(self, name: str, claim: Claim, arm: str, words: Sequence[str], seed: int) -> "Work":
        folder = self.folder / name / f"{arm}-{_hash(*words, *ALIKE)}"
        examined = None
        if type(claim).examine is not Claim.examine:
            examined = folder / f"seed-{seed}-{_hash(_source(claim))}.json"
        own = (*words, *claim.of_seed(seed), *ALIKE)
        return Work(name, self.full, seed, folder / f"seed-{seed}", arm, own, examined)

    def _pilot(self, name: str, claim: Claim, arm: str, words: Sequence[str], rate: float) -> "Work":
        folder = self.folder / name / f"{arm}-{_hash(*words, *ALIKE)}"
        own = (*words, *claim.of_seed(PILOT_SEED), f"optimizer.lr={rate}", *ALIKE, "score_test=false")
        return Work(name, self.full, PILOT_SEED, folder / f"rate-{rate}", arm, own)

    def evidence(self, name: str) -> Evidence:
        """What has been measured so far: of the seeds for which nothing is missing."""
        chosen = all(pilot.is_done() for pilot in self.pilots(name))  # before, nothing is trained that counts
        pieces = self.work(name) if chosen else []
        if not pieces:
            return Evidence([], {}, {}, {}, {}, self.full)
        done = {piece: piece.is_done() for piece in pieces}
        seeds = [n for n in range(1, self.seeds + 1) if all(done[piece] for piece in pieces if piece.seed == n)]
        kept = [piece for piece in pieces if piece.seed in seeds]
        runs = [piece for piece in kept if piece.arm is not None]
        folders = {(str(piece.arm), piece.seed): RunFolder(piece.path) for piece in runs}
        return Evidence(
            seeds,
            {key: folder.read_results() for key, folder in folders.items()},
            {key: folder.read_metrics() for key, folder in folders.items()},
            {(str(piece.arm), piece.seed): read_measured(piece.examined) for piece in runs if piece.examined},
            {piece.seed: read_measured(piece.path) for piece in kept if piece.arm is None},
            self.full,
        )


@dataclass(frozen=True)
class Work:
    """One piece. path: the run folder, or without an arm the file of what is measured. words: of the run. examined: the file of
    what is found in it, if anything is."""

    claim: str
    full: bool
    seed: int
    path: Path
    arm: str | None = None
    words: tuple[str, ...] = ()
    examined: Path | None = None

    def is_done(self) -> bool:
        if self.arm is None:
            return self.path.exists()
        return (self.path / "results.json").exists() and (self.examined is None or self.examined.exists())

    def do(self) -> None:
        """In this process. Raises UserError where it cannot be done, and Stopped where a signal asks a run to stop, which has then
        saved itself."""
        claim = claim_named(self.claim)
        if self.arm is None:
            write_measured(self.path, claim.measure(self.seed, self.full))
            return
        folder = RunFolder(self.path)
        if not folder.results.exists():
            begun = folder.config.exists()
            words = (
                [text_word("run", str(self.path))] if begun else [*self.words, text_word("folder", str(self.path))]
            )
            train(*words, quiet=True)
        if self.examined is not None:
            write_measured(self.examined, claim.examine(self.arm, load_run(self.path)))


def write_measured(path: Path, measured: Measured) -> None:
    """Also makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, measured)


def read_measured(path: Path) -> Measured:
    """Raises Damaged where the file holds anything else."""
    return read_json(path, dict[str, list[float]])


def _source(claim: Claim) -> str:
    return inspect.getsource(inspect.getmodule(type(claim)) or type(claim))


def _hash(*texts: str) -> str:
    return hashlib.blake2b("\n".join(texts).encode(), digest_size=4).hexdigest()
