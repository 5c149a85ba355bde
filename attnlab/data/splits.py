"""Held-out examples where a data set comes without a validation file."""

import hashlib
from collections.abc import Sequence


def position(key: str, seed: int = 0) -> float:
    """A number in [0, 1) that depends on the key alone: on no other example, no order and no machine."""
    digest = hashlib.blake2b(key.encode(), digest_size=8, salt=seed.to_bytes(8, "little")).digest()
    return (int.from_bytes(digest, "little") >> 11) * 2.0**-53


def held_out(key: str, share: float, seed: int = 0) -> bool:
    """Whether the example belongs to the share that validates; equal keys always stay together."""
    return position(key, seed) < share


def with_held_out(
    given: Sequence[str], owners: Sequence[str], validation: float, test: float, seed: int = 0
) -> list[str]:
    """The source's splits ("" where it names none); where it names no test or no validation examples, a share is held
    out, by who owns each example."""
    found = [split or "train" for split in given]
    # The second share is drawn by other numbers than the first, or it would be the same examples.
    for split, share, prefix in (("test", test, "t:"), ("validation", validation, "")):
        if split in found or (split == "test" and any(given)):
            continue
        found = [
            split if s == "train" and held_out(prefix + owner, share, seed) else s
            for s, owner in zip(found, owners, strict=True)
        ]
    return found
