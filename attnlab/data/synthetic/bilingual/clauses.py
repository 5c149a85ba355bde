"""A clause, and how each language says it: where German puts its verbs, objects and *nicht*."""

from dataclasses import dataclass

from attnlab.data.synthetic.bilingual import dictionary
from attnlab.data.synthetic.bilingual.dictionary import Modal, Pair, Verb
from attnlab.data.synthetic.bilingual.phrases import Phrase, preposed


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
