"""`trainer.strategy=shard`: each process holds a part of the model, and the run is that of one process up to rounding."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from loops import training
from ranked_training import COMMON, KINDS, each, run, write_data
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from attnlab.cli import main
from attnlab.errors import RankFailed
from attnlab.model.build import Model
from attnlab.sets import Loss
from attnlab.training.ranks import Ranks
from attnlab.training.replicate import Replicated
from attnlab.training.run import load_run
from attnlab.training.shard import Sharded

SHARD = "trainer.strategy=shard"
EQUAL = 1e-6
"""How far weights after 20 updates may be from those of one process, as a fraction of their norm."""
TEXT = ["task=pos", "data=ud_ewt", "trainer.batch_vectors=60"]
CASES = KINDS | {
    "crf": [*TEXT, "head.crf=true"],
    "recurrent": [*TEXT, "encoder=recurrent"],
    "convolution": [*TEXT, "encoder=convolution"],
    "fully_connected": [*TEXT, "encoder=fully_connected"],
    "graph_conv": ["task=graph", "data=tu", "data.name=TOY", "encoder=graph_conv", "trainer.batch_vectors=40"],
    "bag": ["task=sentiment", "data=csv", "head.bag=0.1", "trainer.batch_vectors=40"],
}


def words_for(kind: str, folder: Path) -> list[str]:
    data = {"graph_conv": "graph", "bag": "classification"}.get(kind, kind if kind in KINDS else "tagging")
    has_heads = not any(word.startswith("encoder=") for word in CASES[kind])
    common = [word for word in COMMON if has_heads or word != "encoder.heads=2"]
    path = write_data(data, folder)
    return [*CASES[kind], *common, "trainer.updates=20", "trainer.validate_every=7", f"data.path={path}"]


def numbers(folder: Path, part: str, rotated: bool = True) -> dict[str, Tensor]:
    """Of each kind, what a file of a checkpoint holds, end to end. rotated: whether positions rotate the
    keys of the encoder. Where they don't, biases of keys are left out:
    to add a number to all scores of a query changes none of its weights, so that their gradients are rounding alone, of which the
    optimizer makes steps of full size."""
    kinds: dict[str, list[Tensor]] = {}
    for name, tensor in sorted(load_file(folder / f"{part}.safetensors").items()):
        kind = name.partition("/")[0] if "/" in name else "weights"
        if kind != "step":
            if name.endswith("cross_attention.kv_proj.bias"):
                tensor = tensor.chunk(2)[1]
            elif name.endswith("qkv_proj.bias") and not rotated:
                tensor = torch.cat([tensor.chunk(3)[0], tensor.chunk(3)[2]])
        kinds.setdefault(kind, []).append(tensor.double().flatten())
    return {kind: torch.cat(tensors) for kind, tensors in kinds.items()}


def assert_equal(folder: Path, expected: Path, rotated: bool = True) -> None:
    """Weights, average and moments up to rounding; how far the run has come, exactly."""
    for part in ("last/model", "last/average", "last/optimizer", "best/model"):
        found, right = numbers(folder, part, rotated), numbers(expected, part, rotated)
        assert found.keys() == right.keys()
        for kind, values in right.items():
            assert float((found[kind] - values).norm() / values.norm()) < EQUAL, (part, kind)
    assert position(folder) == position(expected)


def position(folder: Path) -> list[object]:
    progress = json.loads((folder / "last" / "state.json").read_text())["progress"]
    return [progress[name] for name in ("epoch", "cursor", "update", "best_update", "vectors", "count")]


@pytest.fixture(scope="module")
def tagging(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """The arguments of a run, and what one process makes of it."""
    folder = tmp_path_factory.mktemp("tagging")
    words = words_for("tagging", folder)
    run(1, words, folder / "one")
    return words, folder / "one"


@pytest.fixture(scope="module")
def stopped(tagging: tuple[list[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, stopped by four processes after 9 updates."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    run(4, [*tagging[0], SHARD], folder, stop_after=9)
    return folder


@pytest.mark.parametrize("count", [2, 4])
def test_equal_to_one_process(count: int, tagging: tuple[list[str], Path], tmp_path: Path) -> None:
    run(count, [*tagging[0], SHARD], tmp_path / "run")
    assert_equal(tmp_path / "run", tagging[1])


@pytest.mark.parametrize(
    "count, strategy", [(1, SHARD), (2, SHARD), (4, SHARD), (2, "trainer.strategy=replicate")]
)
def test_four_stop_and_others_go_on(
    count: int, strategy: str, tagging: tuple[list[str], Path], stopped: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(stopped, tmp_path / "run")
    run(count, [*tagging[0], strategy], folder)
    assert_equal(folder, tagging[1])


@pytest.mark.parametrize(
    "kind", [kind if kind == "translation" else pytest.param(kind, marks=pytest.mark.slow) for kind in CASES]
)
def test_other_tasks_and_encoders(kind: str, tmp_path: Path) -> None:
    words = words_for(kind, tmp_path / "data")
    run(1, words, tmp_path / "one")
    run(2, [*words, SHARD], tmp_path / "run")
    assert_equal(tmp_path / "run", tmp_path / "one", rotated=kind != "graph")


def held(words: list[str]) -> list[tuple[int, int]]:
    """Of weights, gradients' moments and average: numbers in this process, and in all."""
    loop = training(words)
    loop.run()
    moments = [m for state in loop.learned.optimizer.state.values() for m in state.values() if m.dim()]
    assert loop.learned.average is not None
    groups = [list(loop.model.parameters()), moments, list(loop.learned.average.model.parameters())]
    assert all(isinstance(tensor, DTensor) for group in groups for tensor in group)
    return [(sum(t.to_local().numel() for t in g), sum(t.numel() for t in g)) for g in groups]


