"""Text to ids and back: how answers that are text, and sources split into subwords, are tokenised.

What a codec knows is learned from training text, inside `train`, and saved with the run as JSON. Like vocabularies,
codecs are read by both wings.
"""

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnlab.disk import parse_json, read_json, write_text
from attnlab.errors import Damaged, UserError
from attnlab.schema import Count, Finite, checked

if TYPE_CHECKING:
    from tokenizers import Tokenizer, models

UNKNOWN, BEGIN, END = SPECIAL = "<unk>", "<s>", "</s>"
UNKNOWN_ID, BEGIN_ID, END_ID = 0, 1, 2
KINDS = ("bpe", "unigram", "words", "characters")
MAX_CHARACTERS = 30_000


class TooFewTokens(UserError):
    """`data.subwords` is less than what the letters of the training text take. least: how many tokens would do."""

    def __init__(self, kind: str, size: int, least: int) -> None:
        self.kind, self.size, self.least = kind, size, least
        super().__init__(
            f"`data.subwords={size}`: each character of the training text is a token, so that data.tokens={kind} needs at "
            f"least {least:,}; raise it, or choose data.tokens=words or characters"
        )


class Codec:
    """A list of tokens, and the way in which text is cut into them and put together again.

    Tokens 0, 1 and 2 are `<unk>`, `<s>` and `</s>`; no text holds them. Apart from white space and `▁`, which become single
    spaces, and from pieces that training never saw, `decode(encode(text))` is the text in normal form NFC.
    """

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self._tokenizer = tokenizer
        self._tokenizer.encode_special_tokens = True  # a "</s>" that somebody wrote is text like any other

    @classmethod
    def learn(cls, texts: Iterable[str], kind: str, size: int = 8000) -> "Codec":
        """Learn from training text.

        kind: `bpe` (Sennrich et al. 2016) and `unigram` (Kudo 2018) cut words into frequent pieces, at most `size`
        of them; `words` takes the `size` most frequent words and marks; `characters` takes each by itself. Learned again,
        the scores of `unigram` differ by some 1e-4; the other kinds are the same. Raises TooFewTokens where `size` is less
        than `bpe` or `unigram` need for this text.
        """
        from tokenizers import models, trainers

        assert kind in KINDS, kind
        size = MAX_CHARACTERS if kind == "characters" else size
        options: dict[str, Any] = {
            "vocab_size": size,
            "special_tokens": list(SPECIAL),
            "show_progress": False,
        }
        trainer: trainers.Trainer
        if kind == "bpe":
            tokenizer = _around(models.BPE(unk_token=UNKNOWN), kind)
            trainer = trainers.BpeTrainer(**options)
        elif kind == "unigram":
            tokenizer = _around(models.Unigram(), kind)
            trainer = trainers.UnigramTrainer(unk_token=UNKNOWN, **options)
        else:
            tokenizer = _around(models.WordLevel(unk_token=UNKNOWN), kind)
            trainer = trainers.WordLevelTrainer(**options)
        characters = set("▁")  # which stands for a space
        try:
            tokenizer.train_from_iterator(_noting_characters(texts, characters), trainer)
        except Exception as error:  # the package raises bare `Exception`
            if type(error) is not Exception or "not large enough" not in str(error):
                raise
            raise TooFewTokens(kind, size, _least(kind, characters)) from error
        if kind in ("bpe", "unigram") and tokenizer.get_vocab_size() > size:
            raise TooFewTokens(kind, size, _least(kind, characters))
        if kind == "unigram":
            # The package reads numbers of many digits back with another last digit: the saved codec would be another.
            learned = json.loads(tokenizer.to_str())["model"]["vocab"]
            tokenizer = _around(models.Unigram([(piece, round(score, 6)) for piece, score in learned], 0), kind)
            tokenizer.add_special_tokens(list(SPECIAL))
        return cls(tokenizer)

    def __eq__(self, other: object) -> bool:
        """Whether both tokenise alike."""
        return isinstance(other, Codec) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Token 0, 1, …"""
        ids = self._tokenizer.get_vocab()
        return tuple(sorted(ids, key=lambda token: ids[token]))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without `<s>` and `</s>`."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids; `<unk>`, `<s>` and `</s>` leave no trace."""
        return self._tokenizer.decode(list(ids), skip_special_tokens=True)

    def save(self, path: Path) -> None:
        """Write it, as JSON."""
        write_text(path, self.to_json())

    def to_json(self) -> str:
        """All that the codec knows, as it is saved."""
        return self._tokenizer.to_str()

    @classmethod
    def load(cls, path: Path) -> "Codec":
        """Read what `save` wrote, which holds words and numbers only. Raises UserError where something else lies there.

        Of the file only the tokens are used, so that no rule of a stranger's is ever applied to a text: a codec is made of
        them as `learn` makes one, and the file must say the same.
        """
        saved = read_json(path, dict[str, object])
        kind, model = _kind(saved), saved.get("model")
        problem = "its rules aren't those of any codec of ours"
        if kind is not None:
            try:
                codec = cls(_around(_model(kind, model, path), kind))
                codec._tokenizer.add_special_tokens(list(SPECIAL))
                if parse_json(codec.to_json(), path) == saved:
                    return codec
            except UserError:
                raise
            except Exception as error:  # the package raises bare `Exception`
                problem = str(error)
            except BaseException as error:
                if type(error).__name__ != "PanicException":
                    raise
                problem = str(error)
        raise Damaged(f"{path}: not a codec written by attnlab ({problem})")


