"""`attnlab bench`: how fast this machine trains in each modality, and what the time goes to.

`sections=tagging,images` picks, `updates=20` says how long, `shared=FOLDER` takes real data of the folder, `out=FOLDER`
says where `bench.json` and `bench.html` go; other words are keys of `attnlab train`, for every section.
"""

import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from attnlab.command_words import split_words
from attnlab.disk import write_json, write_text
from attnlab.errors import UserError, suggestion
from attnlab.lab.bench.page import page
from attnlab.lab.bench.sections import PARTS, SECTIONS, Measurement, words_of
from attnlab.runs import new_folder

DEFAULTS = {"sections": ",".join(SECTIONS), "updates": "20", "shared": "", "out": ""}


def bench(words: Sequence[str]) -> None:
    """Measure the sections one after the other. Raises UserError for words that don't fit."""
    options, overrides = split_words(words, DEFAULTS)
    names = options["sections"].split(",")
    for name in names:
        if name not in SECTIONS:
            raise UserError(f"`sections={name}`: no such section; {suggestion(name, SECTIONS)}")
    updates = options["updates"]
    if not updates.isdigit() or int(updates) < 1:
        raise UserError(f"`updates={updates}`: expected a number of updates, such as 20")
    shared = options["shared"] or None
    if shared is not None and not Path(shared).is_dir():
        raise UserError(f"`shared={shared}`: no such folder")
    computer, data = machine(), "real" if shared else "embedded"
    sections = {}
    for name in names:
        section_words = [*words_of(SECTIONS[name], shared), *overrides]
        sections[name] = _measure_in_process(name, updates, section_words)
        print(summary(name, sections[name]), flush=True)
    folder = Path(options["out"]) if options["out"] else new_folder(Path("outputs") / "bench")
    folder.mkdir(parents=True, exist_ok=True)
    figures = {name: section.plain() for name, section in sections.items()}
    write_json(folder / "bench.json", {"machine": computer, "data": data, "sections": figures})
    write_text(folder / "bench.html", page(computer, data, sections))
    print(f"Figures and plots are saved in {folder}/bench.json and bench.html")


def _measure_in_process(name: str, updates: str, words: Sequence[str]) -> Measurement:
    command = [sys.executable, "-m", "attnlab.lab.bench.measure", name, updates, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it was ended from outside"])[-1]
        raise UserError(f"attnlab train {shlex.join(words)}: {last.split('UserError: ')[-1]}")
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))


def summary(name: str, section: Measurement) -> str:
    """A line for the terminal, one for the parts of a step, and one for decoding where there is such."""
    peak = ""
    if section.share_of_peak is not None:
        peak = f", {section.share_of_peak:.2f} of peak"
        if section.share_of_torch != section.share_of_peak:
            peak += f" ({section.share_of_torch:.2f} of torch.mm's)"
    parts = ", ".join(f"{part} {section.parts[part]:.1f}" for part in PARTS)
    lines = [
        f"{name}: {section.vectors_per_second:,.0f} {section.unit}/s in a step of {section.step_ms:.1f} ms{peak}, "
        f"{section.train_vectors_per_second:,.0f} in all of train, {section.memory_mib:,.0f} MiB",
        f"  ms: {parts}",
    ]
    if speeds := section.sentences_per_second:
        listed = ", ".join(f"{how} {speed:,.0f}" for how, speed in speeds.items())
        lines.append(f"  written, sentences/s: {listed}")
    return "\n".join(lines)


def machine() -> dict[str, str | int]:
    """What figures depend on: processor, threads, torch, instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = [platform.processor()]
    return {
        "processor": next(filter(None, names), platform.machine()), "threads": torch.get_num_threads(),
        "torch": torch.__version__, "instructions": torch.backends.cpu.get_cpu_capability(),
    }  # fmt: skip
