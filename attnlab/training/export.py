"""`attnlab export`: a run's model as a program of torch alone, checked against the model, with what is needed to use it."""

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from attnlab.config import TextData
from attnlab.data.contract import Split
from attnlab.disk import make_folder, write_bytes, write_json, write_text
from attnlab.errors import UserError, suggestion
from attnlab.model.one_set import OneSet
from attnlab.plural import plural
from attnlab.sets import VectorSets
from attnlab.targets import kind_named
from attnlab.training.run import Run, load_run

PROGRAM, ONNX, SPEC, SCRIPT = "model.pt2", "model.onnx", "spec.json", "run_exported.py"
EXAMPLE = 7
"""Vectors of the set that is followed; any other number is allowed afterwards."""
LENGTHS = (1, 2, 3, EXAMPLE, 64)
TOLERANCE = 1e-4
"""The largest difference that sums in another order may make, of outputs that are about 1."""
PATTERNS = {"words": r"\d+(?:[.,]\d+)*|\w+(?:['’-]\w+)*|[^\w\s]", "characters": r"\S", "spaces": r"\S+"}
"""How texts in Latin, Greek and Cyrillic letters are split, by `data.tokens`."""
USAGE = "write `attnlab export RUN`, where RUN is a run folder or `latest`"


@dataclass(frozen=True)
class Exported:
    """folder: where it lies. differences: by the length of a set, the largest difference from the model's outputs."""

    folder: Path
    differences: Mapping[int, float]


def command(words: Sequence[str]) -> int:
    """attnlab export RUN [--out FOLDER] [--onnx]. Raises UserError for other words, and as `export` does."""
    plain, out, onnx, rest = list[str](), None, False, iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        if option == "--out":
            out = Path(value if equals else next(rest, ""))
            if out == Path():
                raise UserError("`--out`: give it a folder, as in `--out tagger`")
        elif word == "--onnx":
            onnx = True
        elif word.startswith("-"):
            raise UserError(
                f"`{word}`: no such option; {suggestion(word, ('--out', '--onnx', '--debug', '--help'))}"
            )
        else:
            plain.append(word.removeprefix("run="))
    if len(plain) != 1:
        raise UserError(f"{'no run is named' if not plain else f'{len(plain)} runs are named'}; {USAGE}")
    run = load_run(plain[0])
    folder = out or Path(f"exported-{run.folder.path.name}")
    found = export(run, folder, onnx)
    worst = max(found.differences.values())
    print(
        f"The same as the model on sets of {', '.join(map(str, found.differences))} vectors: the outputs differ by {worst:.1g} at most"
    )
    print(f"Exported to {folder}; try it, without attnlab: python {folder / SCRIPT}")
    return 0


def export(run: Run, folder: Path, onnx: bool = False) -> Exported:
    """Write the program, what it needs and a script into this folder, once it gives what the model gives.

    onnx: whether an ONNX model is made, too. Raises UserError for a model that cannot be exported, with the reason, and
    where the extra `onnx` isn't installed.
    """
    run.refuse_hidden("export")
    if onnx:
        _refuse_without_onnx()
    try:
        module = OneSet(run.model).eval().requires_grad_(False)
    except UserError as error:
        raise UserError(f"{run.folder.path}: cannot be exported: {error}") from None
    run.model.eval()
    examples = _sets(run)
    arguments = _arguments(examples[EXAMPLE])
    free = {name: _dimensions(name) for name in arguments}
    program = torch.export.export(module, (), arguments, dynamic_shapes=free, strict=False)
    followed = program.module()
    differences = {
        length: _difference(run, sets, followed(**_arguments(sets))) for length, sets in examples.items()
    }
    files = {PROGRAM: _saved(program)}
    if onnx:
        files[ONNX] = _onnx(program, list(arguments))
        for length, sets in examples.items():
            found = _difference(run, sets, _run_onnx(files[ONNX], _arguments(sets)))
            differences[length] = max(differences[length], found)
    for length, difference in differences.items():
        if not difference <= TOLERANCE:
            raise UserError(
                f"{run.folder.path}: on a set of {plural(length, 'vector')} the exported program differs from the model by "
                f"{difference:.2g}; nothing was written"
            )
    make_folder(folder)
    for name, data in files.items():
        write_bytes(folder / name, data)
    write_json(folder / SPEC, _spec(run, list(arguments)))
    write_text(folder / SCRIPT, SCRIPT_TEXT)
    return Exported(folder, differences)


