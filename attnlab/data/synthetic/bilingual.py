"""English sentences and their German translations, which words alone don't tell.

A clause is drawn once and said twice. What German does otherwise has to be learned from the whole sentence:

=====================  ==============================================  ============================================
what                   English                                         German
=====================  ==============================================  ============================================
verb second            today the man *sleeps*                          heute *schläft* der Mann
verb final             because the man *sees* the dog                  weil der Mann den Hund *sieht*
separable verbs        he *gets up* at last · because he *gets up*     er *steht* … *auf* · weil er *aufsteht*
perfect                she *bought* a car · she *arrived*              sie *hat* ein Auto *gekauft* · *ist angekommen*
modal verbs            he *can see* the dog                            er *kann* den Hund *sehen*
case                   the man sees, helps *the boy*                   der Mann sieht *den*, hilft *dem Jungen*
agreement              *the old* man, woman, house                     *der alte* Mann, *ein altes* Haus
pronouns               the lamp, because *it* is new                   die Lampe, weil *sie* neu ist
relative clauses       the man *whom* the girl helps                   der Mann, *dem* das Mädchen hilft
negation               she does *not* buy *a* car · *the* car          sie kauft *kein* Auto · das Auto *nicht*
known before new       she sells *the* car, *a* car today              sie verkauft *das Auto* heute · heute *ein Auto*
=====================  ==============================================  ============================================

German follows from English: no English sentence has two translations here, so a perfect translator makes no mistake.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from attnlab.data.synthetic import dictionary
from attnlab.data.synthetic.dictionary import Adjective, Modal, Noun, Pair, Verb

SIZES = {"train": 20000, "validation": 1000, "test": 1000}
"""Sentence pairs in each split; no English sentence occurs in two of them, or twice in one."""

SHORTEST, LONGEST = 4, 16
"""Words of an English sentence."""


def pairs(seed: int = 1) -> Iterator[Pair]:
    """Sentences with their translations, without end and without repetition: the same ones for the same seed."""
    random = Random(seed)
    seen: set[str] = set()
    while True:
        english, german = a_pair(random)
        if english not in seen and SHORTEST <= len(english.split()) <= LONGEST:
            seen.add(english)
            yield english, german


def a_pair(random: Random) -> Pair:
    """Any sentence with its translation."""
    (construction,) = random.choices(list(CONSTRUCTIONS), list(CONSTRUCTIONS.values()))
    english, german = construction(random)
    return tidy(english), tidy(german)


# Phrases: who and what.


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


# Clauses.


@dataclass(frozen=True)
class Object:
    """What a verb is about. case: German, after the German preposition where there is one."""

    phrase: Phrase
    case: str
    preposition: Pair = ("", "")

    @property
    def german(self) -> str:
        words = self.phrase.german[self.case]
        return preposed(self.preposition[1], words) if self.preposition[1] else words


@dataclass(frozen=True)
class Clause:
    """What is said, before it is said in a language.

    tense: present, past, or a modal verb. objects: in English order; those with a preposition stand last. tail: where,
    how, with whom. predicate: what somebody is. fronted: the time, which then stands first.
    """

    subject: Phrase
    verb: Verb
    tense: str | Modal
    objects: tuple[Object, ...] = ()
    predicate: Pair = ("", "")
    tail: Pair = ("", "")
    time: Pair = ("", "")
    frequency: Pair = ("", "")
    negative: bool = False
    fronted: bool = False


def in_english(clause: Clause, asked: bool = False) -> str:
    """As a statement, or as a question without its question word."""
    subject, auxiliary, verb = clause.subject.subject, "", clause.verb.english
    many, helped = clause.subject.person != "3s", asked or clause.negative
    if isinstance(clause.tense, Modal):
        if clause.tense.english == "want to":
            auxiliary = ("do" if many else "does") if asked else ""
            verb = f"{'want' if many or asked else 'wants'} to {verb}"
        else:
            auxiliary = clause.tense.english
    elif clause.verb is dictionary.BE:
        past = "was" if clause.subject.person in ("1s", "3s") else "were"
        auxiliary = past if clause.tense == "past" else dictionary.BE_PRESENT[clause.subject.person][0]
        verb = ""
    elif helped:
        auxiliary = "did" if clause.tense == "past" else "do" if many else "does"
    elif clause.tense == "past":
        verb = dictionary.english_past(clause.verb)
    else:
        verb = clause.verb.english if many else dictionary.english_third(clause.verb)
    objects = [" ".join((o.preposition[0], o.phrase.object)).strip() for o in clause.objects]
    verb, plus, particle = verb.partition("+")
    if plus:  # picks up the man, but picks him up
        at = 1 if clause.objects and clause.objects[0].phrase.pronoun else 0
        objects.insert(at, particle)
    opening = [auxiliary, subject] if asked else [subject, auxiliary]
    if clause.fronted:
        opening.insert(0, clause.time[0])
    closing = [clause.predicate[0], clause.tail[0], "" if clause.fronted else clause.time[0]]
    return joined(
        [*opening, "not" if clause.negative else "", clause.frequency[0], verb.strip(), *objects, *closing]
    )


def in_german(clause: Clause, order: str) -> str:
    """order: where the finite verb stands: `second` (statements), `first` (questions, and behind a subordinate clause)
    or `final` (subordinate clauses); `zu`: an infinitive without subject."""
    finite, right = _german_verb(clause)
    subject = clause.subject.german["nom"]
    fronted = clause.fronted and order == "second"
    middle = _middle_field(clause, clause.time[1] if not fronted else "")
    if order == "zu":
        return joined([*middle, clause.verb.with_zu])
    if order == "final":
        one_word = clause.verb.prefix and right == [clause.verb.prefix]
        ending = [right[0] + finite] if one_word else [*right, finite]
        return joined([subject, *middle, *ending])
    opening = [finite, subject] if fronted or order == "first" else [subject, finite]
    return joined([clause.time[1] if fronted else "", *opening, *middle, *right])


def _german_verb(clause: Clause) -> tuple[str, list[str]]:
    """The finite verb, and what stands at the clause's end."""
    verb, person = clause.verb, clause.subject.person
    if isinstance(clause.tense, Modal):
        return clause.tense.finite(person), [verb.prefix + verb.infinitive]
    if clause.tense == "past" and verb.simple:
        return verb.simple[person], []
    if clause.tense == "past":
        helper = dictionary.HAVE.finite(person) if verb.auxiliary == "hat" else dictionary.BE_PRESENT[person][1]
        return helper, [verb.participle]
    if verb is dictionary.BE:
        return dictionary.BE_PRESENT[person][1], []
    return verb.finite(person), [verb.prefix] if verb.prefix else []


