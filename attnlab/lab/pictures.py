"""Examples drawn into files: pixels and spectrograms as PNG, graphs as SVG."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.data.contract import Drawing, Picture
from attnlab.pages.page import filled

SIZE = 256
"""Pixels that a small picture or spectrogram is enlarged to, about."""
COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2", "#edc948", "#9c755f", "#ff9da7")


def draw(picture: Picture, path: Path) -> Path:
    """The file: `path` with the ending of its kind. Spectrograms are bright where levels are high; pixels are enlarged
    without smoothing where they are few."""
    from torchvision.io import write_png

    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(picture, Drawing):
        path = path.with_name(path.name + ".svg")
        path.write_text(svg(picture), encoding="utf-8")
        return path
    path = path.with_name(path.name + ".png")
    if picture.ndim == 2:
        levels = picture.astype(np.float32)
        low, high = np.percentile(levels, (1, 99))
        pixels = (np.clip((levels - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)[:, :, None]
    else:
        pixels = picture.astype(np.uint8)
    times = max(1, round(SIZE / max(pixels.shape[:2])))
    pixels = pixels.repeat(times, axis=0).repeat(times, axis=1)
    write_png(torch.from_numpy(pixels.transpose(2, 0, 1).copy()), str(path))
    return path


def svg(graph: Drawing, rounds: int = 200) -> str:
    """The text of a drawing: nodes as circles, coloured by their names. rounds: of `layout`."""
    places = (20 + layout(len(graph.names), graph.edges, rounds) * 460).round().astype(int).tolist()
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(sorted(set(graph.names)))}
    edges = sorted({(min(edge), max(edge)) for edge in graph.edges.tolist()})
    values = {
        "edges": [(*places[a], *places[b]) for a, b in edges],
        "nodes": [(*place, colours[name], name) for place, name in zip(places, graph.names, strict=True)],
    }
    return filled("graph.svg", values)


def layout(nodes: int, edges: NDArray[np.int64], rounds: int = 200) -> NDArray[np.float64]:
    """(E, 2) edges -> (nodes, 2) coordinates between 0 and 1: nodes push each other away, and edges pull them together
    (Fruchterman & Reingold 1991)."""
    xy = np.random.default_rng(0).random((nodes, 2))
    ideal = (1 / max(1, nodes)) ** 0.5
    for number in range(rounds if nodes > 1 else 0):
        squares = np.square(xy).sum(axis=1)
        pushes = ideal**2 / np.maximum(squares[:, None] + squares - 2 * xy @ xy.T, 1e-6)  # (nodes, nodes)
        force = xy * pushes.sum(axis=1)[:, None] - pushes @ xy
        if len(edges):
            pull = xy[edges[:, 0]] - xy[edges[:, 1]]
            pull *= np.linalg.norm(pull, axis=1, keepdims=True) / ideal
            np.add.at(force, edges[:, 0], -pull / 2)
            np.add.at(force, edges[:, 1], pull / 2)
        length = np.maximum(np.linalg.norm(force, axis=1, keepdims=True), 1e-9)
        xy += force / length * np.minimum(length, 0.1 * (1 - number / rounds))
    low, high = xy.min(axis=0), xy.max(axis=0)
    return (xy - low) / np.maximum(high - low, 1e-9)
