"""Parts from outside: registered once, chosen as the program's own, and never imported because a run folder says so."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from conftest import write_treebank

from attnlab import compose, groups, load_run, plugins
from attnlab.config import TextData, key
from attnlab.errors import UserError
from attnlab.registry import POSITIONS, REGISTRIES, SCORES, TEXT_SOURCES, Registry

ROOT = Path(__file__).parents[1]
MIXING = '''
"""An encoder and a schedule from outside."""

from dataclasses import dataclass

import torch

from attnlab.config import EncoderConfig, ScheduleConfig, key
from attnlab.model.interfaces import Encoder
from attnlab.registry import ENCODERS, SCHEDULES
from attnlab.training.optim import Schedule


@dataclass
class MixerKeys(EncoderConfig):
    """Adds a mixture of all vectors of a batch to each."""

    gain: float = key(0.5, "how much of the mixture is added", min=0, max=1)
    how: str = key("mean", "what the mixture is", choices=("mean", "max"))


@ENCODERS.register("mixer", MixerKeys)
class Mixer(Encoder):
    def __init__(self, config, spec):
        torch.nn.Module.__init__(self)
        self.layer, self.gain = torch.nn.Linear(config.width, config.width), config.gain

    def forward(self, sets):
        return sets.with_values(self.layer(sets.values) + self.gain * sets.values.mean(0))


@SCHEDULES.register("halving")
class Halving(Schedule):
    """Half the rate after half of the updates."""

    def factor(self, update, updates):
        return 1.0 if 2 * update < updates else 0.5
'''
TASK = """\
# @package _global_
# Tags by mixing. `attnlab train task=mixed`
defaults:
  - override /encoder: mixer
  - override /schedule: halving
  - override /data: toy
  - _self_

