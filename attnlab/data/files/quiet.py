"""What C libraries write to the standard error while they read a file, kept from the screen."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def captured_stderr() -> Iterator[list[str]]:
    """A list that holds, after the block, the lines that were written to the process's standard error within it.

    Libraries such as libpng and mpg123 write there by themselves, beside the sentence that a user is given.
    """
    lines: list[str] = []
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError):  # closed by whoever started the program: nothing can be written there
        yield lines
        return
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                yield lines
            finally:
                sys.stderr.flush()  # Python's own warnings go the same way
                os.dup2(kept, 2)
                file.seek(0)
                lines += file.read().decode(errors="replace").splitlines()
    finally:
        os.close(kept)