def _middle_field(clause: Clause, time: str) -> list[str]:
    """Pronouns, what is known, time, what is new, *nicht*, circumstances, what the verb asks for most closely."""
    plain = [o for o in clause.objects if not o.preposition[1]]
    close = [o.german for o in clause.objects if o.preposition[1]]
    known = [o.german for o in plain if o.phrase.known]
    new = [o.german for o in plain if not o.phrase.known]
    denied = clause.negative and not any(o.phrase.denied for o in plain)
    return [
        *known, time, clause.frequency[1], *new, "nicht" if denied else "", clause.tail[1], *close,
        clause.predicate[1],
    ]  # fmt: skip


def joined(words: list[str]) -> str:
    return " ".join(word for word in words if word)


# What may be said of somebody.


def a_clause(
    random: Random, tense: str | None = None, subject: Phrase | None = None, bare: bool = False,
    about: str | None = None,
) -> Clause:  # fmt: skip
    """tense: present, past or, by default, any. bare: without circumstances. about: the kind of verb, a key of KINDS."""
    kind = about or random.choices(list(KINDS), list(KINDS.values()))[0]
    chosen: str | Modal = tense or random.choices(("present", "past", "modal"), (30, 40, 30))[0]
    negative = not bare and random.random() < 0.15
    if chosen == "modal":
        chosen, negative = random.choice((*dictionary.MODALS, dictionary.FUTURE)), False
    if subject is None:
        subject = a_subject(random, known=True if negative else None)
    clause = _FRAMES[kind](random, Clause(subject, dictionary.BE, chosen, negative=negative))
    if clause.verb.english == clause.verb.past and subject.person != "3s" and isinstance(clause.tense, str):
        # `they read` doesn't say when
        clause = replace(affirmed(clause), tense=random.choice(dictionary.MODALS))
    return clause if bare else _with_circumstances(random, clause)


def affirmed(clause: Clause) -> Clause:
    """Without *not*."""
    objects = []
    for item in clause.objects:
        phrase = item.phrase
        if phrase.denied:
            german = {case: words.removeprefix("k") for case, words in phrase.german.items()}
            phrase = replace(phrase, german=german, denied=False)
        objects.append(replace(item, phrase=phrase))
    return replace(clause, objects=tuple(objects), negative=False)