task: mixed
encoder: {width: 8}
trainer: {epochs: 1, batch_vectors: 100}
baselines: false
"""
DATA = """\
# A toy treebank.
defaults: [text_schema, _self_]
name: toy
source: conllu
path: treebank
"""
SPACE = "# How much is mixed in.\n- encoder.gain=0.25,0.75\n"


def attnlab(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The program as a user runs it in a folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    program = [
        sys.executable,
        "-c",
        "import sys; sys.path.remove(''); from attnlab.cli import main; sys.exit(main())",
    ]
    return subprocess.run(
        [*program, *words], cwd=folder, capture_output=True, text=True, env=environment, timeout=120
    )


def refused(folder: Path, *words: str) -> str:
    done = attnlab(folder, *words)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("attnlab: ")
    return done.stderr.removeprefix("attnlab: ").strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's folder: a plugin, and configurations beside it."""
    files = {
        "mixing.py": MIXING, "attnlab.yaml": "plugins: [mixing]\n", "configs/task/mixed.yaml": TASK,
        "configs/data/toy.yaml": DATA, "configs/space/gains.yaml": SPACE,
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    write_treebank(tmp_path / "treebank", train=20, others=5)
    return tmp_path


def test_a_users_parts_and_configurations_are_chosen_as_the_programs_own(project: Path) -> None:
    done = attnlab(project, "train", "task=mixed", "encoder.gain=0.75")
    assert done.returncode == 0, done.stderr
    (folder,) = (project / "outputs" / "mixed").iterdir()
    saved = yaml.safe_load((folder / "config.yaml").read_text())
    assert saved["plugins"] == ["mixing"] and saved["data"]["name"] == "toy"
    assert saved["encoder"] | {"name": "mixer", "width": 8, "gain": 0.75, "how": "mean"} == saved["encoder"]
    assert saved["schedule"]["name"] == "halving"

    (project / "attnlab.yaml").unlink()
    sentence = refused(project, "eval", f"run={folder}")
    assert "uses parts of `mixing`" in sentence and "`plugins=[mixing]`" in sentence and "attnlab.yaml" in sentence
    assert sentence == refused(project, "train", f"run={folder}")
    assert attnlab(project, "eval", f"run={folder}", "plugins=[mixing]").returncode == 0
    done = attnlab(project, "train", f"run={folder}", "plugins=[mixing]", "trainer.epochs=2")
    assert done.returncode == 0 and "Continuing" in done.stdout
    with pytest.raises(UserError, match="uses parts of `mixing`"):
        load_run(folder)

    script = f"import mixing; from attnlab import load_run; load_run({str(folder)!r}).evaluate('test')"
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{project}"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, "what a script has imported needs no word"


def test_a_part_of_ones_own_may_be_called_what_the_trade_calls_another(project: Path) -> None:
    assert refused(project, "train", "encoder=gru").endswith("write `encoder=recurrent encoder.cell=gru`")
    (project / "mixing.py").write_text(
        MIXING.replace('"mixer"', '"gru"').replace("how:", "hidden:"), encoding="utf-8"
    )
    shown = attnlab(project, "train", "encoder=gru", "encoder.hidden=max", "--cfg", "job")
    assert shown.returncode == 0 and yaml.safe_load(shown.stdout)["encoder"]["hidden"] == "max", shown.stderr
    assert refused(project, "train", "encoder=GRU").endswith("did you mean `gru`?")
    sentence = refused(project, "train", "encoder.hidden=3")
    assert sentence.endswith("comes with encoder=gru, not with encoder=attention; choose that, too")


@pytest.mark.slow
def test_a_sweeps_trials_have_the_plugins(project: Path) -> None:
    (project / "attnlab.yaml").unlink()
    done = attnlab(project, "sweep", "plugins=[mixing]", "task=mixed", "space=gains")
    assert done.returncode == 0, done.stderr + done.stdout
    configs = sorted(project.glob("outputs/mixed/*/trial-*/config.yaml"))
    assert [yaml.safe_load(path.read_text())["encoder"]["gain"] for path in configs] == [0.25, 0.75]


@pytest.mark.slow
def test_help_tells_of_them(project: Path) -> None:
    assert "mixer" in attnlab(project, "train", "--help").stdout
    page = attnlab(project, "train", "task=mixed", "--help").stdout
    assert "encoder=mixer: Adds a mixture of all vectors of a batch to each" in page and "encoder.gain=0.5" in page
    assert "encoder.heads" not in page
    assert (
        "schedule=halving: Half the rate after half of the updates"
        in attnlab(project, "help", "schedule=halving").stdout
    )
    assert "toy" in attnlab(project, "data", "--list").stdout
    assert refused(project, "train", "encoder=mixr") == "`encoder=mixr`: no such choice; did you mean `mixer`?"
    assert "did you mean `encoder.gain`?" in refused(project, "train", "encoder=mixer", "encoder.gian=1")
    assert "must be at most 1" in refused(project, "train", "encoder=mixer", "encoder.gain=2")


MISTAKES = {
    "no module": ({"attnlab.yaml": "# mine\nplugins:\n  - mixin\n"}, "attnlab.yaml:3: no module `mixin`"),
    "near a module": ({"attnlab.yaml": "plugins: mixin\n"}, "did you mean `mixing`?"),
    "no such key": ({"attnlab.yaml": "plugin: [mixing]\n"}, "attnlab.yaml:1: `plugin`: no such key; did you mean `plugins`?"),
    "no mapping": ({"attnlab.yaml": "- mixing\n"}, "attnlab.yaml:1: write `plugins: [my_module]`"),
    "no YAML": ({"attnlab.yaml": "plugins: [mixing\n"}, "attnlab.yaml: not valid YAML"),
    "a file": ({"attnlab.yaml": "plugins: [./mixing.py]\n"}, "attnlab.yaml:1: `./mixing.py` is no name of a module"),
    "it raises": ({"mixing.py": "x = 1\ny = x / 0\n"}, "mixing.py:2: ZeroDivisionError: division by zero"),
    "a helper raises": (
        {"mixing.py": "import helper\n", "helper.py": "\n\nhelper\n"}, "helper.py:3: NameError: name 'helper'"
    ),
    "no Python": ({"mixing.py": "def\n"}, "mixing.py:1: SyntaxError: invalid syntax (imported as plugin `mixing`)"),
    "it imports nothing that is there": ({"mixing.py": "\nimport nowhere\n"}, "mixing.py:2: ModuleNotFoundError: No module"),
    "a name that is taken": (
        {"mixing.py": MIXING.replace('"mixer"', '"attention"')}, "encoder `attention` is registered by attnlab.config"
    ),
    "keys of another kind": (
        {"mixing.py": MIXING.replace("MixerKeys(EncoderConfig)", "MixerKeys(ScheduleConfig)")},
        "mixing: encoder `mixer`: its keys MixerKeys must be a @dataclass derived from EncoderConfig",
    ),
    "hidden by a library": (
        {"attnlab.yaml": "plugins: [yaml]\n", "yaml.py": ""}, "attnlab.yaml:1: yaml.py is hidden by another module `yaml`"
    ),
    "no package": (
        {"configs/task/mixed.yaml": TASK.replace("# @package _global_\n", "")},
        "configs/task/mixed.yaml: begin it with the line `# @package _global_`",
    ),
    "a name of the program's": (
        {"configs/data/grammar.yaml": DATA, "configs/task/mixed.yaml": TASK.replace("toy", "grammar")},
        "configs/data/grammar.yaml: the program has a `data=grammar` already; rename yours",
    ),
    "a name of the program's parts": (
        {"configs/schedule/cosine.yaml": "defaults: [cosine_schema, _self_]\n",
         "configs/task/mixed.yaml": TASK.replace("halving", "cosine")},
        "configs/schedule/cosine.yaml: the program has a `schedule=cosine` already; rename yours",
    ),
    "a key that there is not": (
        {"configs/data/toy.yaml": f"{DATA}colour: grey\n"}, "configs/data/toy.yaml: `data.colour`: no such key"
    ),
    "a former name": (
        {"configs/data/toy.yaml": DATA.replace("text_", "image_").replace("conllu", "idx") + "shift: 2\n"},
        "configs/data/toy.yaml: `data.shift` is called `data.translate` now",
    ),
    "no schema": (
        {"configs/data/toy.yaml": DATA.replace("defaults: [text_schema, _self_]\n", "text: 1\n")},
        "configs/data/toy.yaml: begin it with `defaults: [NAME_schema, _self_]`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_sentence_with_its_place(case: str, project: Path) -> None:
    files, expected = MISTAKES[case]
    for name, text in files.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    assert expected in refused(project, "train", "task=mixed")


@pytest.mark.parametrize("word", ["plugins=mix-ing", "plugins=", "plugins=[a,]", "plugins=[a b]"])
def test_a_word_that_names_no_module_is_refused(word: str) -> None:
    with pytest.raises(UserError, match="is no name of a module"):
        plugins.load([word])


def test_a_strangers_run_folder_imports_no_plugin(project: Path) -> None:
    attnlab(project, "train", "task=mixed")
    (folder,) = (project / "outputs" / "mixed").iterdir()
    stranger = project / "stranger"
    stranger.mkdir()
    shutil.copytree(folder, stranger / "run")
    (stranger / "run" / "evil.txt").touch()
    (stranger / "evil.py").write_text("open('was here', 'w')\n")
    config = stranger / "run" / "config.yaml"
    config.write_text(config.read_text().replace("- mixing", "- evil"))
    assert "uses parts of `evil`" in refused(stranger, "eval", "run=run")
    config.write_text(config.read_text().replace("- evil", "- 3"))
    assert "`plugins`: not a list of names" in refused(stranger, "eval", "run=run")
    assert not (stranger / "was here").exists()


def test_a_checkout_of_the_program_is_no_users_folder(project: Path) -> None:
    """As where a copy that has been installed runs in the folder of the source."""
    (project / "attnlab").mkdir()
    (project / "attnlab" / "compose.py").touch()
    (project / "configs" / "data" / "grammar.yaml").write_text("of another version")
    assert attnlab(project, "train", "--cfg", "job").returncode == 0
    assert "`task=mixed`: no such choice" in refused(project, "train", "task=mixed")


def test_a_file_may_refine_a_part(project: Path) -> None:
    (project / "configs" / "encoder").mkdir()
    for name, gain in (("mixer", 0.125), ("mixer_strong", 1)):
        file = project / "configs" / "encoder" / f"{name}.yaml"
        file.write_text(f"# Mixes by {gain}.\ndefaults: [mixer_schema, _self_]\ngain: {gain}\n")
        shown = yaml.safe_load(
            attnlab(project, "train", f"encoder={name}", "--cfg", "job").stdout.split("\n\n")[0]
        )
        assert shown["encoder"] == {**shown["encoder"], "name": "mixer", "gain": gain, "how": "mean"}
    assert "gain: 1" in attnlab(project, "help", "encoder=mixer_strong").stdout


@pytest.fixture
def registries() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = [dict(registry._entries) for registry in REGISTRIES]
    yield
    for registry, entries in zip(REGISTRIES, before, strict=True):
        registry._entries = entries


@dataclass
class LetterKeys(TextData):
    """Letters of the alphabet."""

    alphabet: str = key("abc", "the letters")


def test_a_source_is_a_choice_of_data(registries: None, tmp_path: Path) -> None:
    TEXT_SOURCES.register("words")(type("Words", (), {"__module__": __name__, "__doc__": "Words of mine."}))
    TEXT_SOURCES.register("letters", LetterKeys)(type("Letters", (), {"__module__": __name__}))
    config = compose.compose(["data=words", "data.max_length=9"])
    assert type(config.data) is TextData and config.plugins == [__name__]
    assert (config.data.name, config.data.loader, config.data.source) == ("words", "text", "words")
    config = compose.compose(["data=letters", "data.alphabet=xyz"])
    assert type(config.data) is LetterKeys and config.data.alphabet == "xyz"
    assert (config.data.name, config.data.loader, config.data.source) == ("letters", "letters", "letters")
    assert groups.sentence("data", "letters") == "Letters of the alphabet"
    assert groups.sentence("data", "words") == "Words of mine"
    path = tmp_path / "config.yaml"
    path.write_text(compose.to_yaml(config))
    assert compose.load_saved(path) == config


@pytest.mark.parametrize(
    ("key_and_value", "registry"), [("encoder.score=mine", SCORES), ("encoder.position=mine", POSITIONS)]
)
def test_the_plugins_of_a_configuration_are_those_whose_parts_it_names(
    key_and_value: str, registry: Registry, registries: None
) -> None:
    config = compose.compose([])
    assert plugins.used(config) == []
    registry.register("mine")(type("Mine", (), {"__module__": "my_module"}))
    path, _, value = key_and_value.partition("=")
    setattr(config.encoder, path.rpartition(".")[2], value)
    assert plugins.used(config) == ["my_module"]
