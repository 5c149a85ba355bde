"""A process that does one piece of work after the other, so that torch is imported once: `python -m attnlab.lab.compare.worker`.

Each line on standard input is a piece as JSON; each line on standard output says how it went: "" or why it failed.
"""

import json
import os
import sys
from pathlib import Path

from attnlab import plugins
from attnlab.errors import Stopped, UserError, printable
from attnlab.lab.compare.work import Work


def line_of(work: Work) -> str:
    """A piece of work as a line."""
    values = {name: str(value) if isinstance(value, Path) else value for name, value in vars(work).items()}
    return json.dumps(values) + "\n"


def work_of(line: str) -> Work:
    """The piece that `line_of` wrote."""
    values = json.loads(line)
    examined = None if values["examined"] is None else Path(values["examined"])
    return Work(**values | {"path": Path(values["path"]), "words": tuple(values["words"]), "examined": examined})


def main() -> None:
    """Until there are no more lines."""
    plugins.load(sys.argv[1:])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed is no answer
    for line in sys.stdin:
        try:
            work_of(line).do()
            answer = ""
        except Stopped:
            return
        except UserError as error:
            answer = str(error)
        except Exception as error:  # of a claim's own code: the other claims go on
            answer = printable(f"{type(error).__name__}: {error}")
        print(answer or "-", file=answers, flush=True)


if __name__ == "__main__":
    main()
