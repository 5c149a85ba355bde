"""Mistakes a user can make, told in one sentence: what is wrong, where, and what would be right."""

from collections.abc import Iterable


class UserError(ValueError):
    """Something the user can put right; printed without a traceback, exit code 2."""


class Damaged(UserError):
    """A file holds something else than what was written there."""


class Stopped(Exception):
    """A run was asked by a signal to stop, and has saved itself."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


def suggestion(word: str, choices: Iterable[str], listed: str = "`attnlab train --help` lists them") -> str:
    """The end of a refusal: the near match if there is one, otherwise every choice, or where many are `listed`."""
    from difflib import get_close_matches  # imported by mistakes alone: completion answers sooner

    choices = sorted(set(choices))
    # An abbreviated path is compared by its last word too: `depht` should find `encoder.depth`.
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if not near:
        by_ending = {choice.rsplit(".", 1)[-1]: choice for choice in choices}
        near = [by_ending[e] for e in get_close_matches(word.rsplit(".", 1)[-1], by_ending, n=1, cutoff=0.7)]
    if near:
        return f"did you mean `{near[0]}`?"
    if len(choices) > 20:
        return listed
    return f"choose one of {', '.join(choices)}" if choices else "there is nothing to choose from"
