"""What `--help` and `attnlab help` print: the verbs, their words, and every group, choice and key with its sentence.

Imports neither torch nor Hydra, but for `attnlab train WORDS --help`, which composes the words.
"""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import reduce
from typing import Any, NamedTuple, get_origin

from attnlab import glossary, groups
from attnlab.attention_options import kernel_table
from attnlab.config import JOINT, Config, JointConfig, Sweep, Trainer, documented_keys, keys_of, names_now
from attnlab.config.keys import KeyDoc
from attnlab.errors import UserError, near_name, suggestion
from attnlab.registry import BASELINES, CLAIMS, GROUPS, METRICS, POSITIONS, SCOPES, SCORES

OVERVIEW = """\
attnlab: one attention encoder for words, speech frames, image patches and graph nodes.

usage: attnlab <command> [key=value ...]

  train       train a model and score it             attnlab train task=pos
              on your own data                       attnlab train data=csv data.path=FILE
              several tasks in one model             attnlab train task=joint parts=[pos,digits]
              continue a run that was stopped        attnlab train run=latest
              several runs from one line             attnlab train -m encoder.depth=1,2,4 seed=1,2
              show the configuration                 attnlab train task=pos --cfg job
              groups, and the keys used most         attnlab train --help
              every key that applies here            attnlab train task=pos --help
  sweep       many runs, searched and compared       attnlab sweep 'optimizer.lr=tag(log,interval(1e-4,1e-2))'
              finish one that was stopped            attnlab sweep sweep=latest
  runs        a table of all runs                    attnlab runs task=pos sort=-score
              means over seeds, in one table         attnlab runs group=encoder
              whether one is better than another     attnlab runs compare RUN RUN
  report      a page on a run, offline               attnlab report latest
              runs side by side                      attnlab report RUN RUN
  prune       free disk space of finished runs       attnlab prune
  data        look at data before training           attnlab data data=csv data.path=FILE
              list the known data sets               attnlab data --list
  eval        score a run again, or on other data    attnlab eval run=latest split=validation
  predict     predict new inputs                     attnlab predict latest "some text" FILE
  inspect     see where a run looks, and why         attnlab inspect latest "some text"
  export      use a model without attnlab            attnlab export latest --out tagger
  bench       speed of training on this machine      attnlab bench sections=tagging,images
  compare     a textbook's claims, measured here     attnlab compare positions distance
  help        one key, choice, command or term       attnlab help encoder.scope
  completion  tab completion                         attnlab completion bash

options: --help after a command lists its arguments; --debug shows tracebacks; --version
plugins: `plugins=[my_module]`, or `plugins: [my_module]` in attnlab.yaml, imports modules that register parts
"""


class Word(NamedTuple):
    """A word of a verb's own. values: those that it may have, where they are few."""

    name: str
    default: str
    sentence: str
    values: tuple[str, ...] = ()


