"""Several tasks around one trunk: a part is an ordinary run, and a joint run of one part is that run."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import write_tables, write_treebank
from graphs import write_tu
from loops import training, weights

from attnlab import compose_joint, train
from attnlab.cli import main
from attnlab.config import ClassificationHead
from attnlab.data.mixing import Draw
from attnlab.errors import UserError
from attnlab.runs import RunFolder
from attnlab.sets import Batch
from attnlab.training.engine import Engine
from attnlab.training.joint import JointRun, opened_parts
from attnlab.training.resume import restore
from attnlab.training.run import load_run

SMALL = [
    "encoder.width=16", "encoder.depth=2", "encoder.heads=2", "encoder.dropout=0.3", "optimizer.lr=0.01", "trainer.threads=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_treebank(folder / "words")
    write_tables(folder / "texts")
    write_tu(folder / "graphs")
    return folder


@pytest.fixture
def words(folder: Path) -> list[str]:
    """Words with tags, texts with classes and graphs; each has another scope and position."""
    return [
        "task=joint", "parts=[pos,sentiment,graph]", "parts.pos.data=ud_ewt", f"parts.pos.data.path={folder / 'words'}",
        "parts.sentiment.data=csv", f"parts.sentiment.data.path={folder / 'texts'}", "parts.graph.data=tu",
        f"parts.graph.data.path={folder / 'graphs'}", "parts.graph.data.name=TOY", "parts.pos.encoder.scope=[window:2,full]",
        "parts.sentiment.encoder.position=relative", "parts.pos.trainer.batch_vectors=60", "parts.sentiment.head.readout=mean",
        "parts.sentiment.trainer.batch_vectors=60", "parts.graph.trainer.batch_vectors=40", "parts.pos.weight=2",
        "trainer.accumulate=5", "trainer.validate_every=2", "defaults=plain", *SMALL,
    ]  # fmt: skip


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_joint_run_of_one_part_is_the_ordinary_run(folder: Path, tmp_path: Path, accumulate: int) -> None:
    own = ["data=ud_ewt", f"data.path={folder / 'words'}", "encoder.position=relative", "trainer.batch_vectors=60"]
    shared = [*SMALL, f"trainer.accumulate={accumulate}", "trainer.epochs=2", "trainer.clip=0.1"]
    training(["task=pos", *own, *shared], tmp_path / "ordinary").run()
    joint = ["task=joint", "parts=[pos]", *(f"parts.pos.{word}" for word in own), "trainer.balance=none"]
    training([*joint, *shared, "defaults=plain"], tmp_path / "joint").run()
    found = {
        name.replace("parts.pos.", "").replace("parts/pos/", ""): b
        for name, b in weights(tmp_path / "joint").items()
    }
    assert found == weights(tmp_path / "ordinary") and len(found) > 50


def test_the_trunk_is_one_and_saved_once(words: list[str], tmp_path: Path) -> None:
    loop = training(words, tmp_path / "run")
    models = loop.model.parts
    assert list(models) == ["graph", "pos", "sentiment"]
    for name in ("blocks", "norm"):
        assert getattr(models["pos"].encoder, name) is getattr(models["graph"].encoder, name)
    assert models["pos"].encoder.scopes != models["graph"].encoder.scopes
    loop.run()
    saved = {name for name in weights(tmp_path / "run") if name.startswith("last/model")}
    trunk = {name for name in saved if ".blocks." in name or ".norm." in name}
    assert trunk and all(name.startswith("last/model.safetensors/encoder.") for name in trunk)
    assert "last/model.safetensors/parts.sentiment.encoder.position.tables.0.weight" in saved


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
def test_stopped_and_continued_is_bit_identical(words: list[str], tmp_path: Path, stop: int) -> None:
    words = [*words, "trainer.updates=6", "trainer.average_best=2"]
    training(words, tmp_path / "whole").run()
    training(words, tmp_path / "stopped", stop_after=stop).run()
    torch.manual_seed(999)
    rest = training(words, tmp_path / "stopped")
    restore(rest)
    assert rest.progress.update == stop
    rest.run()
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")


def test_the_order_of_parts_changes_nothing(words: list[str], tmp_path: Path) -> None:
    words = [*words, "trainer.updates=2"]
    training(words, tmp_path / "one").run()
    other = ["parts=[graph,pos,sentiment]" if word.startswith("parts=") else word for word in words]
    training(other, tmp_path / "other").run()
    assert weights(tmp_path / "one") == weights(tmp_path / "other")


def test_the_gradient_is_that_of_the_weighted_means(words: list[str]) -> None:
    loop = training([*words, "encoder.dropout=0", "trainer.clip=0", "trainer.average=0", "parts.pos.data.unknown=0",
                     "parts.sentiment.data.unknown=0",
                     *(f"parts.{part}.encoder.kernel=reference" for part in ("pos", "sentiment", "graph"))])  # fmt: skip
    loop.model.double()

    def batch(draw: Draw) -> Batch:
        made = loop.parts.batch(draw)
        inputs = made.inputs
        values = inputs.values.double() if inputs.values.is_floating_point() else inputs.values
        edge_values = None if inputs.edge_values is None else inputs.edge_values.double()
        return replace(made, inputs=replace(inputs, values=values, edge_values=edge_values))

    group = loop.mixture.groups(0)[0]
    caught: dict[str, torch.Tensor] = {}
    loop.model.train()
    loop.learned.optimizer.step = lambda: caught.update(  # type: ignore[method-assign]
        {name: p.grad.clone() for name, p in loop.model.named_parameters() if p.grad is not None}
    )
    loop._update(group, range(len(group)), map(batch, group))
    factors = {name: part.factor for name, part in loop.parts.by_name.items()}
    graph, pos = (
        training([*words, "trainer.balance=none"]).parts.by_name[name].factor for name in ("graph", "pos")
    )
    assert (graph, pos) == (1, 2)
    noise = {name: part.factor for name, part in training([*words, "trainer.balance=noise"]).parts.by_name.items()}
    assert factors["graph"] == pytest.approx(1 / 0.6931, abs=1e-3)
    answers = {draw.part: float(loop.model.parts[draw.part].head.count(batch(draw).targets)) for draw in group}
    ratio = noise["pos"] / noise["graph"] * factors["graph"] / factors["pos"]
    assert ratio == pytest.approx(
        (answers["pos"] / answers["graph"]) ** 0.5, rel=0.3
    )  # which vary from batch to batch
    whole = torch.zeros((), dtype=torch.float64)
    for name, factor in factors.items():
        losses = [loop.model.parts[name](batch(draw)) for draw in group if draw.part == name]
        whole = whole + factor * sum(loss.total for loss in losses) / sum(int(loss.count) for loss in losses)
    whole.backward()
    naive = {name: p.grad for name, p in loop.model.named_parameters() if p.grad is not None}
    assert naive.keys() == caught.keys() and any(name.startswith("encoder.") for name in naive)
    for name, gradient in naive.items():
        torch.testing.assert_close(caught[name], gradient, rtol=1e-5, atol=1e-7)  # losses are computed in fp32


def test_counts_known_before_are_those_of_the_loss(words: list[str]) -> None:
    loop = training(words)
    for draw in loop.mixture.groups(0)[0]:
        batch, model = loop.parts.batch(draw), loop.model.parts[draw.part]
        assert model.head.count(batch.targets) == int(model(batch).count)


def test_a_part_is_a_run(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "joint"
    assert main(["train", *words, "trainer.updates=4", f"folder={run}"]) == 0
    out = capsys.readouterr().out
    assert "Each part" in out and f"attnlab eval run={run} part=graph" in out
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines] == [2, 4] and lines[0]["monitor"] == "joint/score"
    results = RunFolder(run).read_results()
    for name in ("pos", "sentiment", "graph"):
        part = RunFolder(run).part(name)
        own = part.read_results()
        best = next(line for line in lines if line["update"] == own["train"]["best_update"])
        assert (
            own["validation"]["accuracy"] == best[f"{name}/accuracy"] == results["validation"][f"{name}/accuracy"]
        )
        assert results["test"][f"{name}/accuracy"] == own["test"]["accuracy"]
        assert len(part.read_metrics()) == 2 and (part.path / "report.html").exists()
        again = load_run(part.path).evaluate("validation")
        assert again.scores == pytest.approx(own["validation"], rel=1e-12)
    assert main(["eval", f"run={run}", "part=graph"]) == 0
    assert f"Run {run}/parts/graph" in capsys.readouterr().out
    assert load_run(run / "parts" / "pos").predict(["the dog"])[0].value
    trunks = [load_run(run / "parts" / name).model.encoder.norm.weight for name in ("pos", "graph")]
    assert torch.equal(*trunks)

    assert main(["train", f"run={run}/parts/pos"]) == 2
    assert f"attnlab train run={run}" in capsys.readouterr().err
    assert main(["eval", f"run={run}"]) == 2
    assert f"name one, such as {run}/parts/graph" in capsys.readouterr().err
    assert main(["eval", f"run={run}", "part=pso"]) == 2
    assert "did you mean `pos`?" in capsys.readouterr().err
    assert main(["train", f"run={run}", "encoder.width=32"]) == 2
    assert "has been trained with encoder.width=16" in capsys.readouterr().err
    before = weights(run)
    assert main(["train", f"run={run}"]) == 0 and "is finished" in capsys.readouterr().out
    assert weights(run) == before
    assert main(["train", f"run={run}", "trainer.updates=6"]) == 0
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 3
    assert main(["prune", f"run={run}", "--yes"]) == 0 and not (run / "last").exists()
    assert main(["runs", f"outputs={tmp_path}"]) == 0 and "joint/parts/pos" in capsys.readouterr().out


def test_given_more_updates_is_the_longer_run(words: list[str], tmp_path: Path) -> None:
    words = [*words, "baselines=false", "score_test=false", "schedule=constant", "schedule.warmup=0"]
    whole = train(*words, "trainer.updates=4", f"folder={tmp_path / 'whole'}", quiet=True)
    train(*words, "trainer.updates=2", f"folder={tmp_path / 'longer'}", quiet=True)
    longer = train(f"run={tmp_path / 'longer'}", "trainer.updates=4", quiet=True)
    assert isinstance(whole, JointRun) and isinstance(longer, JointRun)
    assert weights(tmp_path / "whole") == weights(tmp_path / "longer")


def test_the_score_is_what_parts_have_reached(words: list[str]) -> None:
    parts = training(words).parts
    constant = {name: {scale.monitor: scale.simple} for name, scale in parts.scales.items()}
    perfect = {name: {scale.monitor: scale.perfect} for name, scale in parts.scales.items()}
    assert parts.together(constant)["joint/score"] == 0 and parts.together(perfect)["joint/score"] == 1
    assert parts.together(constant | {"pos": perfect["pos"]})["joint/score"] == pytest.approx(1 / 3)
    assert replace(parts.scales["pos"], monitor="loss", simple=2.0, perfect=0.0).of({"loss": 0.5}) == 0.75


POS = ["task=joint", "parts=[pos]"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["task=joint"], "say which tasks are learned together, as in parts=[pos,digits]"),
        (["task=joint", "parts=[pos,digts]"], "part `digts`: `task=digts`: no such choice; did you mean `digits`?"),
        (["task=joint", "parts=[pos,pos]"], "stands there twice; .* parts.pos2.task=pos"),
        (["task=joint", "parts=[a-b]"], "begin with a letter"),
        ([*POS, "parts.poss.weight=2"], "no such part; did you mean `pos`?"),
        ([*POS, "parts.pos.weight=0"], "write a number above 0"),
        ([*POS, "parts.pos.weight=heavy"], "write a number above 0"),
        (["task=joint", "parts=[pos,digits,graph]", "trainer.accumulate=2"], "set trainer.accumulate=3 or more"),
        ([*POS, "members=2"], "`members=2`: a joint run has none"),
        ([*POS, "parts.pos.members=2"], "one model for one task"),
        ([*POS, "init=latest"], "begins with random weights; leave it out"),
        ([*POS, "parts.pos.init=latest"], "begins with random weights; leave it out"),
        ([*POS, "encoder.trained=norms"], "begins with random weights, all of which it trains; leave it out"),
        ([*POS, "trainer.strategy=shard"], "holds the whole trunk of a joint run; use trainer.strategy=replicate"),
        ([*POS, "data.limit=3"], "each part has its own; write `parts.pos.data.limit=3`"),
        ([*POS, "trainer.batch_vectors=3"], "write `parts.pos.trainer.batch_vectors=3`"),
        ([*POS, "parts.pos.encoder.width=8"], "what all parts share is set by `encoder.width=8`"),
        ([*POS, "parts.pos.encoder=recurrent"], "parts share the blocks of attention"),
        ([*POS, "encoder=recurrent"], "write encoder=attention"),
        ([*POS, "encoder.parameters=1M"], "write encoder.width="),
        ([*POS, "parts.pos.data=tagged", "parts.pos.data.folds=3"], "no cross-validation"),
        ([*POS, "trainer.epoch=3"], "did you mean `trainer.epochs`?"),
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_refused_in_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence.replace("?", r"\?").replace("[", r"\[").replace("]", r"\]")):
        compose_joint.compose_joint(words)


@pytest.mark.parametrize(
    "line",
    [
        "train -m task=joint parts=[pos] seed=1,2",
        "sweep task=joint parts=[pos] seed=1,2",
        "train task=pos parts=[pos,digits]",
        "train task=pos trainer.mixing=1",
        "data task=joint parts=[pos]",
    ],
)
def test_other_commands_take_no_joint_run(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and ("joint" in error)


def test_a_task_may_be_learned_from_several_data(folder: Path) -> None:
    own = ["data=ud_ewt", f"data.path={folder / 'words'}", "defaults=plain"]
    words = ["task=joint", "parts=[pos,pos2]", "parts.pos2.task=pos"]
    words += [f"parts.{name}.{word}" for name in ("pos", "pos2") for word in own]
    composed = compose_joint.compose_joint(words)
    assert list(composed.words) == ["pos", "pos2"] and composed.words["pos2"][0] == "task=pos"


def test_graphs_are_read_by_their_mean_beside_other_parts(folder: Path) -> None:
    """A sum over nodes gives the trunk much larger gradients than other parts do."""
    pos = ["parts.pos.data=ud_ewt", f"parts.pos.data.path={folder / 'words'}"]

    def readout(*words: str) -> str:
        composed = compose_joint.compose_joint(["task=joint", *words, *SMALL])
        parts, told = opened_parts(composed, Engine(composed.config.trainer))
        head = parts["graph"].config.head
        assert isinstance(head, ClassificationHead)
        assert ("head.readout=mean" in told["graph"]) == (head.readout == "mean")
        return head.readout

    assert readout("parts=[pos,graph]", *pos) == "mean"
    assert readout("parts=[pos,graph]", *pos, "parts.graph.head.readout=sum") == "sum"
    assert readout("parts=[graph]") == "sum"