def test_each_process_holds_its_part_of_everything(tagging: tuple[list[str], Path]) -> None:
    parts = each(4, held, [*tagging[0], "encoder.width=32", "trainer.updates=1", SHARD])
    for of_group in zip(*parts, strict=True):
        assert sum(here for here, _ in of_group) == of_group[0][1]
        assert all(here < 0.3 * whole for here, whole in of_group)


class Layer(nn.Module):
    """Three rows, fewer than processes; a bias that only batch 1 reads, and one that none does."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 5))
        self.bias, self.unread = nn.Parameter(torch.randn(3)), nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor, number: int) -> Tensor:
        y = x @ self.weight.T
        return y + self.bias if number == 1 else y


class Small(Model):
    """As the strategies see a model; a batch is its number."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        torch.manual_seed(0)
        self.encoder = nn.Module()  # type: ignore[assignment]
        self.encoder.layer = Layer()
        self.encoder.separate_layers = lambda: [self.encoder.layer]  # type: ignore[assignment]
        self.table, self.scale = nn.Parameter(torch.randn(6, 5)), nn.Parameter(torch.randn(3))

    def read(self, inputs: object) -> None: ...

    def forward(self, number: int) -> Loss:
        y = self.encoder.layer(self.table[number : number + 2], number)
        return Loss((y * self.scale if number == 2 else y).square().sum(), torch.tensor(2))


def summed(strategy: Replicated, number: int) -> dict[str, Tensor | None]:
    """Gradients of the first batches."""
    model = Small()
    strategy.place(model)  # type: ignore[arg-type]
    named = dict(model.named_parameters())
    parameters = list(named.values())
    for own in strategy.own(number):
        strategy.backward(model(own).total, parameters)
    assert strategy.add_up(number, parameters, [1.0, 2.0], lambda: model(0).total) == [
        strategy.ranks.count,
        2 * strategy.ranks.count,
    ]
    strategy.scale(parameters, 0.5, 1.0)
    gradients = {name: p.grad for name, p in named.items()}
    return {n: g.full_tensor() if isinstance(g, DTensor) else g for n, g in gradients.items()}


def in_parts(numbers_of_batches: list[int]) -> list[dict[str, list[float] | None]]:
    ranks = Ranks.joined()
    results = [summed(Sharded(ranks, torch.device("cpu"), 8), number) for number in numbers_of_batches]
    return [{n: None if g is None else g.flatten().tolist() for n, g in result.items()} for result in results]


def test_sums_of_gradients_that_some_batches_lack() -> None:
    """Fewer batches than processes, or two for some; parameters of fewer rows than processes; some untouched by some batches, or
    by all."""
    groups = [1, 3, 4, 5]
    answers = each(4, in_parts, groups)
    assert all(answer == answers[0] for answer in answers)
    for number, found in zip(groups, answers[0], strict=True):
        expected = summed(Replicated(Ranks(), torch.device("cpu"), 8), number)
        untouched = {"encoder.layer.unread"} | ({"encoder.layer.bias", "scale"} if number == 1 else set())
        assert {name for name, gradient in found.items() if gradient is None} == untouched
        for name, gradient in expected.items():
            if gradient is not None:
                torch.testing.assert_close(torch.tensor(found[name]), gradient.flatten(), rtol=1e-6, atol=1e-7)
            else:
                assert found[name] is None


def left_alone(words: list[str]) -> bool:
    """Whether the first process notices that the second goes before the training."""
    loop = training(words)
    if loop.engine.ranks.rank:
        return False
    with pytest.raises(RankFailed):
        loop.run()
    return True


def test_a_process_that_ends_is_noticed(tagging: tuple[list[str], Path]) -> None:
    assert each(2, left_alone, [*tagging[0], SHARD]) == [True, False]


def whole_command(words: list[str]) -> int:
    return main(["train", *words])


def test_the_whole_command(tagging: tuple[list[str], Path], tmp_path: Path) -> None:
    """Test data are predicted by the parts together, and the folder is one like any other afterwards."""
    words = [
        *tagging[0],
        SHARD,
        "trainer.updates=3",
        "trainer.validate_every=3",
        "encoder.depth=2",
        "baselines=false",
    ]
    folder = tmp_path / "run"
    assert each(2, whole_command, [*words, f"folder={folder}"]) == [0, 0]
    assert "each of 2 processes holds a part" in (folder / "log.txt").read_text()
    run = load_run(folder)
    assert run.evaluate("test").scores == pytest.approx(run.results["test"], rel=1e-5)


def test_one_process_holds_all(tagging: tuple[list[str], Path]) -> None:
    assert "this one process holds the whole model" in training([*tagging[0], SHARD]).strategy.told


def test_an_unknown_strategy(capsys: pytest.CaptureFixture) -> None:
    assert main(["train", "task=pos", "trainer.strategy=shards"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
