"""What happens to an example that cannot be used: refused, or counted and left out."""

from collections.abc import Sequence
from typing import Protocol

from attnlab.errors import UserError

SHOWN = 3
"""Bad examples that are told one by one."""


class BadRows:
    """Examples that cannot be used. skip: `data.skip_bad`; what: the name of one of them.

    Readers hand every problem to `found`, then go on with the next example; what they treat by a rule instead of reading
    it as it stands, such as lines of comments, goes to `note`, so that nothing is left out in silence. count: how many bad
    examples there were; problems: what is wrong with the first `SHOWN` of them; notes: how often each rule was applied,
    and where first; changes: names of the rules by which examples are others than an earlier version read from the same
    file, which become part of the data's fingerprint.
    """

    def __init__(self, skip: bool, what: str = "row") -> None:
        self.skip, self.what, self.count = skip, what, 0
        self.problems: list[str] = []
        self.notes: dict[str, tuple[int, str]] = {}
        self.changes: set[str] = set()

    @property
    def first(self) -> str:
        """What is wrong with the first bad example; "" where there is none."""
        return self.problems[0] if self.problems else ""

    def found(self, problem: str, count: int = 1) -> None:
        """problem: where the row stands, what is wrong and what would be right; count: of rows that share it.

        Raises UserError where bad rows aren't skipped.
        """
        if not self.skip:
            raise UserError(f"{problem}; put it right, or leave such {self.what}s out with data.skip_bad=true")
        self.count += count
        self._keep([problem])

    def note(self, rule: str, location: str, count: int = 1) -> None:
        """rule: what was done, as in "lines that begin with # were left out as comments"; location: file:line, or a key."""
        times, first = self.notes.get(rule, (0, location))
        self.notes[rule] = times + count, first

    def applied(self, rule: str, location: str) -> None:
        """`note` of a rule by which examples are others than an earlier version read."""
        self.note(rule, location)
        self.changes.add(rule)

    def merge(self, other: "BadRows") -> None:
        """Adds what another reader has found in the examples that follow."""
        self.count += other.count
        self._keep(other.problems)
        self.changes |= other.changes
        for rule, (times, first) in other.notes.items():
            self.note(rule, first, times)

    def _keep(self, problems: Sequence[str]) -> None:
        """Those that are shown: the first few that differ."""
        self.problems += [problem for problem in problems if problem not in self.problems]
        del self.problems[SHOWN:]

    def summary(self) -> str:
        """A sentence for the user; empty where every row was good."""
        if not self.count:
            return ""
        were = f"1 bad {self.what} was" if self.count == 1 else f"{self.count:,} bad {self.what}s were"
        others = f" · also: {' · '.join(self.problems[1:])}" if self.problems[1:] else ""
        return f"{were} left out (data.skip_bad=true); the first: {self.first}{others}"

    def warnings(self) -> list[str]:
        """What the user should know of all this, a sentence each."""
        notes = [f"{rule}: {times:,}, the first at {first}" for rule, (times, first) in self.notes.items()]
        return [*filter(None, [self.summary()]), *notes]


FORMERLY_READ = "damaged files are left out"
"""The change of examples that a `FormerlyRead` is, where bad ones are skipped."""


class FormerlyRead(UserError):
    """A file that earlier versions used, though it is damaged or only read in part."""


class ErrorSink(Protocol):
    """Takes what is wrong with an example, so that the reader goes on with the next one: see `BadRows`."""

    def found(self, problem: str, count: int = 1) -> None: ...

    def note(self, rule: str, location: str) -> None: ...

    def applied(self, rule: str, location: str) -> None: ...


JOINED = "byte order marks (U+FEFF) at the beginning of later lines, where files were joined, were left out"


def without_mark(line: str, bad: ErrorSink, location: str) -> str:
    """A line without the invisible mark with which its file began before it was put behind another."""
    if not line.startswith("\ufeff"):
        return line
    bad.applied(JOINED, location)
    return line.lstrip("\ufeff")


def longer_refused(key: str, length: str, max_length: int) -> UserError:
    """What to say where `data.too_long` refuses an example of more than `data.max_length`."""
    remedy = "raise it, or set `data.too_long=cut` or `drop`"
    return UserError(f"{key}: {length}, more than `data.max_length={max_length}`; {remedy}")


def beyond_length(count: int, whose: str, longest: float, policy: str, key: str = "max_length") -> list[str]:
    """A warning of examples longer than `data.max_length`, as `data.too_long` treated them; none where there are none.

    key: which one of `data` says what the longest may be.
    """
    if not count:
        return []
    were = "shortened" if policy == "cut" else "left out"
    return [f"longer {whose} were {were} (data.{key}={longest:g} data.too_long={policy}): {count:,}"]
