"""What may be said of somebody: clauses drawn at random, each of one kind, with time, frequency and place."""

from dataclasses import replace
from random import Random

from attnlab.data.synthetic.bilingual import dictionary
from attnlab.data.synthetic.bilingual.clauses import Clause, Object
from attnlab.data.synthetic.bilingual.dictionary import Adjective, Modal, Noun, Pair, Verb
from attnlab.data.synthetic.bilingual.phrases import (
    Phrase,
    a_noun,
    a_person,
    a_subject,
    another,
    noun_phrase,
    preposed,
)  # fmt: skip


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
    unsaid = Clause(subject, dictionary.BE, chosen, negative=negative)
    clause = _FRAMES[kind](random, unsaid)
    while clause.verb.english == clause.verb.past and subject.person != "3s" and isinstance(chosen, str):
        clause = _FRAMES[kind](random, unsaid)  # `they read` doesn't say when
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
    wanted, every = random.random(), clause.subject.subject.startswith("every")
    if wanted < 0.45:
        front = random.random() < 0.5
        clause = replace(clause, time=random.choice(dictionary.TIMES[kind]), fronted=front)
    elif wanted < 0.6 and not clause.negative and kind != "modal" and not every:
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
    return replace(clause, predicate=a_quality(random, dictionary.OF_PERSONS))


def _thing(random: Random, verb: Verb, negative: bool) -> Object:
    places = dictionary.ROOMS + dictionary.REGIONS
    noun = random.choice(verb.objects)
    about = dictionary.OF_PLACES if noun in places else dictionary.OF_THINGS
    return Object(a_noun(random, (noun,), about, denied=negative), "acc")


def a_quality(random: Random, of: tuple[Adjective, ...]) -> Pair:
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