@dataclass(frozen=True)
class _Merged:
    """The model of `bpe`: pairs of tokens become one, the first pair first."""

    vocab: dict[str, Count]
    merges: list[tuple[str, str]]


@dataclass(frozen=True)
class _Scored:
    """The model of `unigram`: the logarithm of each token's probability."""

    vocab: list[tuple[str, Finite]]


@dataclass(frozen=True)
class _Listed:
    """The model of `words` and `characters`."""

    vocab: dict[str, Count]


def _around(model: "models.Model", kind: str) -> "Tokenizer":
    """A tokenizer of this kind with its rules: what is done to a text before the model cuts it, and to tokens afterwards."""
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers

    tokenizer = Tokenizer(model)
    one_space = [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence(one_space)
    if kind == "characters":
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
        tokenizer.decoder = decoders.Fuse()
    else:
        # A space belongs to the word that follows it, so that nothing has to guess where spaces were.
        words = [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words)
        tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def _kind(saved: dict[str, object]) -> str | None:
    """Of which kind a saved codec is; None where of none."""
    model, decoder = (_type(saved.get(part)) for part in ("model", "decoder"))
    if model == "WordLevel":
        return "characters" if decoder == "Fuse" else "words"
    return {"BPE": "bpe", "Unigram": "unigram"}.get(model)


def _type(part: object) -> str:
    return str(part.get("type")) if isinstance(part, dict) else ""


def _model(kind: str, saved: object, path: Path) -> "models.Model":
    """The model of a codec from what a file says of it. Raises Damaged where its tokens aren't numbered 0, 1, …, and where
    two are merged into none."""
    from tokenizers import models

    schema: type[_Merged | _Scored | _Listed] = {"bpe": _Merged, "unigram": _Scored}.get(kind, _Listed)
    names = [entry.name for entry in fields(schema)]
    assert isinstance(saved, dict)
    read = checked(schema, {name: saved[name] for name in names if name in saved}, path)
    if isinstance(read, _Scored):
        _refuse_other_tokens([token for token, _ in read.vocab], path)
        return models.Unigram(read.vocab, 0)
    ids = sorted(read.vocab.values())
    if ids != list(range(len(ids))):
        raise Damaged(f"{path}: its tokens aren't numbered 0, 1, … to {len(ids) - 1}")
    _refuse_other_tokens(sorted(read.vocab, key=read.vocab.__getitem__), path)
    if isinstance(read, _Listed):
        return models.WordLevel(read.vocab, UNKNOWN)
    for first, second in read.merges:
        if not {first, second, first + second} <= read.vocab.keys():
            raise Damaged(f"{path}: merges {first!r} and {second!r}, which aren't both tokens, or make none")
    return models.BPE(read.vocab, read.merges, unk_token=UNKNOWN)


def _refuse_other_tokens(tokens: list[str], path: Path) -> None:
    if tuple(tokens[:3]) != SPECIAL:
        raise Damaged(f"{path}: its first tokens must be {UNKNOWN}, {BEGIN} and {END}")
    if len(set(tokens)) < len(tokens) or "" in tokens:
        raise Damaged(f"{path}: holds a token twice, or an empty one")


def learn_codecs(texts: Mapping[str, Iterable[str]], kind: str, size: int) -> dict[str, Codec]:
    """A codec of each of these, by name. Raises TooFewTokens with what is enough for all of them."""
    codecs, least = {}, 0
    for name, of_name in texts.items():
        try:
            codecs[name] = Codec.learn(of_name, kind, size)
        except TooFewTokens as error:
            least = max(least, error.least)
    if least:
        raise TooFewTokens(kind, size, least)
    return codecs


def _noting_characters(texts: Iterable[str], characters: set[str]) -> Iterator[str]:
    """The texts; those of their characters that become tokens go to `characters`."""
    for text in texts:
        characters.update(unicodedata.normalize("NFC", text))
        yield text


def _least(kind: str, characters: set[str]) -> int:
    """How many tokens are enough: the special ones, each character, and one that `unigram` keeps beyond these."""
    return 3 + sum(not character.isspace() for character in characters) + (kind == "unigram")