def _with_circumstances(random: Random, clause: Clause) -> Clause:
    """When or how often, and where."""
    if clause.verb is dictionary.HAVE or " than " in clause.predicate[0]:
        return clause
    kind = clause.tense if isinstance(clause.tense, str) else "modal"
    wanted = random.random()
    if wanted < 0.45:
        front = random.random() < 0.5
        clause = replace(clause, time=random.choice(dictionary.TIMES[kind]), fronted=front)
    elif (
        wanted < 0.6 and not clause.negative and kind != "modal" and not clause.subject.subject.startswith("every")
    ):
        clause = replace(clause, frequency=random.choice(dictionary.FREQUENCIES))
    if not clause.negative and clause.tail == ("", "") and _may_have_place(clause) and random.random() < 0.3:
        clause = replace(clause, tail=a_place(random))
    return clause


def _may_have_place(clause: Clause) -> bool:
    meeting = (*dictionary.ACTIVITIES, *dictionary.WITH_PERSONS)
    return clause.verb in meeting or clause.verb.english == "wait"


def a_place(random: Random) -> Pair:
    """Where something happens."""
    if random.random() < 0.3:
        noun, (mine, theirs) = random.choice(dictionary.BUILDINGS), random.choice(dictionary.BESIDE)
    else:
        noun = random.choice(dictionary.ROOMS + dictionary.REGIONS + dictionary.GOALS)
        mine, theirs = dictionary.AT[noun.singular[0]]
    where = _one_place(random, noun)
    return f"{mine} {where.object}", preposed(theirs, where.german["dat"])


def _one_place(random: Random, noun: Noun) -> Phrase:
    adjective = random.choice(dictionary.OF_PLACES) if random.random() < 0.3 else None
    determiner = ("the", "der") if random.random() < 0.8 else ("a", "ein")
    return noun_phrase(noun, determiner, adjective, many=False)


def _doing(random: Random, clause: Clause) -> Clause:
    tail = ("", "")
    if not clause.negative and random.random() < 0.35:
        if random.random() < 0.5:
            tail = random.choice(dictionary.MANNERS)
        else:
            other = another(random, clause.subject)
            mine, theirs, case = random.choice((("with", "mit", "dat"), ("without", "ohne", "acc")))
            tail = (f"{mine} {other.object}", preposed(theirs, other.german[case]))
    return replace(clause, verb=random.choice(dictionary.ACTIVITIES), tail=tail)


def _changing(random: Random, clause: Clause) -> Clause:
    return replace(clause, verb=random.choice(dictionary.CHANGES))


def _going(random: Random, clause: Clause) -> Clause:
    verb = random.choice(dictionary.GOING)
    where = _one_place(random, random.choice(verb.objects))
    if where.noun in dictionary.GOALS:
        goal = Object(where, "dat", ("to", "zu"))
    else:
        goal = Object(where, "acc", ("into", "in"))
    return replace(clause, verb=verb, objects=(goal,))


def _handling(random: Random, clause: Clause) -> Clause:
    verb = random.choice(dictionary.WITH_THINGS)
    return replace(clause, verb=verb, objects=(_thing(random, verb, clause.negative),))


def _having(random: Random, clause: Clause) -> Clause:
    verb = dictionary.HAVE
    thing = a_noun(random, verb.objects, dictionary.OF_THINGS[:5], known=False, denied=clause.negative)
    return replace(clause, verb=verb, objects=(Object(thing, "acc"),))


def _meeting(random: Random, clause: Clause) -> Clause:
    verb = random.choice(dictionary.WITH_PERSONS)
    other = another(random, clause.subject, known=True if clause.negative else None)
    if random.random() < 0.15 and verb.english in ("see", "hear", "look for", "look at"):
        other = a_noun(random, dictionary.ANIMALS, dictionary.OF_THINGS[:5], known=True)
    return replace(clause, verb=verb, objects=(Object(other, verb.case),))


def _giving(random: Random, clause: Clause) -> Clause:
    verb = random.choice(dictionary.GIVING)
    receiver = Object(another(random, clause.subject, known=True), "dat")
    return replace(clause, verb=verb, objects=(receiver, _thing(random, verb, clause.negative)))


def _talking(random: Random, clause: Clause) -> Clause:
    verb = random.choice(dictionary.ABOUT)
    other = another(random, clause.subject, known=True if clause.negative else None)
    return replace(clause, verb=verb, objects=(Object(other, verb.case, verb.preposition),))


