"""Generated translations: the German is right, follows from the English alone, and no split knows another's sentences."""

from itertools import islice
from random import Random

import pytest

from attnlab.data.synthetic.bilingual import dictionary
from attnlab.data.synthetic.bilingual.clauses import Clause, Object, in_english, in_german
from attnlab.data.synthetic.bilingual.dictionary import BE, FUTURE, HAVE, MODALS
from attnlab.data.synthetic.bilingual.phrases import IT, POSSESSIVES, PRONOUNS, UNKNOWN_MANY, Phrase, noun_phrase
from attnlab.data.synthetic.bilingual.sentences import a_pair, pairs

NOUNS = {
    n.singular[0]: n
    for n in (
        *dictionary.PERSONS, *dictionary.ANIMALS, *dictionary.THINGS, *dictionary.ROOMS, *dictionary.REGIONS,
        *dictionary.GOALS,
    )
}  # fmt: skip
ADJECTIVES = {
    a.pair[0]: a for group in (dictionary.OF_PERSONS, dictionary.OF_THINGS, dictionary.OF_PLACES) for a in group
}
DETERMINERS = dict(
    [("the", "der"), ("a", "ein"), ("this", "dies"), ("these", "dies"), ("every", "jed"), *POSSESSIVES,
     *UNKNOWN_MANY]
)  # fmt: skip
OF_SUBJECT = {p.subject: p for p in (*PRONOUNS, *IT.values())}
VERBS = {
    (v.english, v.preposition[0]): v
    for group in (
        dictionary.ACTIVITIES, dictionary.CHANGES, dictionary.GOING, dictionary.WITH_THINGS, dictionary.WITH_PERSONS,
        dictionary.GIVING, dictionary.ABOUT,
    )
    for v in group
}  # fmt: skip


def phrase(words: str, denied: bool = False) -> Phrase:
    """`my old dogs`: a pronoun, or a noun with its determiner and perhaps an adjective."""
    if words in OF_SUBJECT:
        return OF_SUBJECT[words]
    determiner, *adjective, noun = words.split()
    found = next(n for n in NOUNS.values() if noun in (n.singular[0], n.plurals[0]))
    many = noun != found.singular[0] or determiner in ("two", "three", "many", "some", "these")
    about = ADJECTIVES[adjective[0]] if adjective else None
    determiner = "a" if determiner == "an" else determiner
    return noun_phrase(found, (determiner, DETERMINERS[determiner]), about, many, denied)


#    English               nominative              accusative               dative
DECLINED = [
    ("the old teacher", "der alte Lehrer", "den alten Lehrer", "dem alten Lehrer"),
    ("an old teacher", "ein alter Lehrer", "einen alten Lehrer", "einem alten Lehrer"),
    ("my young sister", "meine junge Schwester", "meine junge Schwester", "meiner jungen Schwester"),
    ("our expensive car", "unser teures Auto", "unser teures Auto", "unserem teuren Auto"),
    ("this dark kitchen", "diese dunkle Küche", "diese dunkle Küche", "dieser dunklen Küche"),
    ("every child", "jedes Kind", "jedes Kind", "jedem Kind"),
    ("the boy", "der Junge", "den Jungen", "dem Jungen"),
    ("his tired neighbor", "sein müder Nachbar", "seinen müden Nachbarn", "seinem müden Nachbarn"),
    ("the small children", "die kleinen Kinder", "die kleinen Kinder", "den kleinen Kindern"),
    ("her old cars", "ihre alten Autos", "ihre alten Autos", "ihren alten Autos"),
    ("two tall women", "zwei große Frauen", "zwei große Frauen", "zwei großen Frauen"),
    ("many rich uncles", "viele reiche Onkel", "viele reiche Onkel", "vielen reichen Onkeln"),
]


@pytest.mark.parametrize("english, nominative, accusative, dative", DECLINED)
def test_articles_and_adjectives_agree(english: str, nominative: str, accusative: str, dative: str) -> None:
    found = phrase(english)
    assert found.subject == english
    assert found.german == {"nom": nominative, "acc": accusative, "dat": dative}


def clause(
    subject: str, verb: str, *objects: str, tense="present", preposition="", denied=False, **others
) -> Clause:
    """objects of giving: to whom, then what."""
    found = {"be": BE, "have": HAVE}.get(verb) or VERBS[verb, preposition]
    cases = ["dat", "acc"] if len(objects) == 2 else [found.case]
    own = [
        Object(phrase(words, denied and case == "acc"), case, found.preposition)
        for words, case in zip(objects, cases, strict=False)
    ]
    return Clause(phrase(subject), found, tense, tuple(own), **others)


CAN, MUST, TODAY, YESTERDAY = MODALS[0], MODALS[1], ("today", "heute"), ("yesterday", "gestern")

