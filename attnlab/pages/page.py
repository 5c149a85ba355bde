"""Pages that need nothing else, not even the network, and may be mailed.

Every word that stands in one is escaped, and its own content policy forbids it to load or send anything. Templates,
`style.css` and the scripts lie beside this file.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

FOLDER = Path(__file__).parent
Array = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8] | NDArray[np.int32]
Json = str | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]

SIGNS = {
    **{i: 0x2400 + i for i in range(32) if chr(i) not in "\t\n\r"},
    **dict.fromkeys((127, *range(0x80, 0xA0), *range(0xD800, 0xE000)), 0xFFFD),
}
"""What stands for control characters, such as those that move a terminal's cursor, and for halves of characters, as names of
files have them that aren't UTF-8: no page could be written with these."""


def visible(text: str) -> str:
    """The same text with `SIGNS` for what cannot be shown."""
    return text.translate(SIGNS)


def _written(value: object) -> object:
    """What a template writes for a value that isn't Markup."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_templates = Environment(
    loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True, finalize=_written,
)  # fmt: skip


def page(template: str, title: str, values: Mapping[str, object], scripts: Sequence[str] = ()) -> str:
    """The HTML text of a page. template: a file in `templates/` that extends `base.html`; values: what it names, escaped
    where it is written; scripts: names of files in `scripts/`, run in this order behind `common.js`. The page's policy names
    the hash of these, so that no other script runs, whatever the values hold."""
    texts = [(FOLDER / "scripts" / name).read_text(encoding="utf-8") for name in ("common.js", *scripts)]
    script = "\n".join(texts)
    fixed = {
        "title": title,
        "style": (FOLDER / "style.css").read_text(encoding="utf-8"),
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    }
    return filled(template, {**values, **fixed})


def filled(template: str, values: Mapping[str, object]) -> str:
    """The text of a file in `templates/`, with values escaped where it names them."""
    return _templates.get_template(template).render(values)


def packed(facts: Json, arrays: Mapping[str, Array]) -> str:
    """Facts and arrays as one text for an element `<script type="application/octet-stream;base64" id=…>`, which
    `unpack(id)` of `common.js` opens; deflated, so that weights take a third of what JSON would.

    Bytes: the length of the header as little-endian uint32, the header (JSON: `facts`, and `arrays` as [name, type, shape]
    in order), then the bytes of the arrays end to end, little-endian, each begun at a multiple of 4.
    """
    kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    described = [[name, str(array.dtype), list(array.shape)] for name, array in kept.items()]
    header = json.dumps({"facts": facts, "arrays": described}, ensure_ascii=False, allow_nan=False).encode(
        errors="backslashreplace"
    )
    pieces = [len(header).to_bytes(4, "little"), _padded(header)]
    pieces += [_padded(array.astype(array.dtype.newbyteorder("<")).tobytes()) for array in kept.values()]
    deflater = zlib.compressobj(9, wbits=-15)  # without zlib's header: `deflate-raw` of browsers
    return base64.b64encode(deflater.compress(b"".join(pieces)) + deflater.flush()).decode("ascii")


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