def _being(random: Random, clause: Clause) -> Clause:
    clause = replace(clause, verb=dictionary.BE)
    if isinstance(clause.tense, Modal):
        clause = replace(clause, tense=random.choice(("present", "past")))
    if not clause.negative and random.random() < 0.3:
        than, (mine, theirs) = a_person(random, True, unlike=clause.subject), random.choice(dictionary.COMPARED)
        return replace(clause, predicate=(f"{mine} than {than.object}", f"{theirs} als {than.german['nom']}"))
    return replace(clause, predicate=_quality(random, dictionary.OF_PERSONS))


def _thing(random: Random, verb: Verb, negative: bool) -> Object:
    places = dictionary.ROOMS + dictionary.REGIONS
    noun = random.choice(verb.objects)
    about = dictionary.OF_PLACES if noun in places else dictionary.OF_THINGS
    return Object(a_noun(random, (noun,), about, denied=negative), "acc")


def _quality(random: Random, of: tuple[Adjective, ...]) -> Pair:
    mine, theirs = random.choice(of).pair
    return (f"very {mine}", f"sehr {theirs}") if random.random() < 0.3 else (mine, theirs)


KINDS = {
    "doing": 14, "changing": 12, "going": 12, "handling": 22, "having": 5, "meeting": 20, "giving": 10,
    "talking": 8, "being": 8,
}  # fmt: skip
"""How many clauses of a hundred are of each kind."""
_FRAMES = {
    "doing": _doing, "changing": _changing, "going": _going, "handling": _handling, "having": _having,
    "meeting": _meeting, "giving": _giving, "talking": _talking, "being": _being,
}  # fmt: skip


# Sentences.


def statement(random: Random) -> Pair:
    clause = a_clause(random)
    return f"{in_english(clause)}.", f"{in_german(clause, 'second')}."


def subordinate(random: Random) -> Pair:
    """A main clause and a subordinate one, whose verb stands last; where it comes first, the main verb does, too."""
    tense = random.choice(("present", "past"))
    choices = (("because", "weil"), ("although", "obwohl"), ("while", "während"), ("before", "bevor"), WHEN[tense])
    mine, theirs = random.choice(choices)
    first = random.random() < 0.4
    main, other = a_clause(random, tense, bare=first), a_clause(random, tense, bare=not first)
    other = replace(affirmed(other) if mine == "before" else other, fronted=False)
    if first:
        return (
            f"{mine} {in_english(other)}, {in_english(main)}.",
            f"{theirs} {in_german(other, 'final')}, {in_german(main, 'first')}.",
        )
    return (
        f"{in_english(main)} {mine} {in_english(other)}.",
        f"{in_german(main, 'second')}, {theirs} {in_german(other, 'final')}.",
    )


WHEN = {"present": ("when", "wenn"), "past": ("when", "als")}


def reported(random: Random) -> Pair:
    """Somebody says that …, asks whether …"""
    verb = random.choice((*dictionary.SAYING, dictionary.ASKING))
    mine, theirs = ("whether", "ob") if verb is dictionary.ASKING else ("that", "dass")
    main = Clause(a_subject(random), verb, random.choice(("present", "past")))
    said = replace(a_clause(random), fronted=False)
    return (
        f"{in_english(main)} {mine} {in_english(said)}.",
        f"{in_german(main, 'second')}, {theirs} {in_german(said, 'final')}.",
    )


def taken_up(random: Random) -> Pair:
    """A thing is taken up by *it*, which in German has the thing's gender."""
    tense = random.choice(("present", "past"))
    main = a_clause(random, tense, bare=True, about="handling")
    thing = main.objects[0].phrase
    pronoun = IT[thing.gender]
    mine, theirs = random.choice((("because", "weil"), ("although", "obwohl"), (", but", ", aber")))
    if random.random() < 0.5:
        places = dictionary.ROOMS
        about = dictionary.OF_PLACES if thing.noun in places else dictionary.OF_THINGS
        other = Clause(pronoun, dictionary.BE, tense, predicate=_quality(random, about))
    else:
        verb = random.choice([verb for verb in dictionary.WITH_THINGS[:6] if verb is not main.verb])
        other = Clause(a_subject(random), verb, tense, (Object(pronoun, "acc"),))
    order = "second" if theirs == ", aber" else "final"
    comma = "" if theirs == ", aber" else ","
    return (
        f"{in_english(main)} {mine} {in_english(other)}.",
        f"{in_german(main, 'second')}{comma} {theirs} {in_german(other, order)}.",
    )