STATED = [
    (clause("the man", "sleep", time=TODAY, fronted=True), "today the man sleeps", "heute schläft der Mann"),
    (clause("I", "get up", tense="past", time=YESTERDAY), "I got up yesterday", "ich bin gestern aufgestanden"),
    (clause("she", "call", "the boy"), "she calls the boy", "sie ruft den Jungen an"),
    (clause("he", "pick +up", "she"), "he picks her up", "er holt sie ab"),
    (clause("we", "help", "the old woman", time=TODAY), "we help the old woman today", "wir helfen der alten Frau heute"),
    (clause("the girl", "follow", "they", tense="past"), "the girl followed them", "das Mädchen ist ihnen gefolgt"),
    (clause("the cook", "buy", "a red hat", tense="past", time=YESTERDAY),
     "the cook bought a red hat yesterday", "der Koch hat gestern einen roten Hut gekauft"),
    (clause("the cook", "buy", "the red hat", tense="past", time=YESTERDAY),
     "the cook bought the red hat yesterday", "der Koch hat den roten Hut gestern gekauft"),
    (clause("they", "give", "my brother", "two apples", tense=MUST),
     "they must give my brother two apples", "sie müssen meinem Bruder zwei Äpfel geben"),
    (clause("she", "open", "a window", denied=True, negative=True), "she does not open a window",
     "sie macht kein Fenster auf"),
    (clause("she", "open", "this window", negative=True), "she does not open this window",
     "sie macht dieses Fenster nicht auf"),
    (clause("I", "wait", "the doctor", preposition="for", tail=("at the lake", "am See")),
     "I wait for the doctor at the lake", "ich warte am See auf den Arzt"),
    (clause("my aunt", "be", tense="past", predicate=("sick", "krank"), frequency=("often", "oft")),
     "my aunt was often sick", "meine Tante war oft krank"),
    (clause("every child", "have", "a ball", tense=FUTURE), "every child will have a ball",
     "jedes Kind wird einen Ball haben"),
]  # fmt: skip


@pytest.mark.parametrize("said, english, german", STATED)
def test_statements(said: Clause, english: str, german: str) -> None:
    assert (in_english(said), in_german(said, "second")) == (english, german)


ORDERS = [
    (clause("the man", "get up"), "steht der Mann auf", "der Mann aufsteht", "aufzustehen"),
    (clause("he", "see", "the dog", tense="past"), "hat er den Hund gesehen", "er den Hund gesehen hat", None),
    (clause("he", "help", "I", tense=CAN), "kann er mir helfen", "er mir helfen kann", None),
    (clause("she", "arrive", tense="past"), "ist sie angekommen", "sie angekommen ist", None),
    (clause("we", "buy", "a house"), "kaufen wir ein Haus", "wir ein Haus kaufen", "ein Haus zu kaufen"),
]


@pytest.mark.parametrize("said, first, final, infinitive", ORDERS)
def test_where_the_verb_stands(said: Clause, first: str, final: str, infinitive: str | None) -> None:
    assert in_german(said, "first") == first and in_german(said, "final") == final
    assert infinitive is None or in_german(said, "zu") == infinitive


def test_prepositions_and_articles_become_one_word() -> None:
    goals = {"garden": ("into", "in", "acc"), "kitchen": ("into", "in", "acc"), "village": ("into", "in", "acc"),
             "church": ("to", "zu", "dat"), "station": ("to", "zu", "dat")}  # fmt: skip
    found = [
        Object(phrase(f"the {noun}"), case, (mine, theirs)).german for noun, (mine, theirs, case) in goals.items()
    ]
    assert found == ["in den Garten", "in die Küche", "ins Dorf", "zur Kirche", "zum Bahnhof"]


@pytest.fixture(scope="module")
def some() -> list[tuple[str, str]]:
    return list(islice(pairs(), 22000))


def test_german_follows_from_english() -> None:
    """The ceiling is 1: a constant of the data that is true only while this holds."""
    random, known = Random(7), dict[str, str]()
    for _ in range(15000):
        english, german = a_pair(random)
        assert known.setdefault(english, german) == german


def test_no_sentence_occurs_twice_and_all_are_of_moderate_length(some) -> None:
    assert len({english for english, _ in some}) == len(some)
    assert all(4 <= len(english.split()) <= 16 and len(german.split()) <= 20 for english, german in some)
    assert some[:50] == list(islice(pairs(), 50)) and some[:50] != list(islice(pairs(seed=2), 50))


def test_capitals_and_marks_stand_where_they_belong(some) -> None:
    for sides in some[:5000]:
        for text in sides:
            assert text[0].isupper() and text[-1] in ".?" and "  " not in text and " ," not in text
            assert ",." not in text and ",," not in text and ",?" not in text


def test_relative_pronouns_have_the_gender_of_their_noun(some) -> None:
    """`Der Mann, dem …`: compared with the noun that stands before, where its form tells that it is a single one."""
    genders = {n.singular[1]: n.gender for n in NOUNS.values() if n.singular[1] != n.plurals[1]}
    relative = {"m": {"der", "den", "dem"}, "f": {"die", "der"}, "n": {"das", "dem"}}
    found = 0
    for _, german in some:
        before, comma, after = german.partition(", ")
        noun, pronoun = before.split()[-1], after.split()[0] if comma else ""
        subject = before.split()[0] in ("Der", "Die", "Das", "Ein", "Eine")
        if subject and noun in genders and pronoun in set().union(*relative.values()):
            assert pronoun in relative[genders[noun]], german
            found += 1
    assert found > 500
