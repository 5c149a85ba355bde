"""What libraries write to the standard error."""

import os
import sys
import warnings

from attnlab.data.files.quiet import captured_stderr


def test_what_libraries_write_is_kept_from_the_screen_and_known_afterwards(capfd) -> None:
    print("before", file=sys.stderr)
    with captured_stderr() as lines:
        os.write(2, b"libpng warning: iCCP\nof two lines\n")
        warnings.showwarning("numbers", UserWarning, "x.py", 1)
    print("after", file=sys.stderr)
    assert lines[:2] == ["libpng warning: iCCP", "of two lines"]
    assert capfd.readouterr().err.startswith("before\nafter") or "libpng" not in capfd.readouterr().err


def test_an_error_passes_and_what_was_written_before_it_is_known(capfd) -> None:
    try:
        with captured_stderr() as lines:
            os.write(2, b"damaged")
            raise RuntimeError
    except RuntimeError:
        assert lines == ["damaged"]
    os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"
