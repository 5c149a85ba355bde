"""Words in Hydra's grammar become what a sweep searches; what no run would accept is refused."""

import re
from functools import partial
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from attnlab import compose
from attnlab.errors import UserError
from attnlab.lab.sweep.folder import read_settings
from attnlab.lab.sweep.search import Search, lags
from attnlab.lab.sweep.space import named_space, read


def test_every_form_of_the_grammar() -> None:
    space = read(
        [
            "data.limit=300",
            "optimizer.lr=tag(log,interval(1e-4,1e-2))",
            "encoder.depth=int(interval(1,8))",
            "encoder.width=range(32,128,32)",
            "encoder.position=choice(none,learned)",
            "schedule=cosine,constant",
            "encoder.scope=[window:3,full],full",
            "seed=1,2,3",
        ]
    )
    assert space.fixed == ("data.limit=300",) and space.seeds == ("1", "2", "3")
    assert {p.name: p.distribution for p in space.parameters} == {
        "optimizer.lr": FloatDistribution(1e-4, 1e-2, log=True),
        "encoder.depth": IntDistribution(1, 8),
        "encoder.width": CategoricalDistribution(("32", "64", "96")),
        "encoder.position": CategoricalDistribution(("none", "learned")),
        "schedule": CategoricalDistribution(("cosine", "constant")),
        "encoder.scope": CategoricalDistribution(("[window:3,full]", "full")),
    }
    assert space.combinations() is None


def test_a_grid_is_every_combination_once() -> None:
    found = read(["encoder.depth=1,2", "encoder.heads=2,4,4"]).combinations()
    assert found == [
        {"encoder.depth": d, "encoder.heads": h} for d in ("1", "2") for h in ("2", "4")
    ]  # fmt: skip


def test_a_named_space_can_be_changed_by_the_line() -> None:
    space = read(["space=size", "encoder.depth=3", "encoder.heads=1,2"])
    assert space.fixed == ("encoder.depth=3",)
    assert {p.name: p.listed for p in space.parameters}["encoder.heads"] == ("1", "2")