SECTIONS = ("tagging", "wide", "images", "speech", "graphs", "translation", "loop")
OUTPUTS = Word("outputs", "outputs", "the folder in which runs are looked for")
WORDS: dict[str, tuple[Word, ...]] = {
    "train": (
        Word(
            "run",
            "",
            "continue a run: its folder, `latest`, or a sweep (its best trial)",
        ),
        Word(
            "defaults",
            "auto",
            "unset settings: chosen from the data, or constants",
            ("auto", "plain"),
        ),
        Word("-m", "", "a run for each combination: encoder.depth=1,2 seed=range(1,4)"),
        Word("--cfg", "", "show the configuration instead of training, by `--cfg job`"),
    ),
    "eval": (
        Word("run", "latest", "the run: its folder, `latest`, or a sweep (its best trial)"),
        Word("part", "", "of a joint run: the part that is scored, as `run=FOLDER/parts/NAME` also says"),
        Word("split", "test", "which examples are scored", ("train", "validation", "test")),
        OUTPUTS,
    ),
    "predict": (
        Word("--json", "", "a line of JSON for each input, with class probabilities"),
        Word("--csv", "", "a table; where words have tags, a row for each word"),
        Word(
            "--top",
            "",
            "number of most probable classes that are shown, as in `--top 3`; for translations, of hypotheses",
        ),
        Word(
            "--out",
            "",
            "write to this file instead of the terminal; its ending chooses the format: .jsonl, .csv or .txt",
        ),
        Word("--skip", "", "skip the first inputs, as in `--skip 1000`, to continue an earlier call"),
        Word("--", "", "everything after it is input, even if it begins with two dashes"),
    ),
    "inspect": (
        Word(
            "--example",
            "",
            "instead of INPUT, an example of the run's own data, by its key in predictions-….jsonl",
        ),
        Word("--vector", "", "explain the answer about this word, frame, patch or node, counted from 1"),
        Word("--token", "", "explain this token of a written answer, counted from 1"),
        Word("--why", "", "explain this class or token instead of the predicted one"),
        Word("--not", "", "explain the answer compared with this class or token, as in `--why NOUN --not VERB`"),
        Word("--compare", "", "a second run on the same inputs, side by side: its folder"),
        Word("--split", "", "instead of INPUT, statistics of each head over a split, such as `--split test`"),
        Word("--examples", "200", "with --split: how many of its examples are explained by every method"),
        Word("--out", "", "the page's file; without it, inspect.html in the current folder"),
        Word("--weights", "", "write all attention weights beside the page, as .weights.npz (float32)"),
        Word("--json", "", "print a line of JSON with all numbers for each input instead of writing a page"),
        Word("--", "", "everything after it is input, even if it begins with two dashes"),
    ),
    "export": (
        Word("--out", "", "the folder that is written; by default exported-NAME, by the name of the run's folder"),
        Word("--onnx", "", "an ONNX model, too (needs the extra `onnx`)"),
    ),
    "sweep": (
        Word("sweep", "", "finish this sweep, a folder or `latest`"),
        Word("space", "", "a predefined search space, configs/space/NAME.yaml; what you type overrides it"),
        Word("outputs", "outputs", "the folder in which sweeps are made, and looked for"),
    ),
    "runs": (
        Word(
            "group",
            "",
            "one row for all runs with equal values of these keys: how many, mean ± standard deviation of scores",
        ),
        Word("sort", "started", "order by this column, key or test score; `-score` puts the highest first"),
        Word("show", "", "keys or test scores that become columns, as in `encoder.depth,macro_f1`"),
        OUTPUTS,
        Word("--json", "", "print every key of every run as JSON"),
        Word(
            "margin",
            "",
            "`compare`: the largest difference that counts as none; default: 0.01, for BLEU, chrF and TER 1, for mae and rmse 1 % "
            "of B's",
        ),
    ),
    "report": (
        Word(
            "--out", "", "the page's file, as in `--out report.html`; without it report.html in the run's folder"
        ),
        Word(
            "--with-inputs",
            "",
            "include pictures and recordings of your own test data, which not everyone may see",
        ),
        OUTPUTS,
        Word("margin", "", "of several runs: differences up to it count as none; see `attnlab runs --help`"),
    ),
    "prune": (
        Word("run", "", "this run alone, with its folds: its folder, or `latest`"),
        OUTPUTS,
        Word("--yes", "", "remove it; without this option, it is only listed"),
    ),
    "data": (Word("--list", "", "list the known data sets"),),
    "bench": (
        Word("sections", ",".join(SECTIONS), "what is measured", SECTIONS),
        Word("updates", "20", "steps of training that are timed in each section"),
        Word("shared", "", "a folder of real data sets; without it, data that come with the program"),
        Word("out", "", "the folder of bench.json and bench.html; without it, a new one in outputs/bench"),
    ),
    "compare": (
        Word("--full", "", "larger models and data, and a learning rate for each arm, chosen on validation data"),
        Word("--seeds", "5", "how many of each run; fewer than 5 decide nothing but what is exact"),
        Word("--budget", "", "stop after this time, such as `10m` or `2h`; the same command goes on later"),
        Word(
            "--out",
            "",
            "the folder of all runs; without it outputs/compare/quick, or full; what it holds isn't repeated",
        ),
    ),
    "help": (),
    "completion": (),
}
USAGE = {
    "train": (
        "usage: attnlab train [group=choice ...] [key=value ...] [-m] [--cfg job]\n"
        "       attnlab train task=joint parts=[TASK,...] [parts.TASK.key=value ...] [key=value ...]\n"
        "       attnlab train run=FOLDER|latest [key=value ...]"
    ),
    "eval": "usage: attnlab eval [run=FOLDER|latest] [split=NAME] [key=value ...]\n\n"
    "Scores the best weights of a run again; any other key=value overrides its configuration, such as\n`data.path=OTHER`. Writes predictions-….jsonl and .csv in the run's folder; see `data.id` and `data.keep`.",
    "predict": "usage: attnlab predict RUN INPUT ... [--json | --csv] [--top NUMBER] [--out FILE] [--skip NUMBER]\n\n"
    "Predicts inputs, in their order; no labels are needed. RUN: a run folder, a sweep's (its best trial), or `latest`.\n"
    "INPUT, of the kind that the run was trained on: a text; a .txt with a text on each line; a .csv, .tsv or .jsonl with\n"
    "its column; recordings (.wav, .flac, .ogg), pictures (.png, .jpg), or folders of them; graphs, a line of JSON each, or\n"
    "a .jsonl; `-`, or no INPUT in a pipe, for the lines of standard input. An input that cannot be read gets its error in\n"
    "its place, the others are predicted, and the exit code is 1.",
    "inspect": "usage: attnlab inspect RUN INPUT ... [--vector NUMBER] [--why CLASS] [--not CLASS] [--compare RUN] [--out FILE]\n"
    "       attnlab inspect RUN --example KEY\n       attnlab inspect RUN --split test\n\n"
    "Writes one page (.html) that needs no network: the answer, the attention weights of every layer and head, what the\n"
    "answer depends on by several methods, each with a test of how far it can be trusted, and one vector followed through a\n"
    "head. RUN and INPUT: as `attnlab predict` takes them, up to 20 inputs. See docs/inspect.md.",
    "export": "usage: attnlab export RUN [--out FOLDER] [--onnx]\n\n"
    "Writes the model as a `torch.export` program (.pt2) that takes one set at a time, of any size, with its vocabulary and\n"
    "classes (spec.json) and a script that runs it where attnlab isn't installed. First, its outputs are compared with the\n"
    "model's on sets of several sizes.",
    "sweep": "usage: attnlab sweep [key=values ...] [space=NAME] [sweep.key=value ...], or sweep=FOLDER|latest\n\n"
    "values: a,b,c | choice(a,b) | range(1,9,2) | interval(1e-4,1e-2) | int(interval(1,8)) | tag(log,...)",
    "prune": "usage: attnlab prune [run=FOLDER|latest] [outputs=FOLDER] [--yes]\n\n"
    "Lists what finished runs keep only to be trained further (the optimizer's state, weights besides the best) and, with\n"
    "--yes, removes it. They are still evaluated, and predict. Runs that haven't finished are left as they are.",
    "runs": "usage: attnlab runs [key=value,value ...] [group=KEY,...] [sort=KEY] [show=KEY,...] [--json]\n"
    "       attnlab runs compare A B [key=value ...] [margin=NUMBER]\n\n"
    "A table of all runs; `task=pos,sentiment` keeps the runs in which a column or key has one of these values.\n"
    "compare: which is better on test data. A, B: run folders, several with commas, or key=value for all that have it.",
    "report": "usage: attnlab report RUN [--out FILE] [--with-inputs]\n"
    "       attnlab report RUN RUN ... [--out FILE] [--with-inputs] [margin=NUMBER]\n\n"
    "Writes a page that needs no network: scores with intervals, curves, confusion with examples, calibration, errors.\n"
    "`attnlab train` writes one for every run. Of several runs: curves in one picture, what differs, who is better.\n"
    "RUN: a run folder, a sweep's (its best trial), `latest`, several with commas as one side, or key=value.",
    "data": "usage: attnlab data [data=NAME] [key=value ...], or attnlab data --list\n\n"
    "Shows what the program sees in the data that the arguments choose: splits, lengths, labels, samples, warnings.",
    "bench": "usage: attnlab bench [sections=NAME,...] [updates=NUMBER] [shared=FOLDER] [out=FOLDER] [key=value ...]\n\n"
    "Measures the speed of training on this machine; any other key=value is one of `attnlab train`, for every section.",
    "compare": "usage: attnlab compare [CLAIM ...] [--full] [--seeds NUMBER] [--budget TIME] [--out FOLDER]\n\n"
    "Claims of textbooks about attention as experiments: trains and measures what they need, and writes a page and a table\n"
    "of what theory says, what was measured, and a verdict: exact, holds, reversed, no difference or not decided. Without a\n"
    "CLAIM, all of them. See docs/compare.md.",
    "help": "usage: attnlab help KEY | GROUP | GROUP=CHOICE | COMMAND | SCORE | TERM, such as\n       attnlab help encoder.scope, attnlab help support",
    "completion": "usage: attnlab completion bash | zsh | fish\n\n"
    '  bash   eval "$(attnlab completion bash)"           in ~/.bashrc\n'
    '  zsh    eval "$(attnlab completion zsh)"            in ~/.zshrc, after compinit\n'
    "  fish   attnlab completion fish | source            in ~/.config/fish/config.fish",
}
MEANINGS = {
    "task": "what is learned; or a name of your own, with data=; or none: what the data are for",
    "experiment": "a whole recipe, with the score that it reached",
}
"""Of the groups that are no node of the configuration."""
USED_MOST = """
data.path data.limit data.validation encoder.width encoder.depth encoder.heads encoder.dropout encoder.scope
encoder.position encoder.parameters optimizer.lr optimizer.weight_decay trainer.epochs trainer.batch_vectors
trainer.patience trainer.precision trainer.device trainer.threads seed outputs
""".split()
EXAMPLES = {
    "parts": "[pos,digits]", "data.folds": "10", "data.id": "id", "data.keep": "[date,author]", "data.label": "queue",
    "data.text": "message", "data.time": "date", "trainer.monitor": "macro_f1", "trainer.threads": "2", "head.bag": "0.3", "head.mask": "0.3", "head.span": "5", "data.path": "FILE", "data.target_kind": "number",
    "data.distances": "[8,16]", "data.test_distances": "[64,128]", "data.shifts": "[2,5]", "data.lengths": "[8,64]",
    "data.test_lengths": "[32,128]", "data.stride": "2", "data.fold": "0", "data.hub": "OWNER/NAME", "data.download": "MUTAG", "embedding.window": "7",
    "embedding.char_window": "5", "task": "pos", "data.structure": "random_walk:16",
    "plugins": "[my_module]", "init": "latest", "optimizer.layer_decay": "0.75", "data.tags": "3", "data.words": "2", "encoder.parameters": "1M", "encoder.scope": "window:8",
}  # fmt: skip
"""Values of keys whose type doesn't show how one is written."""
OF_TASK = {"head.bag": "task=sentiment"}
"""Of keys that only some data may have: a task whose data may."""
OWN = (
    "csv", "tagged", "parallel", "graph_jsonl", "image_folder", "speech_manifest", "speech_folder",
)  # fmt: skip
"""Data of the user's own, for which keys of `BESIDE` are."""
BESIDE = {
    "data.path": "", "data.hub": "", "data.config": "data.hub=OWNER/NAME", "data.revision": "data.hub=OWNER/NAME",
    "data.id": "data.path=FILE", "data.keep": "data.path=FILE", "data.label": "data.path=FILE", "data.text": "data.path=FILE",
    "data.separator": "data.path=FILE", "data.time": "data.path=FILE data.folds=time:5", "data.transcript": "data.path=FOLDER",
    "data.join": "data.path=FOLDER",
}  # fmt: skip
"""Of keys that say something of data of the user's own: what stands beside them."""
OF_JOINT = ("parts", "trainer.mixing", "trainer.balance")
"""Keys that only joint runs have."""
NEEDED = {
    "parts": f"task={JOINT}", **dict.fromkeys(OF_JOINT[1:], f"task={JOINT} parts=[pos,digits]"),
    "init_embedding": "init=latest", "encoder.trained": "init=latest",
    "data.fold": "data.folds=5", "embedding.features": "embedding.path=FILE", "embedding.trainable": "embedding.path=FILE"
}  # fmt: skip
"""Of other keys: the key without which they say nothing."""
OF_TABLES = ("data.id", "data.keep", "data.separator")
"""Keys that parallel texts have where both languages are in one table."""
WIDTH, LEFT = 100, 30
"""Of a page, and of its left column."""


