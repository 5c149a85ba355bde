"""Names of files in what is prepared: folders are shared by all files of the same contents, whatever they are called."""

import re
from collections.abc import Mapping
from pathlib import Path

MARK = "\0"
"""Around what stands for a file in stored text; no text of a file holds it."""


class FileNames:
    """Keys such as films.csv:3, and sentences that hold them, are stored by what a file is to its source.

    files: of a `Source`, by what they are to it.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)
        self._of_name = {path.name: name for name, path in self._files.items()}

    def stored_key(self, key: str) -> str:
        """A key without the name that its file has this time."""
        file, _, place = key.rpartition(":")
        return f"{MARK}{self._of_name[file]}{MARK}:{place}" if file in self._of_name else key

    def stored(self, sentence: str) -> str:
        """A sentence without the names and paths that files have this time."""
        for name, path in sorted(self._files.items(), key=lambda item: -len(str(item[1]))):
            if path.name in sentence:
                sentence = sentence.replace(str(path), f"{MARK}/{name}{MARK}")
                parts = re.split(rf"(?<!\S){re.escape(path.name)}(?=:\d)", sentence)
                sentence = f"{MARK}{name}{MARK}".join(parts)
        return sentence

    def shown(self, text: str) -> str:
        """A stored key or sentence with the names of the files that are read this time."""
        return re.sub(f"{MARK}(/?)([^{MARK}]*){MARK}", self._name_now, text) if MARK in text else text

    def _name_now(self, match: re.Match[str]) -> str:
        path = self._files[match[2]]
        return str(path) if match[1] else path.name
