"""Who and what: noun phrases, names and pronouns, in English and in all German cases."""

from dataclasses import dataclass
from random import Random

from attnlab.data.synthetic.bilingual import dictionary
from attnlab.data.synthetic.bilingual.dictionary import Adjective, Noun, Pair


@dataclass(frozen=True)
class Phrase:
    """Somebody or something: English as subject and as object, German by case.

    person: 1s, 3s, 1p or 3p. known: *the* and *my* rather than *a* and *two*. denied: German says *kein*. gender:
    m, f, n, or p of several, for pronouns that take it up.
    """

    subject: str
    object: str
    german: dict[str, str]
    person: str
    gender: str = ""
    known: bool = True
    pronoun: bool = False
    denied: bool = False
    noun: Noun | None = None


def _pronoun(english: str, german: str, person: str) -> Phrase:
    subject, other = english.split()
    return Phrase(
        subject, other, dict(zip(("nom", "acc", "dat"), german.split(), strict=True)), person, pronoun=True
    )


PRONOUNS = (
    _pronoun("I me", "ich mich mir", "1s"), _pronoun("he him", "er ihn ihm", "3s"),
    _pronoun("she her", "sie sie ihr", "3s"), _pronoun("we us", "wir uns uns", "1p"),
    _pronoun("they them", "sie sie ihnen", "3p"),
)  # fmt: skip
IT = {
    "m": _pronoun("it it", "er ihn ihm", "3s"), "f": _pronoun("it it", "sie sie ihr", "3s"),
    "n": _pronoun("it it", "es es ihm", "3s"), "p": PRONOUNS[-1],
}  # fmt: skip
"""What takes a thing up, by its gender."""

# Of m, f, n and p (several), in each case.
DER = {
    "nom": {"m": "der", "f": "die", "n": "das", "p": "die"},
    "acc": {"m": "den", "f": "die", "n": "das", "p": "die"},
    "dat": {"m": "dem", "f": "der", "n": "dem", "p": "den"},
}
ENDINGS = {
    "nom": {"m": "er", "f": "e", "n": "es", "p": "e"},
    "acc": {"m": "en", "f": "e", "n": "es", "p": "e"},
    "dat": {"m": "em", "f": "er", "n": "em", "p": "en"},
}
"""Of dieser and jeder, and of an adjective where nothing before it shows the case."""

POSSESSIVES: tuple[Pair, ...] = (
    ("my", "mein"),
    ("his", "sein"),
    ("her", "ihr"),
    ("our", "unser"),
    ("their", "ihr"),
)
UNKNOWN_MANY: tuple[Pair, ...] = (("two", "zwei"), ("three", "drei"), ("many", "viele"), ("some", "einige"))


def noun_phrase(
    noun: Noun, determiner: Pair, adjective: Adjective | None, many: bool, denied: bool = False
) -> Phrase:
    """determiner: what English says, and the German word without ending. denied: *a* is translated by *kein*."""
    mine, theirs = determiner
    gender = "p" if many else noun.gender
    words = [adjective.pair[0]] if adjective else []
    words.append(noun.plurals[0] if many else noun.singular[0])
    if mine == "a" and words[0][0] in "aeiou":
        mine = "an"
    english = " ".join([mine, *words])
    german = {}
    for case in ("nom", "acc", "dat"):
        article = _article("kein" if denied else theirs, case, gender)
        described = [] if adjective is None else [adjective.stem + _ending(theirs, case, gender)]
        german[case] = " ".join([article, *described, noun.german(case, many)])
    person, known = "3p" if many else "3s", determiner != ("a", "ein") and determiner not in UNKNOWN_MANY
    return Phrase(english, english, german, person, gender, known, denied=denied, noun=noun)


def _article(word: str, case: str, gender: str) -> str:
    if word == "der":
        return DER[case][gender]
    if word in ("zwei", "drei"):
        return word
    if word in ("viele", "einige"):
        return word + ("n" if case == "dat" else "")
    if word in ("dies", "jed"):
        return word + ENDINGS[case][gender]
    return word + ("" if _bare(case, gender) else ENDINGS[case][gender])  # ein, kein, mein, …


def _ending(word: str, case: str, gender: str) -> str:
    """Of an adjective behind this article (Duden: weak, mixed and strong declension)."""
    if word in ("zwei", "drei", "viele", "einige"):
        return ENDINGS[case][gender]
    if word not in ("der", "dies", "jed") and _bare(case, gender):
        return ENDINGS[case][gender]  # ein alter Mann, ein altes Haus: the article shows nothing
    return "e" if case != "dat" and gender != "p" and DER[case][gender] != "den" else "en"


def _bare(case: str, gender: str) -> bool:
    """Where ein has no ending."""
    return (case, gender) in (("nom", "m"), ("nom", "n"), ("acc", "n"))


def preposed(preposition: str, phrase: str) -> str:
    """A German preposition before its object; with some articles it becomes one word."""
    first, _, rest = phrase.partition(" ")
    short = {"in dem": "im", "in das": "ins", "an dem": "am", "zu dem": "zum", "zu der": "zur", "von dem": "vom"}
    one = short.get(f"{preposition} {first}") if rest else None
    return f"{one} {rest}" if one else f"{preposition} {phrase}"


def a_noun(
    random: Random, of: tuple[Noun, ...], about: tuple[Adjective, ...], known: bool | None = None,
    denied: bool = False, unlike: Phrase | None = None,
) -> Phrase:  # fmt: skip
    """One of these nouns with a determiner, perhaps an adjective. known: whether it must be, or must not be."""
    noun = random.choice([n for n in of if unlike is None or n is not unlike.noun])
    if known is None:
        known = random.random() < 0.7
    many = not denied and random.random() < 0.2
    if not known:
        determiner = random.choice(UNKNOWN_MANY) if many else ("a", "ein")
    elif random.random() < 0.7:
        determiner = ("the", "der")
    else:
        this = ("these", "dies") if many else ("this", "dies")
        determiner = random.choice((*POSSESSIVES, this))
    adjective = random.choice(about) if random.random() < 0.4 else None
    return noun_phrase(noun, determiner, adjective, many, denied and not known)


def a_person(random: Random, known: bool | None = None, unlike: Phrase | None = None) -> Phrase:
    return a_noun(random, dictionary.PERSONS, dictionary.OF_PERSONS, known, unlike=unlike)


def a_name(random: Random, unlike: Phrase | None = None) -> Phrase:
    name = random.choice([n for n in dictionary.NAMES if unlike is None or n != unlike.subject])
    return Phrase(name, name, dict.fromkeys(("nom", "acc", "dat"), name), "3s")


def a_subject(random: Random, known: bool | None = None) -> Phrase:
    """Somebody who does something."""
    kind = random.choices(("person", "pronoun", "name", "every"), (55, 25, 15, 5))[0]
    if kind == "pronoun":
        return random.choice(PRONOUNS)
    if kind == "name":
        return a_name(random)
    if kind == "every" and known is None:
        return noun_phrase(random.choice(dictionary.PERSONS), ("every", "jed"), None, many=False)
    return a_person(random, known)


def another(random: Random, subject: Phrase, known: bool | None = None) -> Phrase:
    """Somebody to whom it is done, who is not the one who does it."""
    kind = random.choices(("person", "pronoun", "name"), (65, 25, 10))[0]
    if kind == "name":
        return a_name(random, unlike=subject)
    if kind == "pronoun":
        of_us = subject.person[0] == "1"
        return random.choice([p for p in PRONOUNS if not of_us or p.person[0] != "1"])
    return a_person(random, known, unlike=subject)