def _sets(run: Run) -> dict[int, VectorSets]:
    """By their length, sets of the run's own data, also longer than any of them."""
    splits = run.data().splits
    split: Split = splits.get("validation") or next(iter(splits.values()))
    longest = int(split.lengths.argmax())
    example = split[longest].inputs.to(torch.device("cpu"))
    size = example.values.shape[0]
    lengths = sorted({*LENGTHS, 3 * size})
    most = _learned_positions(run)
    return {n: _of_length(example, n) for n in lengths if most is None or n <= most}


def _learned_positions(run: Run) -> int | None:
    """How many vectors a set may have at most; None: any number."""
    limit = getattr(getattr(run.model.encoder, "position", None), "limit", None)
    return limit if isinstance(limit, int) else None


def _of_length(example: VectorSets, length: int) -> VectorSets:
    """A set of so many vectors: the example once more behind itself, until there are enough; those of more are left out."""
    size = example.values.shape[0]
    copies = -(-length // size)
    values = torch.cat([example.values] * copies)[:length]
    coords = edges = edge_values = None
    if example.coords is not None:
        step = torch.zeros(example.coords.shape[1])
        step[0] = example.coords[:, 0].max() - example.coords[:, 0].min() + 1
        coords = torch.cat([example.coords + step * i for i in range(copies)])[:length]
    if example.edges is not None:
        edges = torch.cat([example.edges + size * i for i in range(copies)], dim=1)
        inside = (edges < length).all(0)
        edges = edges[:, inside]
        if example.edge_values is not None:
            edge_values = torch.cat([example.edge_values] * copies)[inside]
    return VectorSets.of(values, coords=coords, edges=edges, edge_values=edge_values)


def _arguments(sets: VectorSets) -> dict[str, Tensor]:
    found = {"values": sets.values, "coords": sets.coords, "edges": sets.edges, "edge_values": sets.edge_values}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


def _dimensions(name: str) -> dict[int, torch.export.Dim]:
    """Which dimensions of an input may have any size."""
    if name == "edges":
        return {1: torch.export.Dim("E", min=0)}
    if name == "edge_values":
        return {0: torch.export.Dim("E", min=0)}
    return {0: torch.export.Dim("N", min=1)}


def _difference(run: Run, sets: VectorSets, outputs: Tensor) -> float:
    with torch.no_grad():
        expected = run.model.mean_outputs(sets.to(run.engine.device)).float().cpu()
    return float((outputs - expected).abs().max()) if outputs.shape == expected.shape else float("inf")


def _saved(program: torch.export.ExportedProgram) -> bytes:
    stream = io.BytesIO()
    torch.export.save(program, stream)
    return stream.getvalue()


# --- ONNX -----------------------------------------------------------------------------------------


def _refuse_without_onnx() -> None:
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(f"`--onnx` needs the extra `onnx`: pip install 'attnlab[onnx]' ({error})") from error


def _onnx(exported: torch.export.ExportedProgram, inputs: Sequence[str]) -> bytes:
    """The bytes of an ONNX model. Raises UserError for operations that ONNX lacks."""
    # Sizes that are the same have one name, which only the first input that has them gives.
    named = {"values": _dimensions("values"), "edges": _dimensions("edges")}
    sizes = {name: named.get(name, {0: torch.export.Dim.AUTO}) for name in inputs}
    try:
        with warnings.catch_warnings():  # of torch about the copying of its own programs
            warnings.filterwarnings("ignore", r".*LeafSpec.* is deprecated", FutureWarning)
            program = torch.onnx.export(
                exported, (), dynamic_shapes=sizes, input_names=list(inputs), output_names=["outputs"], dynamo=True,
                verbose=False,
            )  # fmt: skip
    except Exception as error:  # its own errors have no common base
        raise UserError(
            f"`--onnx`: ONNX lacks an operation of this model: {str(error).splitlines()[0][:200]}"
        ) from error
    assert program is not None
    return program.model_proto.SerializeToString()


def _run_onnx(model: bytes, arguments: Mapping[str, Tensor]) -> Tensor:
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    wanted = {each.name for each in session.get_inputs()}
    (outputs,) = session.run(None, {name: x.numpy() for name, x in arguments.items() if name in wanted})
    return torch.from_numpy(outputs)


# --- what lies beside it -----------------------------------------------------------------------------


def _spec(run: Run, inputs: list[str]) -> dict[str, object]:
    """What a user of the program needs to know."""
    spec, head, data = run.spec, run.model.head, run.config.data
    target = spec.target(head.target)
    found: dict[str, object] = {
        "modality": spec.modality, "inputs": inputs, "features": spec.features, "num_coords": spec.num_coords,
        "feature_mean": list(spec.feature_mean), "feature_std": list(spec.feature_std),
        "target": head.target, "kind": target.kind, "per_vector": kind_named(target.kind).per_vector,
        "classes": list(target.classes), "mean": target.mean, "std": target.std,
    }  # fmt: skip
    if spec.features is None and isinstance(data, TextData):
        found |= {"words": list(spec.vocabularies["words"].words), "pattern": PATTERNS[data.tokens]}
    return found


SCRIPT_TEXT = '''"""Runs model.pt2, or model.onnx with --onnx, without attnlab: python run_exported.py [--onnx] "some text" | arrays.npz"""
import json, re, sys, warnings
from pathlib import Path
import numpy as np

# torch warns that it reads weights in place, which nobody writes to.
warnings.filterwarnings("ignore", "The given buffer is not writable", UserWarning)
folder, words = Path(__file__).parent, [w for w in sys.argv[1:] if w != "--onnx"]
spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
if len(words) != 1:
    sys.exit(f'give one input: python run_exported.py {"TEXT" if "words" in spec else "arrays.npz"}; a text stands in quotes')
if "words" in spec:  # id 0 stands for unknown words
    ids, tokens = {w: i for i, w in enumerate(spec["words"])}, re.findall(spec["pattern"], words[0])
    arrays = {"values": np.array([ids.get(t, 0) for t in tokens]), "coords": np.arange(len(tokens), dtype=np.float32)[:, None]}
    if not tokens:
        sys.exit("the text is empty: give at least one word")
else:  # values (N, F) as the run measures and scales them, coords (N, P), edges (2, E), edge_values
    arrays, tokens = dict(np.load(words[0])), None
arrays = {name: arrays[name] for name in spec["inputs"]}
if "--onnx" in sys.argv:
    import onnxruntime
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    outputs = session.run(None, {i.name: arrays[i.name] for i in session.get_inputs()})[0]
else:
    import torch
    outputs = torch.export.load(folder / "model.pt2").module()(**{n: torch.from_numpy(a) for n, a in arrays.items()}).detach().numpy()
for number, row in enumerate(outputs):
    if spec["kind"].endswith("number") or spec["kind"].endswith("numbers"):
        answer = f"{row[0] * spec['std'] + spec['mean']:.6g}"
    elif spec["kind"] == "classes":
        answer = "  ".join(f"{name} {1 / (1 + np.exp(-x)):.6f}" for name, x in zip(spec["classes"], row))
    else:
        p = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        answer = f"{spec['classes'][p.argmax()]} {p.max():.6f}"
    print(f"{tokens[number]}\\t{answer}" if tokens and spec["per_vector"] else answer)
'''
