"""Whether words of generated sentences are tagged rightly, and how far away the word stands that decides their tag."""

import numpy as np

from attnlab.training.run import Run


def right_by_distance(run: Run) -> list[tuple[int, bool]]:
    """Of each word of the test split whose tag another word decides: words to the nearest one that does, and whether the run's
    answer is right."""
    data = run.data()
    split = data.splits["test"]
    answers = run.evaluate("test", data).predictions
    found = []
    for number, (right, answer) in enumerate(zip(split.gold(run.model.head.target), answers, strict=True)):
        marks = split.evidence(number)
        if marks is None:
            continue
        assert isinstance(right, list | tuple) and isinstance(answer.value, list | tuple), "a tag for each word"
        for place in np.flatnonzero(marks.any(1)).tolist():
            distance = int(np.abs(np.flatnonzero(marks[place]) - place).min())
            found.append((distance, answer.value[place] == right[place]))
    return found