@pytest.mark.parametrize("name", compose.choices("space"))
def test_every_named_space_composes(name: str) -> None:
    assert read([f"space={name}"]).parameters and named_space(name)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["encoder.depth=2"], "nothing to search"),
        (["encoder.depht=2,3"], "did you mean `encoder.depth`?"),
        (["encoder.depth=2,three"], "three"),
        (["encoder=attention,recurrant"], "no such choice"),
        (["encoder=glob(*)"], "`encoder=glob(*)`: list the choices, as in `encoder=attention,"),
        (["encoder=interval(1,2)"], "list the choices"),
        (["optimizer.lr=tag(log,interval(0,1))"], "a logarithm needs an interval above 0"),
        (["optimizer.lr=interval(1,1)"], "begins below its end"),
        (["optimizer.lr=tag(lg,interval(1,2))"], "the only one is `log`"),
        (["optimizer.lr=shuffle(1,2)"], "keeps the order"),
        (["encoder.depth=1,2", "seed=interval(1,2)"], "list the seeds"),
        (["encoder.depth=1,2", "folder=here"], "a sweep gives its trials their folders"),
        (["data=fsdd", "data.path=x", "data.folds='5'", "encoder.depth=1,2"], "name one, as in `data.fold=0`"),
        (["space=sise"], "did you mean `size`?"),
    ],
)
def test_refusals(words: list[str], sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        read(words)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (["sweep.sampler=tpee"], "did you mean `tpe`?"),
        (["sweep.paralel=2"], "did you mean `parallel`?"),
        (["sweep.trials=0"], "`sweep.trials=0` must be at least 1"),
        (["sweep.trials=many"], "`sweep.trials=many`: write a whole number, from 1 to 100,000, or null"),
        (["sweep.pruner=halving:1"], "halving:FACTOR"),
        (["sweep.sampler=???"], "`sweep.sampler=???`: write grid | random | tpe, or null"),
        (["sweep.trials=1,2"], "`sweep.trials=1,2`: a sweep is searched in one way; give one value"),
        (["sweep.trials=1000000000000"], "`sweep.trials=1000000000000` must be at most 100,000"),
        (["sweep.parallel=1000000000"], "`sweep.parallel=1000000000` must be at most 1,024"),
        (["sweep.pruner='halving:²'"], "halving:FACTOR"),
        (["sweep.sampler=grid"], "a grid needs values that can be listed"),
    ],
)
def test_refused_settings(own: list[str], sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        Search.check(read(["optimizer.lr=interval(1e-4,1e-2)"]), read_settings(own))
    assert sentence in str(refused.value)


def test_one_value_in_two_spellings_is_tried_once() -> None:
    found = read(["optimizer.lr=1e-3,0.001,2e-3", "baselines=true,True"])
    assert [parameter.listed for parameter in found.parameters] == [("0.001", "0.002"), ("true",)]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("trainer.monitor=accuracy,loss", "the score accuracy and loss"),
        ("task=pos,sentiment", "task pos and sentiment"),
        ("head.metrics=[accuracy],[macro_f1]", "the score accuracy and macro_f1"),
        ("experiment=ud_ewt,fsdd", "task pos and keywords"),
    ],
)
def test_trials_are_judged_by_one_score(word: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        read([word, "data.path=x"] if "experiment" in word else [word])
    assert str(refused.value).startswith(f"`{word}`: trials would differ in what their scores measure")
    assert sentence in str(refused.value)
    assert read(["head.metrics=[accuracy],[accuracy,macro_f1]"]).size() == 2


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("encoder.depth=interval(1,4)", "`encoder.depth=1.0`: write a whole number, from 1 to 1,000"),
        ("encoder.depth=int(interval(1,5000))", "`encoder.depth=5000` must be at most 1,000"),
        ("encoder.dropout=interval(0,2)", "`encoder.dropout=2.0` must be at most 0.99"),
    ],
)
def test_both_ends_of_an_interval_are_values_of_the_key(word: str, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        read([word])


@pytest.mark.parametrize("sampler", ["random", "tpe", "grid"])
def test_no_combination_is_tried_twice(sampler: str, tmp_path: Path) -> None:
    words = ["encoder.depth=1,2,3", "encoder.heads=1,2"]
    words += [] if sampler == "grid" else ["encoder.width=int(interval(8,9))"]
    space = read([*words, "encoder.head_width=4"])
    search = Search(
        tmp_path / "journal.jsonl", space, read_settings([f"sweep.sampler={sampler}", "sweep.trials=50"])
    )
    assert search.trials == space.size() == (6 if sampler == "grid" else 12) and search.is_cut
    tried = []
    while (number := search.ask()) is not None:
        tried.append(tuple(search.values(number).values()))
        search.finish(number, 1.0)
    assert len(tried) == len(set(tried)) == search.trials


def test_numbers_of_a_narrow_interval_differ(tmp_path: Path) -> None:
    space = read(["optimizer.lr=interval(0.1,0.10001)"])
    search = Search(tmp_path / "journal.jsonl", space, read_settings(["sweep.trials=30", "sweep.sampler=random"]))
    tried = [search.values(number)["optimizer.lr"] for number in iter(search.ask, None)]
    assert len(tried) == len(set(tried)) == 30 and not search.is_cut


def test_pruners_by_example() -> None:
    median = partial(lags, read_settings(["sweep.pruner=median", "sweep.warmup=2"]))
    halving = partial(lags, read_settings(["sweep.pruner=halving:2", "sweep.warmup=1"]))
    others = [0.1, 0.2, 0.3, 0.4, 0.5]
    assert not median(0.0, others, step=1)  # too early
    assert not median(0.0, others[:3], step=2)  # too few
    assert median(0.29, others, step=2) and not median(0.3, others, step=2)
    assert median(float("nan"), others, step=2)
    assert not halving(0.0, others, step=3)  # rungs are 1, 2, 4, 8, …
    assert not halving(0.35, others, step=4)  # third of six
    assert halving(0.25, others, step=4)
    assert not halving(0.6, others[:1], step=1) and halving(0.05, others[:1], step=1)