def verb_page(verb: str, words: Sequence[str] = ()) -> str:
    """What `attnlab VERB [words] --help` prints. Raises UserError for words of `train` that are no choices or keys."""
    if verb == "train" and f"task={JOINT}" in words:
        return _joint_page(words)
    if verb == "train" and words:
        return _composed_page(words)
    page = [USAGE[verb]]
    if WORDS[verb]:
        page += ["", *_columns((_head(word), word.sentence + _listed(word)) for word in WORDS[verb])]
    if verb == "train":
        rows = ((f"{name}=", " | ".join(groups.choices(name))) for name in groups.NAMES)
        page += ["", "groups", *_columns(rows, 14)]
        page += ["", f"the {len(USED_MOST)} keys used most", *_columns(_key_row(*row) for row in _used_most())]
        more = (
            "Every key for your arguments: `attnlab train task=… data=… --help`; one of them: `attnlab help KEY`"
        )
        page += ["", more]
    if verb == "compare":
        page += ["", "claims", *_columns(((name, CLAIMS.sentence(name)) for name in CLAIMS), 14)]
    if verb == "sweep":
        page += ["", f"space= {' | '.join(groups.choices('space'))}", "", "how it searches"]
        page += _columns(_key_row(key, key.default) for key in documented_keys(Sweep, "sweep."))
    return "\n".join(page)


