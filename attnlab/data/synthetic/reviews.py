"""English reviews whose sentiment depends on what is denied, what is conceded and what there is more of.

A *construction* draws all its words first and looks at the reading last: the praising review and its damning twin
then consist of the same words in another order. For these a bag of words is blind, exactly; only the ``plain``
reviews, whose words all point one way, tell it something.

Each review states its verdict by one of these rules, so no string of words has two, a perfect reader is always
right, and the ceiling is 1:

===============  =============================================  =============================================
construction     *good*                                         *bad*
===============  =============================================  =============================================
``negation``     the plot is not dull but *witty*               the plot is not witty but *dull*
``contrast``     the plot is dull , but *the cast is witty*     the plot is witty , but *the cast is dull*
``concession``   *the cast is witty* , although … dull          *the cast is dull* , although … witty
``attribution``  my aunt finds it dull , *i find it witty*      my aunt finds it witty , *i find it dull*
``expectation``  i feared a dull film and *got a witty one*     i hoped for a witty film and *got a dull one*
``quantity``     *most* songs are witty , *few* are dull        *few* songs are witty , *most* are dull
``points``       *for* it : a , b , c ; *against* it : d        *against* it : a , b , c ; *for* it : d
``plain``        a witty film with a moving plot                a dull film with a clumsy plot
===============  =============================================  =============================================

A word of praise or blame may itself be denied (*anything but dull*), and what has nothing to do with the verdict may
stand before, behind and in between.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from attnlab.data.synthetic import lexicon

SIZES = {"train": 8000, "validation": 500, "test": 1000}
"""Default number of reviews in each split; the caller gives each split its own seed."""

GOOD, BAD = "good", "bad"

Words = tuple[str, ...]


@dataclass(frozen=True)
class Review:
    """Words with what they say of their thing."""

    words: Words
    sentiment: str  # GOOD or BAD
    ceiling: float  # probability that a perfect reader is right
    construction: str  # its name, for those who look inside


@dataclass(frozen=True)
class Subject:
    """What is reviewed: its name, single aspects, and parts of which it has several."""

    name: str
    aspects: Words
    parts: Words


SUBJECTS = tuple(
    Subject(name, tuple(aspects.split()), tuple(parts.split()))
    for name, aspects, parts in (
        ("film", "plot cast camera soundtrack script ending dialogue pacing", "scenes jokes actors songs"),
        (
            "novel",
            "plot style heroine language prologue ending dialogue villain",
            "chapters pages poems characters",
        ),
        ("restaurant", "soup bread service wine dessert kitchen menu salad", "dishes waiters tables sauces"),
        ("hotel", "lobby breakfast garden service view pool bar location", "rooms beds halls evenings"),
        ("concert", "opening orchestra singer hall encore sound conductor choir", "songs solos musicians pieces"),
        ("play", "plot cast stage costume light script ending music", "scenes acts actors monologues"),
    )
)

PRAISE = """
    witty moving brilliant delightful splendid superb fresh elegant memorable charming graceful inspired stunning
    vivid marvelous wonderful excellent pleasant exquisite flawless
""".split()

BLAME = """
    dull clumsy tedious lifeless stale shallow boring dreadful awful bland crude tiresome messy pointless feeble
    muddled joyless painful horrible mediocre
""".split()


def reviews(count: int, seed: int) -> Iterator[Review]:
    """Yield ``count`` reviews, the same ones for the same seed; one half of them good, in the mean."""
    random = Random(seed)
    for construction in random.choices(list(CONSTRUCTIONS), list(CONSTRUCTIONS.values()), k=count):
        draw, good = random.getrandbits(64), random.random() < 0.5
        words = tuple(construction(Random(draw), good).split())
        yield Review(words, GOOD if good else BAD, 1.0, construction.__name__)


# Constructions: all words are drawn before `good` is looked at.


def negation(random: Random, good: bool) -> str:
    """What is denied does not count."""
    thing = random.choice(SUBJECTS)
    praise, blame = random.choice(PRAISE), random.choice(BLAME)
    said, denied = in_order(good, praise, blame)
    aspect = random.choice(thing.aspects)
    forms = (
        f"the {aspect} is not {denied} but {said}",
        f"nobody calls the {aspect} {denied} , everybody calls it {said}",
        f"far from {denied} , the {aspect} is {said}",
        f"i would call the {aspect} {said} , never {denied}",
        f"it is {said} , this {thing.name} , and not at all {denied}",
    )
    return framed(random, thing, random.choice(forms))


def contrast(random: Random, good: bool) -> str:
    """What follows *but* counts."""
    thing = random.choice(SUBJECTS)
    last, first = in_order(good, *two_clauses(random, thing))
    aside = maybe_aside(random, thing)
    link = random.choice((", but", "; however ,", ", and yet", "; still ,"))
    return framed(random, thing, f"{first}{aside} {link} {last}")


def concession(random: Random, good: bool) -> str:
    """What is introduced by *although* does not count, wherever it stands."""
    thing = random.choice(SUBJECTS)
    main, conceded = in_order(good, *two_clauses(random, thing))
    although = random.choice(("although", "even though", "granted that", "while"))
    aside = maybe_aside(random, thing)
    if random.random() < 0.5:
        return framed(random, thing, f"{although} {conceded}{aside} , {main}")
    return framed(random, thing, f"{main}{aside} , {although} {conceded}")


def attribution(random: Random, good: bool) -> str:
    """The writer's own view counts."""
    thing = random.choice(SUBJECTS)
    mine, theirs = in_order(good, random.choice(PRAISE), random.choice(BLAME))
    other = person(random)
    aspect = random.choice(thing.aspects)
    views = [f"{other} finds the {aspect} {theirs}", f"i find it {mine}"]
    if random.random() < 0.3:
        views = [f"i find the {aspect} {mine}", f"{other} finds it {theirs}"]
    return framed(random, thing, random.choice((" , ", " ; ", " and ")).join(views))