def described(random: Random) -> Pair:
    """The subject is described by a relative clause, in which it does something or something is done to it."""
    tense = random.choice(("present", "past"))
    who = a_person(random)
    about = random.choice(("meeting", "handling", "giving", "changing"))
    if about != "changing" and random.random() < 0.5:
        inner = a_clause(random, tense, bare=True, about=about)
        if inner.verb in dictionary.WITH_PERSONS:
            whom, case = "whom", inner.verb.case
        else:
            whom, case = "that", "acc"
            thing = inner.objects[-1].phrase
            who = noun_phrase(
                thing.noun or who.noun or dictionary.PERSONS[0], ("the", "der"), None, thing.gender == "p"
            )
        inner = replace(inner, objects=inner.objects[:-1])
        relative = "denen" if case == "dat" and who.gender == "p" else DER[case][who.gender]
        clause = (f"{whom} {in_english(inner)}", f"{relative} {in_german(inner, 'final')}")
    else:
        subject = Phrase("who", "", {"nom": DER["nom"][who.gender]}, who.person)
        inner = a_clause(random, tense, subject, bare=True, about=about)
        clause = (in_english(inner), in_german(inner, "final"))
    subject = replace(
        who, subject=f"{who.subject} {clause[0]}", german={"nom": f"{who.german['nom']}, {clause[1]},"}
    )
    if who.noun in dictionary.PERSONS:
        main = a_clause(random, tense, subject, bare=True)
    else:
        main = Clause(subject, dictionary.BE, tense, predicate=_quality(random, dictionary.OF_THINGS))
    return f"{in_english(main)}.", f"{in_german(main, 'second')}."


def purpose(random: Random) -> Pair:
    """Somebody goes somewhere to do something: um … zu."""
    main = a_clause(random, bare=True, about="going")
    aim = a_clause(
        random, "present", main.subject, bare=True, about=random.choice(("meeting", "handling", "giving"))
    )
    nobody = replace(main.subject, subject="", person="3p")
    aim = replace(aim, subject=nobody, tense="present")
    english = in_english(aim)
    return f"{in_english(main)} to {english}.", f"{in_german(main, 'second')}, um {in_german(aim, 'zu')}."


def contrasted(random: Random) -> Pair:
    """Two main clauses."""
    one, other = a_clause(random, bare=True), a_clause(random, bare=random.random() < 0.5)
    mine, theirs = random.choice(((", but", ", aber"), (" and", " und")))
    return (
        f"{in_english(one)}{mine} {in_english(other)}.",
        f"{in_german(one, 'second')}{theirs} {in_german(other, 'second')}.",
    )


def question(random: Random) -> Pair:
    """Whether, when, where, why, who, whom and what: the German question word has a case."""
    clause = replace(a_clause(random), fronted=False, frequency=("", ""))
    words: list[tuple[Pair, Clause]] = [(("", ""), clause), (("why", "warum"), clause)]
    if not clause.negative:
        if clause.time == ("", ""):
            words.append((("when", "wann"), clause))
        if clause.verb in dictionary.ACTIVITIES and clause.tail == ("", ""):
            words.append((("where", "wo"), clause))
        if clause.verb in (*dictionary.WITH_PERSONS, *dictionary.WITH_THINGS):
            without = replace(clause, objects=())
            whom = {"acc": "wen", "dat": "wem"}[clause.verb.case]
            of_persons = clause.verb in dictionary.WITH_PERSONS
            words += [(("whom", whom) if of_persons else ("what", "was"), without)] * 2
    (mine, theirs), asked = random.choice(words)
    if random.random() < 0.2 and not clause.negative:
        asked = replace(clause, subject=Phrase("who", "", {"nom": "wer"}, "3s"), fronted=False)
        return f"{in_english(asked)}?", f"{in_german(asked, 'second')}?"
    return f"{mine} {in_english(asked, asked=True)}?".strip(), f"{theirs} {in_german(asked, 'first')}?".strip()


CONSTRUCTIONS = {
    statement: 22, subordinate: 24, reported: 12, taken_up: 12, described: 12, purpose: 7, contrasted: 3, question: 8,
}  # fmt: skip
"""How many sentences of a hundred are made in each way."""


def tidy(sentence: str) -> str:
    """Commas where they belong, and a capital letter."""
    for wrong, right in ((" ,", ","), (",,", ","), (",.", "."), (",?", "?")):
        sentence = sentence.replace(wrong, right)
    return sentence[0].upper() + sentence[1:]