def _head(word: Word) -> str:
    return word.name if word.name.startswith("-") else f"{word.name}={word.default}"


def _listed(word: Word) -> str:
    return f" ({' | '.join(word.values)})" if word.default != ",".join(word.values) and word.values else ""


def _used_most() -> Iterator[tuple[KeyDoc, object]]:
    """The keys used most, as they are for `attnlab train` without words."""
    keys = {key.path: key for key in documented_keys(Config)}
    for group, name in groups.chosen([]).items():
        keys |= {key.path: key for key in documented_keys(groups.keys(group, name) or Trainer, f"{group}.")}
    return ((keys[path], keys[path].default) for path in USED_MOST)


def _composed_page(words: Sequence[str]) -> str:
    """The chosen parts with their keys, and the values that these have for the words."""
    from omegaconf import ListConfig, OmegaConf

    from attnlab import compose, plugins
    from attnlab.command_words import parse_single

    node = compose.composed(parse_single(plugins.load(words)))

    def rows(keys: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
        for key in filter(shown, documented_keys(keys, prefix)):
            value = OmegaConf.select(node, key.path, default="???")
            yield _key_row(key, list(value) if isinstance(value, ListConfig) else value)

    page = [f"attnlab train {' '.join(words)}"]
    for group, name in groups.chosen(words).items():
        page += ["", f"{group}={name}: {groups.sentence(group, name)}"]
        if group in GROUPS:
            page += _columns(rows(OmegaConf.get_type(node[group]), f"{group}."))
    return "\n".join([*page, "", "training", *_columns(rows(Config))])


def _joint_page(words: Sequence[str]) -> str:
    """What each part is, and the keys of all of them, with the values that these have for the words."""
    from attnlab import compose_joint

    composed = compose_joint.compose_joint(words)
    hidden = ("parts", "encoder.parameters", *compose_joint.OWN_KEYS)

    def rows(keys: Iterable[KeyDoc]) -> Iterator[tuple[str, str]]:
        for key in keys:
            if shown(key) and key.path not in hidden:
                yield _key_row(key, reduce(getattr, key.path.split("."), composed.config))

    parts = (
        (f"parts.{name}.", f"{line}; its keys: attnlab train {line} --help")
        for name, line in ((name, " ".join(own)) for name, own in composed.words.items())
    )
    own = [f"{name}.*" if name in GROUPS else name for name in compose_joint.OWN]
    page = [
        f"attnlab train {' '.join(words)}",
        "",
        "parts: each an ordinary run, all around one trunk",
        *_columns(parts),
    ]
    page += _columns([("parts.NAME.", f"has the keys {', '.join((*own, *compose_joint.OWN_KEYS))}")])
    for group in ("encoder", "optimizer", "schedule", "logger"):
        node = getattr(composed.config, group)
        page += [
            "",
            f"{group}={node.name}, of all parts",
            *_columns(rows(documented_keys(type(node), f"{group}."))),
        ]
    return "\n".join([*page, "", "training, of all parts", *_columns(rows(documented_keys(JointConfig)))])


def shown(key: KeyDoc) -> bool:
    """The name of a part follows from the choice of its group."""
    group, _, name = key.path.partition(".")
    return name != "name" or group == "data"


def explain(word: str) -> str:
    """What `attnlab help WORD` prints: a key, group, choice, command, score, baseline or term. Raises UserError where nothing
    has this name."""
    word, equals, choice = word.partition("=")
    if equals and word in (*groups.NAMES, "space"):
        return _choice_page(word, choice)
    if word in WORDS and word not in groups.NAMES:
        return verb_page(word)
    keys = _every_key()
    if word in groups.NAMES:
        meaning = MEANINGS.get(word) or next(e.metadata["help"] for e in fields(Config) if e.name == word)
        rows = ((name, groups.sentence(word, name)) for name in groups.choices(word))
        verb = [f"`attnlab {word}` is a command, too: `attnlab {word} --help`", ""] if word in WORDS else []
        return "\n".join([f"{word}=: {meaning.removesuffix(' (group)')}", "", *verb, *_columns(rows)])
    paths = [word] if word in keys else [path for path in keys if path.rpartition(".")[2] == word]
    verb_words = [(verb, entry) for verb, entries in WORDS.items() for entry in entries if entry.name == word]
    pages = [_choice_page(group, word) for group in (*groups.NAMES, "space") if word in groups.choices(group)]
    kinds = (METRICS, SCORES, SCOPES, POSITIONS, BASELINES)
    name = glossary.plain(word)
    pages += [f"{values.kind} {name}: {values.sentence(name)}" for values in kinds if name in values]
    pages += [
        f"{entry.replace('`', '')}: {meaning.replace('`', '')}" for entry, meaning in glossary.meanings(word)
    ]
    score, slash, marked = word.partition("/")
    if slash and (senses := list(glossary.meanings(marked))) and (score in METRICS or score == "loss"):
        of_all = [f"metric {score}: {METRICS.sentence(score)}"] if score in METRICS else []
        of_all = of_all or [f"{entry}: {meaning}" for entry, meaning in glossary.meanings(score)]
        pages += [
            f"{word}: the {score} on {marked} words or vectors only",
            *(f"{e}: {m}" for e, m in senses),
            *of_all,
        ]
    if not paths and not verb_words and not pages:
        if now := names_now(word):
            raise UserError(f"`{word}` is called {' or '.join(now)} now")
        terms = [name for entry in glossary.MEANINGS for name in glossary.names(entry) if len(name) > 1]
        term = near_name(name, [*METRICS, *BASELINES, *terms])
        near = f"did you mean `{term}`?" if term else suggestion(word, [*keys, *groups.NAMES, *WORDS], of="")
        raise UserError(f"`{word}`: no such key, group, choice, command, score or term; {near}")
    pages += [block for path in paths for block in _key_blocks(path, keys[path])]
    pages += [f"{_head(entry)}: {entry.sentence} (an argument of `attnlab {verb}`)" for verb, entry in verb_words]
    return "\n\n".join(pages)


def _every_key() -> dict[str, list[tuple[str, KeyDoc]]]:
    """By path: the parts that have a key, and what it is in each; keys of no group are those of the part ""."""
    keys: dict[str, list[tuple[str, KeyDoc]]] = defaultdict(list)
    of_joint = (key for key in documented_keys(JointConfig) if key.path in OF_JOINT)
    for key in (*documented_keys(Config), *of_joint, *documented_keys(Sweep, "sweep.")):
        keys[key.path].append(("", key))
    for group, registry in GROUPS.items():
        for part in registry:
            for key in filter(shown, documented_keys(keys_of(group, part), f"{group}.")):
                keys[key.path].append((part, key))
    return keys


def _key_blocks(path: str, owners: Sequence[tuple[str, KeyDoc]]) -> Iterator[str]:
    """A block for each meaning that a key has among the parts that have it."""
    meanings: dict[tuple[str, str], list[tuple[str, KeyDoc]]] = defaultdict(list)
    for part, key in owners:
        meanings[key.sentence, key.values].append((part, key))
    for (sentence, values), having in meanings.items():
        group, word = path.partition(".")[0], f"{path}={example(having[0][1])}"
        rows = [("values", values)]
        if group in GROUPS:
            defaults = _defaults(path, having)
            names = list(defaults)
            listed = "every choice" if len(names) == len(groups.choices(group)) else ", ".join(names)
            rows += [("default", _grouped(defaults)), (f"{group}=", listed)]
            words = ["attnlab train", *_beside(path, names), word]
        else:
            rows.append(("default", _written(having[0][1].default)))
            verb = "attnlab sweep encoder.depth=1,2,4" if group == "sweep" else "attnlab train"
            words = [verb, *NEEDED.get(path, "").split(), word]
        block = [f"{path}: {sentence}", *_columns([*rows, ("example", " ".join(words))], left=10)]
        if path == "encoder.kernel":
            block += ["", kernel_table().rstrip()]
        yield "\n".join(block)


def _defaults(path: str, having: Sequence[tuple[str, KeyDoc]]) -> dict[str, str]:
    """By choice of its group, what a key is where it isn't set; having: the parts that have it."""
    group, keys = path.partition(".")[0], dict(having)
    parts = ((name, keys.get(groups.part_of(group, name) or "")) for name in groups.choices(group))
    return {name: groups.setting(path, name) or _written(key.default) for name, key in parts if key}


def _grouped(defaults: dict[str, str]) -> str:
    """`2`, or `2 (attention); 4 (convolution, graph_conv)`."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, value in defaults.items():
        names[value].append(name)
    return "; ".join(f"{value} ({', '.join(of)})" if len(names) > 1 else value for value, of in names.items())


def _beside(path: str, names: Sequence[str]) -> list[str]:
    """The words before a key of one of these choices in an example that the program accepts."""
    if path in OF_TASK:
        return [OF_TASK[path]]
    own = next((name for name in OWN if name in names), None)
    if path in BESIDE and own is not None:
        table = ["data.source=table"] if own == "parallel" and path in OF_TABLES else []
        return [f"data={own}", *table, *BESIDE[path].split()]
    if path == "data.download":
        return ["data=tu"]
    return [*_context(path.partition(".")[0], names), *NEEDED.get(path, "").split()]


def _context(group: str, names: Sequence[str]) -> list[str]:
    """The words that choose something that has the key: none where it is chosen anyway, else a task if there is one."""
    if not names or groups.chosen([])[group] in names:
        return []
    tasks = (f"task={task}" for task in groups.choices("task") if task not in groups.OWN_DATA)
    return [next((task for task in tasks if groups.chosen([task]).get(group) in names), f"{group}={names[0]}")]


def example(key: KeyDoc) -> str:
    """A value that the key may have: another one than its default where that is easily found."""
    default = key.default
    if key.path in EXAMPLES:
        return EXAMPLES[key.path]
    if key.choices:
        choice = next((word for word in key.choices if word != _written(default)), key.choices[0])
        return f"[{choice}]" if get_origin(key.kind) is list else choice
    if key.kind in (int, float):
        small = 1 if key.kind is int else 0.1
        number = default * 2 or small if isinstance(default, int | float) else max(10, key.min or 0)
        return f"{number if key.max is None or number <= key.max else default:.15g}"
    if isinstance(default, str) and default not in ("", "???"):
        return default
    if key.path == "data.group":  # of recordings it has choices
        return "author"
    return key.path.rpartition(".")[2].upper() if key.kind in (str, Any) else "[a,b]"


def _choice_page(group: str, choice: str) -> str:
    if choice not in groups.choices(group):
        raise UserError(
            f"`{group}={choice}`: no such choice; {suggestion(choice, groups.choices(group), of=group)}"
        )
    heading = f"{group}={choice}: {groups.comment(group, choice)}"
    page = [textwrap.fill(heading, WIDTH, subsequent_indent="  ")]
    lines = groups.text(group, choice).splitlines()
    settings = [line for line in lines if line.strip() and not line.startswith(("#", "defaults: [", "name: "))]
    page += ["", *(f"  {line}" for line in settings)] if settings else []
    if group != "space":
        page += ["", f"Its keys: attnlab train {group}={choice} --help"]
    return "\n".join(page)


def _key_row(key: KeyDoc, value: object) -> tuple[str, str]:
    """A line of a list of keys: a value, the sentence, and what it doesn't say of the values that the key may have."""
    listed = key.kind is not bool and not all(word in key.sentence for word in key.choices)
    more = " | ".join(key.choices) if listed else "" if "above 0" in key.sentence else key.limits
    return f"{key.path}={_written(value)}", key.sentence + (f" ({more})" if more else "")


def _written(value: object) -> str:
    """A value as one would type it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"[{','.join(map(_written, value))}]" if isinstance(value, list) else str(value)


def _columns(rows: Iterable[tuple[str, str]], left: int = LEFT) -> list[str]:
    """Lines of two columns; what is too long is wrapped within its own."""
    lines = []
    for head, text in rows:
        wrapped = textwrap.wrap(text, WIDTH - left - 2, break_on_hyphens=False) or [""]
        if len(head) >= left:
            lines.append(f"  {head}")
            head = ""
        lines.append(f"  {head:<{left}}{wrapped[0]}".rstrip())
        lines += [f"  {'':<{left}}{line}" for line in wrapped[1:]]
    return lines