def expectation(random: Random, good: bool) -> str:
    """What came counts, not what was hoped for or feared."""
    thing = random.choice(SUBJECTS)
    came, foreseen = in_order(good, random.choice(PRAISE), random.choice(BLAME))
    foresaw = random.choice(("expected", "imagined", "had been promised", "was prepared for"))
    got = random.choice(("got", "found", "was given", "met with"))
    views = [f"i {foresaw} {a(foreseen)} {thing.name}", f"i {got} {a(came)} one"]
    if random.random() < 0.3:
        views = [f"i {got} {a(came)} {thing.name}", f"i {foresaw} {a(foreseen)} one"]
    return framed(random, thing, random.choice((" and ", " ; ", " , ")).join(views))


def quantity(random: Random, good: bool) -> str:
    """What is said of most parts counts."""
    thing = random.choice(SUBJECTS)
    parts, praise, blame = random.choice(thing.parts), random.choice(PRAISE), random.choice(BLAME)
    praise_first = random.random() < 0.5
    many, few = random.choice(
        (("most", "few"), ("nearly all", "hardly any"), ("nine out of ten", "one out of ten"))
    )
    first, second = (praise, blame) if praise_first else (blame, praise)
    much, little = in_order(good == praise_first, many, few)
    aside = maybe_aside(random, thing)
    return framed(random, thing, f"{much} {parts} are {first}{aside} , {little} are {second}")


def points(random: Random, good: bool) -> str:
    """The longer list counts."""
    thing = random.choice(SUBJECTS)
    named = [f"the {aspect}" for aspect in random.sample(thing.aspects, random.randint(5, 7))]
    fewer = random.randint(1, 2)
    longer_first = random.random() < 0.5
    cut = len(named) - fewer if longer_first else fewer
    first, second = " , ".join(named[:cut]), " , ".join(named[cut:])
    praising, blaming = random.choice((("i liked", "i disliked"), ("in favor :", "against :"), ("up :", "down :")))
    one, other = in_order(good == longer_first, praising, blaming)
    return framed(random, thing, f"{one} {first} ; {other} {second}")


def plain(random: Random, good: bool) -> str:
    """All words point one way."""
    thing = random.choice(SUBJECTS)
    one, two = random.sample(PRAISE if good else BLAME, 2)
    this, that = random.sample(thing.aspects, 2)
    forms = (
        f"{a(one)} {thing.name} with {a(two)} {this}",
        f"the {this} is {one} and the {that} is {two}",
        f"what {a(one)} , {two} {this}",
        f"the {this} and the {that} are {one} , and i find the {thing.name} {two}",
    )
    return framed(random, thing, random.choice(forms))


CONSTRUCTIONS = {
    negation: 12,
    contrast: 12,
    concession: 12,
    attribution: 10,
    expectation: 10,
    quantity: 10,
    points: 8,
    plain: 26,
}
"""How many of a hundred reviews are written in each way."""


# Phrases.


def in_order(straight: bool, one: str, other: str) -> tuple[str, str]:
    return (one, other) if straight else (other, one)


def a(adjective: str) -> str:
    """With its article."""
    return f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective}"


def two_clauses(random: Random, thing: Subject) -> tuple[str, str]:
    """A clause of praise and a clause of blame, about different aspects."""
    one, other = random.sample(thing.aspects, 2)
    return clause(random, one, PRAISE, BLAME), clause(random, other, BLAME, PRAISE)


def clause(random: Random, aspect: str, said: list[str], opposite: list[str]) -> str:
    """A judgement, now and then by denying its opposite."""
    if random.random() < 0.25:
        denial = random.choice(("anything but", "never", "not at all", "by no means"))
        return f"the {aspect} is {denial} {random.choice(opposite)}"
    stress = random.choice(("", "", "", " truly", " quite", " rather"))
    return f"the {aspect} is{stress} {random.choice(said)}"


def framed(random: Random, thing: Subject, verdict: str) -> str:
    """The verdict as a sentence, perhaps with others before and behind it that judge nothing."""
    before = f"{circumstance(random, thing)} . " if random.random() < 0.25 else ""
    behind = f" . {circumstance(random, thing)}" if random.random() < 0.25 else ""
    return f"{before}{verdict}{behind} ."


def maybe_aside(random: Random, thing: Subject) -> str:
    """Something that judges nothing, with the space before it; often nothing at all."""
    if random.random() < 0.75:
        return ""
    return f" ( as {person(random)} said in {random.choice(lexicon.TOWNS)} )"


def circumstance(random: Random, thing: Subject) -> str:
    """How one came to it."""
    town, year = random.choice(lexicon.TOWNS), random.randint(1990, 2030)
    return random.choice(
        (
            f"{person(random)} from {town} told me of this {thing.name}",
            f"that was in {year} , with {person(random)}",
            f"we talked about the {random.choice(thing.aspects)} on the way to {town}",
            f"{person(random)} asked me about the {random.choice(thing.parts)}",
        )
    )


def person(random: Random) -> str:
    return f"my {random.choice(lexicon.PERSONS)}" if random.random() < 0.5 else random.choice(lexicon.FIRST_NAMES)
