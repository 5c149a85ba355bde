"""`attnlab compare`: claims of textbooks, measured on this machine, with a verdict for each."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout
from rich.table import Table

from attnlab import plugins
from attnlab.command_words import options_and_others
from attnlab.disk import lock, write_json, write_text
from attnlab.errors import Stopped, UserError, printable, suggestion
from attnlab.lab.compare.outcome import Outcome, outcome
from attnlab.lab.compare.page import measured, page, plain, table
from attnlab.lab.compare.rules import FEWEST
from attnlab.lab.compare.work import Comparison, Work
from attnlab.lab.compare.workers import do_all
from attnlab.lab.run_groups import console
from attnlab.local_files import user_path
from attnlab.registry import CLAIMS

VALUED = {"--seeds": "5", "--budget": "10m", "--out": "FOLDER"}
"""Options with a value, and an example of it."""
UNITS = {"s": 1, "m": 60, "h": 3600}
MOST_SEEDS = 1000


@dataclass(frozen=True)
class Options:
    """What the words of `attnlab compare` say. budget: seconds of this call; None: as long as it takes."""

    claims: tuple[str, ...]
    full: bool
    seeds: int
    budget: float | None
    out: Path

    @classmethod
    def of(cls, words: Sequence[str]) -> "Options":
        """Raises UserError for claims and options that there aren't, and for values that these cannot have."""
        named, claims = options_and_others(words, VALUED, ["--full"])
        for name in claims:
            if name not in CLAIMS:
                raise UserError(f"`{name}`: no such claim; {suggestion(name, CLAIMS)}")
        seeds = named.get("--seeds", str(FEWEST))
        if not seeds.isdecimal() or not 1 <= int(seeds) <= MOST_SEEDS:
            raise UserError(f"`--seeds {seeds}`: write a number from 1 to {MOST_SEEDS:,}; {FEWEST} or more decide")
        full = "--full" in named
        out = named.get("--out", f"outputs/compare/{'full' if full else 'quick'}")
        budget = _seconds(named["--budget"]) if "--budget" in named else None
        chosen = tuple(dict.fromkeys(claims)) or tuple(CLAIMS)
        return cls(chosen, full, int(seeds), budget, user_path(out))


def _seconds(text: str) -> float:
    """Of `90s`, `10m` or `1.5h`. Raises UserError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found or float(found[1]) == 0:
        raise UserError(f"`--budget {text}`: write a time such as 90s, 10m or 1.5h")
    return float(found[1]) * UNITS[found[2]]


def compare(words: Sequence[str]) -> None:
    """Train and measure what the claims need, beginning with what an earlier call left undone; then write the page and the table.
    Raises UserError for words that don't fit, and Stopped where a signal asked for an end: everything done so far is kept."""
    options = Options.of(plugins.load(words))
    comparison = Comparison(options.out, options.full, options.seeds)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        with lock(options.out / "compare.lock").acquire(timeout=2):
            failed = _work(comparison, options)
            _tell(comparison, [outcome(comparison, name, failed) for name in options.claims])
    except Timeout as error:
        raise UserError(
            f"{options.out}: another process compares in this folder; name another by --out"
        ) from error


def _work(comparison: Comparison, options: Options) -> dict[Work, str]:
    """Do what isn't done. Gives the pieces that failed, with the reasons."""
    deadline = None if options.budget is None else time.monotonic() + options.budget
    failed: dict[Work, str] = {}
    pilots = [piece for name in options.claims for piece in comparison.pilots(name)]
    failed |= _do(pilots, deadline)
    ready = [name for name in options.claims if all(p.is_done() for p in pilots if p.claim == name)]
    return failed | _do([piece for name in ready for piece in comparison.work(name)], deadline)


def _do(pieces: Sequence[Work], deadline: float | None) -> dict[Work, str]:
    left = [piece for piece in pieces if not piece.is_done()]
    if len(left) < len(pieces):
        print(f"{len(pieces) - len(left)} of {len(pieces)} pieces of work were done before.", flush=True)
    done, began = 0, time.monotonic()

    def say(work: Work, reason: str) -> None:
        nonlocal done
        done += 1
        what = f"{work.claim}: {work.arm or 'measured'}, seed {work.seed}"
        how = f" failed: {reason}" if reason else ""
        print(printable(f"{time.monotonic() - began:6.0f} s  {done} of {len(left)}  {what}{how}"), flush=True)

    try:
        return do_all(left, deadline, say)
    except Stopped:
        print("Stopped; what is done is kept. The same command goes on from there.")
        raise


def _tell(comparison: Comparison, outcomes: Sequence[Outcome]) -> None:
    """The table on the terminal, and the files: compare.html, table.md, results.json."""
    shown = Table("claim", "theory says", "measured", "verdict", show_lines=True)
    for found in outcomes:
        for number, judged in enumerate(found.judged):
            name = "" if number else found.name
            shown.add_row(name, judged.statement.theory, measured(judged), judged.decision.verdict)
    console().print(shown)
    folder = comparison.folder
    write_json(folder / "results.json", plain(comparison, outcomes))
    write_text(folder / "table.md", table(outcomes))
    write_text(folder / "compare.html", page(comparison, outcomes))
    for found in outcomes:
        for failure in found.failures:
            print(printable(f"{found.name}: {failure}"))
    print(printable(f"The page is {folder}/compare.html; table.md and results.json lie beside it."))
