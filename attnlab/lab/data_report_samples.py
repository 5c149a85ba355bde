"""Examples as a person would look at them: a sentence with its tags, a picture, a spectrogram, a drawn graph."""

from collections.abc import Sequence
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

WIDE = 25
"""Words of a sentence that are shown."""


SIDE = 256
"""Pixels that a small picture or spectrogram is enlarged to, about."""


COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2", "#edc948", "#9c755f", "#ff9da7")


def told(split: Any, i: int, spec: DataSpec) -> str:
    """Example i in words: where it stands, what it says, and the right answers."""
    shown = split.show(i)
    answers = {name: split.gold(name)[i] for name in spec.targets}
    lines = [f"{split.keys[i]}"]
    words = shown.pop("words", None)
    if words is not None:
        tags = next(
            (answers.pop(n) for n, target in spec.targets.items() if target.kind == "vector_classes"), None
        )
        cells = words if tags is None else [f"{w}/{t}" if t else w for w, t in zip(words, tags, strict=True)]
        lines.append("  " + " ".join(islice(cells, WIDE)) + (" …" if len(cells) > WIDE else ""))
    for name, value in (shown | answers).items():
        short = (
            [*islice(value, WIDE), *(["…"] if len(value) > WIDE else [])] if isinstance(value, list) else [value]
        )
        lines.append(f"  {name}: {' '.join(map(str, short))}")
    return "\n".join(lines)


def draw(split: Any, i: int, spec: DataSpec, place: Path) -> Path | None:
    """A picture of example i at `place` with the right ending; None for text, which is its own picture."""
    if spec.modality == "image":
        return _png(split.pixels(np.array([i]))[0], place)
    if spec.modality == "speech":
        return _png(spectrogram(split[i].inputs, split.frame_features), place)
    if spec.modality == "graph":
        return _svg(split[i].inputs, spec, place)
    return None


def spectrogram(inputs: VectorSets, bands: int) -> NDArray[np.uint8]:
    """(bands, frames, 1): time to the right, pitch upwards, loud is bright."""
    frames = inputs.values.numpy().reshape(-1, bands).T[::-1]
    low, high = np.percentile(frames, (1, 99))
    return (np.clip((frames - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)[:, :, None]


def _png(pixels: NDArray[np.uint8], place: Path) -> Path:
    """A PNG file of (height, width, channels), enlarged without smoothing where it is small."""
    from torchvision.io import write_png

    times = max(1, round(SIDE / max(pixels.shape[:2])))
    large = pixels.repeat(times, axis=0).repeat(times, axis=1)
    path = _file(place, ".png")
    write_png(torch.from_numpy(large.transpose(2, 0, 1).copy()), str(path))
    return path


def _svg(inputs: VectorSets, spec: DataSpec, place: Path) -> Path:
    """A graph whose nodes push each other away and are held together by their edges."""
    assert inputs.edges is not None
    edges = inputs.edges.numpy().T
    where = 20 + layout(len(inputs.values), edges) * 460
    names = _names(inputs, spec)
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(sorted(set(names)))}
    lines = [
        f'<line x1="{where[a, 0]:.0f}" y1="{where[a, 1]:.0f}" x2="{where[b, 0]:.0f}" y2="{where[b, 1]:.0f}"/>'
        for a, b in {tuple(sorted(edge)) for edge in edges.tolist()}
    ]
    nodes = [
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="9" fill="{colours[name]}"/>'
        f'<text x="{x:.0f}" y="{y + 4:.0f}">{escape(name)}</text>'
        for (x, y), name in zip(where, names, strict=True)
    ]
    style = "line{stroke:#999}text{font:10px sans-serif;text-anchor:middle;fill:white}"
    body = "".join(sorted(lines) + nodes)
    path = _file(place, ".svg")
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 500"><style>{style}</style>'
        f'<rect width="500" height="500" fill="white"/>{body}</svg>',
        encoding="utf-8",
    )
    return path


def _names(inputs: VectorSets, spec: DataSpec) -> Sequence[str]:
    """What each node is called; its number where nodes have no names."""
    if "nodes" not in spec.vocabularies:
        return [str(i) for i in range(len(inputs.values))]
    words = spec.vocabularies["nodes"].words
    codes = inputs.values[:, : len(words) - 1]
    return [words[1 + int(code.argmax())] if code.any() else "?" for code in codes]


def layout(nodes: int, edges: NDArray[np.int64], rounds: int = 200) -> NDArray[np.float64]:
    """(nodes, 2) places between 0 and 1, by springs along edges (Fruchterman & Reingold 1991)."""
    places = np.random.default_rng(0).random((nodes, 2))
    ideal = (1 / max(1, nodes)) ** 0.5
    for turn in range(rounds if nodes > 1 else 0):
        apart = places[:, None] - places[None]  # (nodes, nodes, 2)
        distance = np.maximum(np.linalg.norm(apart, axis=2), 1e-3)[..., None]
        force = (apart / distance * ideal**2 / distance).sum(axis=1)
        if len(edges):
            pull = places[edges[:, 0]] - places[edges[:, 1]]
            pull *= np.linalg.norm(pull, axis=1, keepdims=True) / ideal
            np.add.at(force, edges[:, 0], -pull / 2)
            np.add.at(force, edges[:, 1], pull / 2)
        length = np.maximum(np.linalg.norm(force, axis=1, keepdims=True), 1e-9)
        places += force / length * np.minimum(length, 0.1 * (1 - turn / rounds))
    low, high = places.min(axis=0), places.max(axis=0)
    return (places - low) / np.maximum(high - low, 1e-9)


def _file(place: Path, ending: str) -> Path:
    path = place.with_name(place.name + ending)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
