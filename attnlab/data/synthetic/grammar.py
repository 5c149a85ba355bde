"""English sentences with part-of-speech tags that only the whole sentence can tell.

A phrase is written as it is read, ``"the/DET cook/NOUN flies/VERB"``, and a rule of the grammar is a function
that returns one. Tags are universal parts of speech (UD).

A *construction* has two readings: one word far away decides whether *flies , cooks and plants* are animals, people
and flowers or what somebody does. It draws all its words before it looks at the reading, so both readings of a
construction share every word but the deciding ones, and each is as probable as the other: whatever a window shows
that does not reach the deciding words, it shows for both readings alike.

No string of words has two readings, so a perfect reader is always right and the ceiling is 1:

=================  ==========================================  ==========================================
construction       reading one                                 reading two
=================  ==========================================  ==========================================
``correlative``    she sells neither … nor *flies* (NOUN)      she neither sells … nor *flies* (VERB)
``preposition``    she compares … *to work* (ADP NOUN)         she persuades … *to work* (PART VERB)
``question``       is … *love or work* ? (NOUN)                does … *love or work* ? (VERB)
``existential``    there are in … *flies and cooks* (NOUN)     someone here in … *flies and cooks* (VERB)
``agreement``      *that* sheep … sleeps (DET)                 *that* sheep … sleep is odd (SCONJ)
``garden_path``    *have* the kings … sung a song ? (AUX)      *have* the kings … sing a song ! (VERB)
``conjunction``    *before* the king … , (ADP)                 *before* the king … had left , (SCONJ)
=================  ==========================================  ==========================================
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from attnlab.data.synthetic import lexicon
from attnlab.data.synthetic.lexicon import participle, past, plural, with_ing, with_ly, with_s

SIZES = {"train": 5000, "validation": 500, "test": 1000}
"""Default number of sentences in each split; the caller gives each split its own seed."""

FAR = 10
"""Positions on either side of a distant word within which nothing tells how to read it."""

Words = tuple[str, ...]


@dataclass(frozen=True)
class TaggedSentence:
    """Words with their parts of speech."""

    words: Words
    tags: Words  # UPOS
    ceiling: tuple[float, ...]  # probability that a perfect reader is right
    distant: tuple[bool, ...]  # only a word more than ten positions away resolves it


def sentences(count: int, seed: int) -> Iterator[TaggedSentence]:
    """Yield ``count`` sentences, the same ones for the same seed."""
    random = Random(seed)
    for construction in random.choices(list(CONSTRUCTIONS), list(CONSTRUCTIONS.values()), k=count):
        draw, reading = random.getrandbits(64), random.random() < 0.5
        words, tags = split(construction(Random(draw), reading))
        distant = far_from_deciding(words, tags, *split(construction(Random(draw), not reading)))
        yield TaggedSentence(words, tags, (1.0,) * len(words), distant)


def split(phrase: str) -> tuple[Words, Words]:
    """Take ``"a/DET saw/NOUN"`` apart into words and tags."""
    pairs = [word.rpartition("/") for word in phrase.split()]
    return tuple(word for word, _, _ in pairs), tuple(tag for _, _, tag in pairs)


def far_from_deciding(words: Words, tags: Words, other_words: Words, other_tags: Words) -> tuple[bool, ...]:
    """Say of each word whether its tag changes with the reading while all words within ``FAR`` stay the same."""

    def around(sentence: Words, position: int) -> Words:
        return sentence[max(0, position - FAR) : position + FAR + 1]

    shared = min(len(words), len(other_words))
    return tuple(
        i < shared and tags[i] != other_tags[i] and around(words, i) == around(other_words, i)
        for i in range(len(words))
    )


# Constructions with two readings: all words are drawn first, then the reading is looked at.


def correlative(random: Random, noun: bool) -> str:
    """The place of *neither* says whether things or deeds are listed."""
    many = maybe(random)
    first, then, again = random.choice(CORRELATIVES[many:])
    who, does = subject(random, many), agreeing(random.choice(lexicon.ACTIONS), many)
    what = long_noun_phrase(random)
    opening = f"{does} {first}" if noun else f"{first} {does}"
    listed = f" {again} ".join(noun_or_verb(random, many, noun))
    return f"{who} {opening} {what} {then} {listed}{circumstance(random)} ./PUNCT"


def preposition(random: Random, noun: bool) -> str:
    """The first verb says whether *to* takes nouns or an infinitive."""
    who, likens, urges = subject(random, False), *map(random.choice, (lexicon.LIKENING, lexicon.URGING))
    inflect = random.choice((with_s, past))
    does, to = (f"{inflect(likens)}/VERB", "to/ADP") if noun else (f"{inflect(urges)}/VERB", "to/PART")
    what, listed = long_noun_phrase(random), commas(random, noun_or_verb(random, True, noun))
    return f"{who} {does} {what} {to} {listed}{circumstance(random)} ./PUNCT"


def question(random: Random, noun: bool) -> str:
    """The auxiliary says whether the question ends in what somebody is or in what somebody does."""
    many = maybe(random)
    being, doing = random.choice((("are", "do"), ("were", "did")) if many else (("is", "does"), ("was", "did")))
    who, listed = long_noun_phrase(random, many), commas(random, noun_or_verb(random, True, noun))
    return f"{being if noun else doing}/AUX {who} {listed} ?/PUNCT"


def existential(random: Random, noun: bool) -> str:
    """*There are* wants nouns; *someone here* wants verbs."""
    many = maybe(random)
    be, here = ("is", "people/NOUN here/ADV") if many else ("are", "someone/PRON here/ADV")
    opening = f"there/PRON {be}/VERB" if noun else here
    where = long_noun_phrase(random, nouns=lexicon.PLACES)
    listed = commas(random, noun_or_verb(random, many, noun))
    return f"{opening} in/ADP {where} {listed} ./PUNCT"


def agreement(random: Random, one: bool) -> str:
    """*That sheep sleeps* speaks of one; in *that sheep sleep is odd* they are many."""
    herd, where = random.choice(lexicon.HERDS), postmodifiers(random)
    verb, judgement = random.choice(lexicon.EVENTUALITIES), random.choice(lexicon.JUDGEMENTS)
    if one:
        return f"that/DET {herd}/NOUN {where} {with_s(verb)}/VERB and/CCONJ is/AUX {judgement}/ADJ ./PUNCT"
    return f"that/SCONJ {herd}/NOUN {where} {verb}/VERB is/AUX {judgement}/ADJ ./PUNCT"


def garden_path(random: Random, perfect: bool) -> str:
    """*Have the kings sung?* asks, *have the kings sing!* commands."""
    who, what = long_noun_phrase(random, many=True), noun_phrase(random, lexicon.THINGS)
    verb = random.choice(lexicon.ACTIONS)
    if perfect:
        return f"have/AUX {who} {participle(verb)}/VERB {what} ?/PUNCT"
    return f"have/VERB {who} {verb}/VERB {what} !/PUNCT"


def conjunction(random: Random, adposition: bool) -> str:
    """*Before* introduces a noun phrase, or a clause if *had left* follows in the end."""
    word, what, main = random.choice(BEFORE), long_noun_phrase(random), clause(random)
    verb = participle(random.choice(lexicon.EVENTUALITIES))
    if adposition:
        return f"{word}/ADP {what} ,/PUNCT {main} ./PUNCT"
    return f"{word}/SCONJ {what} had/AUX {verb}/VERB ,/PUNCT {main} ./PUNCT"


def plain(random: Random, _: bool) -> str:
    """A sentence whose words are told by their neighbours."""
    word, judgement = random.choice(BEFORE), random.choice(lexicon.JUDGEMENTS)
    return random.choice(
        (
            f"{clause(random)} ./PUNCT",
            f"{name(random)} says/VERB that/SCONJ {clause(random)} ./PUNCT",
            f"that/SCONJ {clause(random)} is/AUX {judgement}/ADJ ./PUNCT",
            f"{clause(random)} {word}/SCONJ {clause(random)} ./PUNCT",
            f"{clause(random)} {word}/ADP {noun_phrase(random, lexicon.EVENTS)} ./PUNCT",
        )
    )


CONSTRUCTIONS = {
    correlative: 24,
    preposition: 13,
    question: 13,
    existential: 13,
    agreement: 4,
    garden_path: 4,
    conjunction: 5,
    plain: 24,
}
"""How many of a hundred sentences are built in each way."""

CORRELATIVES = (
    ("both/CCONJ", "and/CCONJ", "and/CCONJ"),
    ("either/CCONJ", "or/CCONJ", "or/CCONJ"),
    ("neither/CCONJ", "nor/CCONJ", "nor/CCONJ"),
    ("not/PART only/ADV", "but/CCONJ also/ADV", "and/CCONJ"),
)
"""Before the first, before the second and before further members; *both* comes first, for after a plural subject,
*they both sell ... and work*, it may belong to *they* and would leave the sentence ambiguous."""

BEFORE = ("before", "after", "since", "until")  # adpositions and conjunctions

PLACINGS = (
    (("in", "from", "near", "behind", "beyond"), lexicon.PLACES),
    (("of", "by", "beside", "with"), lexicon.PERSONS),
    (("with", "without", "under", "above", "on"), lexicon.THINGS),
    (("of", "for", "with", "without", "on"), lexicon.HANDLED),
)


# Phrases.


def clause(random: Random) -> str:
    """Somebody does something."""
    many = maybe(random)
    return f"{subject(random, many)} {predicate(random, many)}{circumstance(random)}"


def predicate(random: Random, many: bool) -> str:
    """A finite verb and what belongs to it."""
    has, does, is_ = ("have", "do", "are") if many else ("has", "does", "is")
    handle = random.choice(lexicon.HANDLED if maybe(random, 0.7) else lexicon.ACTIONS)
    goes, happened = random.choice(lexicon.COUNTABLE), past(random.choice(lexicon.EVENTUALITIES))
    thing = noun_phrase(random, random.choice((lexicon.THINGS, lexicon.HANDLED)), maybe(random, 0.3))
    return random.choice(
        (
            f"{past(handle)}/VERB {thing}",
            f"{agreeing(handle, many)} {thing}",
            f"{random.choice(('can', 'will', 'must', 'may'))}/AUX {handle}/VERB {thing}",
            f"{agreeing(random.choice(('want', 'refuse', 'promise', 'like')), many)} to/PART {handle}/VERB {thing}",
            f"{is_}/AUX {with_ing(handle)}/VERB {thing}",
            f"{has}/AUX {participle(handle)}/VERB {thing}",
            f"{has}/VERB {thing}",
            f"{does}/AUX not/PART {handle}/VERB {thing}",
            f"{is_}/AUX {random.choice(lexicon.ADJECTIVES)}/ADJ",
            f"saw/VERB {thing} that/PRON {happened}/VERB",
            f"{agreeing(goes, many)} {manner(random)}",
            f"{past(goes)}/VERB to/ADP {noun_phrase(random, lexicon.PLACES)}",
        )
    )


def manner(random: Random) -> str:
    """How it is done."""
    short = random.choice(("hard", "fast", "early", "late", "straight", "well"))
    return f"{with_ly(random.choice(lexicon.ADVERBS)) if maybe(random) else short}/ADV"


def circumstance(random: Random) -> str:
    """When or where, with the space before it; often nothing."""
    year, town = random.randint(1700, 2030), random.choice(lexicon.TOWNS)
    usual = random.choice(("at/ADP night/NOUN", "in/ADP spring/NOUN", "every/DET day/NOUN"))
    return random.choice((f" in/ADP {year}/NUM", f" near/ADP {town}/PROPN", f" {usual}", *7 * ("",)))


def subject(random: Random, many: bool) -> str:
    """Who does it."""
    pronoun = random.choice(("they", "we") if many else ("she", "he"))
    names = f"{name(random)} and/CCONJ {name(random)}" if many else name(random)
    nouns = random.choice((lexicon.PERSONS, lexicon.COUNTABLE))
    return random.choice((f"{pronoun}/PRON", names, noun_phrase(random, nouns, many)))


def name(random: Random) -> str:
    return f"{random.choice(lexicon.FIRST_NAMES)}/PROPN"


def noun_phrase(random: Random, nouns: list[str], many: bool = False) -> str:
    """A determiner, perhaps an adjective, and a noun."""
    noun = random.choice(nouns)
    words = f"{plural(noun) if many else noun}/NOUN"
    if maybe(random, 0.2):
        words = f"{random.choice(lexicon.ADJECTIVES)}/ADJ {words}"
    if maybe(random, 0.3):
        return f"{random.choice(('my', 'his', 'her', 'our', 'their'))}/PRON {words}"
    if many:
        number = f"{random.choice(lexicon.NUMBERS)}/NUM"
        return f"{random.choice(('the/DET', 'these/DET', 'those/DET', 'some/DET', number))} {words}"
    article = "an" if words[0] in "aeiou" else "a"
    return f"{random.choice(('the', 'the', article, 'this', 'that'))}/DET {words}"


def long_noun_phrase(random: Random, many: bool = False, nouns: list[str] | None = None) -> str:
    """A noun phrase and one to three modifiers behind it."""
    nouns = nouns or random.choice((lexicon.PERSONS, lexicon.THINGS, lexicon.EVENTS, lexicon.COUNTABLE))
    return f"{noun_phrase(random, nouns, many)} {postmodifiers(random)}"


def postmodifiers(random: Random) -> str:
    """One to three of them."""
    return " ".join(postmodifier(random) for _ in range(random.choice((1, 1, 2, 2, 3))))


def postmodifier(random: Random) -> str:
    """Where it is, whose it is, or who saw it."""
    if maybe(random, 0.2):
        who = noun_phrase(random, random.choice((lexicon.PERSONS, lexicon.COUNTABLE)), maybe(random))
        return f"that/PRON {who} {random.choice(('saw', past(random.choice(lexicon.ACTIONS))))}/VERB"
    adpositions, nouns = random.choice(PLACINGS)
    return f"{random.choice(adpositions)}/ADP {noun_phrase(random, nouns)}"


def noun_or_verb(random: Random, bare: bool, noun: bool) -> list[str]:
    """Three to six words for things or deeds alike: bare ones (*work*) or with an s (*flies*)."""
    tag = "NOUN" if noun else "VERB"
    words = lexicon.UNCOUNTABLE if bare else list(map(with_s, lexicon.COUNTABLE))
    return [f"{word}/{tag}" for word in random.sample(words, random.randint(3, 6))]


def commas(random: Random, words: list[str]) -> str:
    """``a , b and c``."""
    return f"{' ,/PUNCT '.join(words[:-1])} {random.choice(('and', 'or'))}/CCONJ {words[-1]}"


def agreeing(verb: str, many: bool) -> str:
    """A verb in the present that agrees with its subject in number."""
    return f"{verb if many else with_s(verb)}/VERB"


def maybe(random: Random, probability: float = 0.5) -> bool:
    return random.random() < probability
