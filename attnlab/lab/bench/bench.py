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
from typing import Any

import torch

from attnlab.compose import split_words
from attnlab.disk import write_json, write_text
from attnlab.errors import UserError, suggestion
from attnlab.lab.bench.measure import PARTS
from attnlab.lab.bench.page import page
from attnlab.lab.bench.sections import SECTIONS, words_of
from attnlab.runs import new_folder

OWN = {"sections": ",".join(SECTIONS), "updates": "20", "shared": "", "out": ""}


def bench(words: Sequence[str]) -> dict[str, Any]:
    """Measure the sections one after the other; returns what bench.json holds."""
    own, overrides = split_words(words, OWN)
    names = own["sections"].split(",")
    for name in names:
        if name not in SECTIONS:
            raise UserError(f"`sections={name}`: no such section; {suggestion(name, SECTIONS)}")
    if not own["updates"].isdigit() or int(own["updates"]) < 1:
        raise UserError(f"`updates={own['updates']}`: expected a number of updates, such as 20")
    shared = own["shared"] or None
    if shared is not None and not Path(shared).is_dir():
        raise UserError(f"`shared={shared}`: no such folder")
    results: dict[str, Any] = {"machine": machine(), "data": "real" if shared else "embedded", "sections": {}}
    for name in names:
        section = SECTIONS[name]
        asked = {
            "words": [*words_of(section, shared), *overrides],
            "updates": int(own["updates"]),
            "lengths": section.lengths,
        }
        found = results["sections"][name] = {"unit": section.unit, **_in_a_process(asked)}
        print(told(name, found), flush=True)
    folder = Path(own["out"]) if own["out"] else new_folder(Path("outputs") / "bench")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "bench.json", results)
    write_text(folder / "bench.html", page(results))
    print(f"Figures and plots lie in {folder}/bench.json and bench.html")
    return results


def _in_a_process(asked: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "attnlab.lab.bench.measure", json.dumps(asked)], capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it was ended from outside"])[-1]
        raise UserError(f"attnlab train {shlex.join(asked['words'])}: {last.split('UserError: ')[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def told(name: str, found: dict[str, Any]) -> str:
    """A line for the terminal, and one for the parts of a step."""
    share = ""
    if "share_of_peak" in found:
        share = f", {found['share_of_peak']:.2f} of peak"
        if found["share_of_torch"] != found["share_of_peak"]:
            share += f" ({found['share_of_torch']:.2f} of torch.mm's)"
    parts = ", ".join(f"{part} {found['parts'][part]:.1f}" for part in PARTS)
    written = ", ".join(f"{how} {speed:,.0f}" for how, speed in found.get("sentences_per_second", {}).items())
    return (
        f"{name}: {found['vectors_per_second']:,.0f} {found['unit']}/s in a step of {found['step_ms']:.1f} ms{share}, "
        f"{found['train_vectors_per_second']:,.0f} in all of train, {found['memory_mib']:,.0f} MiB\n  ms: {parts}"
        + (f"\n  written, sentences/s: {written}" if written else "")
    )


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
