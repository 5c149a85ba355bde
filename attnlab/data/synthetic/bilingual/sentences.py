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
from dataclasses import replace
from random import Random

from attnlab.data.synthetic.bilingual import dictionary
from attnlab.data.synthetic.bilingual.clauses import Clause, Object, in_english, in_german
from attnlab.data.synthetic.bilingual.dictionary import Pair
from attnlab.data.synthetic.bilingual.phrases import DER, IT, Phrase, a_person, a_subject, noun_phrase
from attnlab.data.synthetic.bilingual.sayings import a_clause, a_quality, affirmed

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
        other = Clause(pronoun, dictionary.BE, tense, predicate=a_quality(random, about))
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
        main = Clause(subject, dictionary.BE, tense, predicate=a_quality(random, dictionary.OF_THINGS))
    return f"{in_english(main)}.", f"{in_german(main, 'second')}."


def purpose(random: Random) -> Pair:
    """Somebody goes somewhere to do something: um … zu."""
    main = a_clause(random, bare=True, about="going")
    aim = main
    while aim is main or aim.verb.english in NO_AIMS:
        kind = random.choice(("meeting", "handling", "giving"))
        aim = a_clause(random, "present", main.subject, bare=True, about=kind)
    english = in_english(replace(aim, subject=replace(main.subject, subject="", person="3p")))
    return f"{in_english(main)} to {english}.", f"{in_german(main, 'second')}, um {in_german(aim, 'zu')}."


NO_AIMS = ("need", "know", "love", "trust", "forget", "lose")
"""What nobody goes somewhere for."""


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
