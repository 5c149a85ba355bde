"""How fast `attnlab predict` answers, against the bare model: `python scripts/bench_predict.py RUN…`.

Lines are texts of the run's own data, over and over. A measurement is the time of a stretch of lines, read from standard input
and answered as text, JSON or CSV, over that of the model's outputs alone on the same batches, packed before; both are measured
in turn, and the figure is the median of their ratios. Also printed: the memory of the process after each tenth of the lines.
"""

import argparse
import gc
import io
import statistics
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import torch

from attnlab import load_run
from attnlab.data.contract import Input
from attnlab.data.prep.batching import Batching
from attnlab.sets import Batch
from attnlab.training.predict import Options, Stream
from attnlab.training.run import Run

FORMS = ("text", "json", "csv")


def texts(run: Run) -> Iterator[bytes]:
    """Lines of the run's own data without end."""
    splits = run.data().splits.values()
    own = [f"{_text(split.show(i))}\n".encode() for split in splits for i in range(min(len(split), 20_000))]
    return cycle(own)


def _text(shown: dict[str, object]) -> str:
    words = shown.get("words", shown.get("source"))
    return " ".join(map(str, words)) if isinstance(words, list) else str(words)


def packed(run: Run, lines: Sequence[bytes]) -> list[Batch]:
    """The batches that a stream makes of these lines."""
    reader, batches = run.reader(), list[Batch]()
    for start in range(0, len(lines), reader.block):
        block = [line.decode().rstrip("\n") for line in lines[start : start + reader.block]]
        split = reader.read([Input("", text, text) for text in block]).split
        batches += [
            split.batch(i) for i in Batching(split.lengths, run.config.trainer.batch_vectors, 0).in_order()
        ]
    return batches


@torch.no_grad()
def bare(run: Run, batches: Sequence[Batch]) -> float:
    """Seconds of the processor for the outputs alone."""
    start = time.process_time()
    for batch in batches:
        run.model.outputs(batch.inputs)
    return time.process_time() - start


def streamed(run: Run, lines: Sequence[bytes], form: str) -> float:
    """Seconds of the processor for a stream of lines, from their bytes to the bytes of the answers."""
    start = time.process_time()
    stream = Stream(run, run.reader(), Options("", ("-",), form))
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    for piece in stream.pieces(lambda done: None, lines):
        out.write(piece)
        out.flush()
        out.seek(0)
        out.truncate()
    return time.process_time() - start


def memory() -> float:
    """MiB that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--stretch", type=int, default=8192, help="lines between two looks at the clock")
    parser.add_argument("--form", action="append", choices=FORMS, help="all of them by default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for path in options.runs:
        run = load_run(path)
        run.model.eval()
        gc.freeze()  # as the command does
        for form in options.form or FORMS:
            source, ratios, told, seconds, done = texts(run), [], [], [0.0, 0.0], 0
            while done < options.lines:
                lines = list(islice(source, min(options.stretch, options.lines - done)))
                batches = packed(run, lines)
                if done == 0:  # what the first call sets up is no part of either
                    bare(run, batches[:2])
                    streamed(run, lines[:64], form)
                first = bare(run, batches)
                whole = streamed(run, lines, form)
                second = bare(run, batches)
                ratios.append((first + second) / 2 / whole)
                seconds = [seconds[0] + (first + second) / 2, seconds[1] + whole]
                before, done = done, done + len(lines)
                if done * 10 // options.lines > before * 10 // options.lines:
                    told.append(f"{memory():.0f}")
            print(
                f"{run.config.task:10} {form:5} {done:,} lines  {done / seconds[1]:,.0f} lines/s  of the bare model "
                f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})  MiB {' '.join(told)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
