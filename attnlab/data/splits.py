"""Held-out examples where a data set comes without a validation file."""

import hashlib


def position(key: str, seed: int = 0) -> float:
    """A number in [0, 1) that depends on the key alone: on no other example, no order and no machine."""
    digest = hashlib.blake2b(key.encode(), digest_size=8, salt=seed.to_bytes(8, "little")).digest()
    return (int.from_bytes(digest, "little") >> 11) * 2.0**-53


def held_out(key: str, share: float, seed: int = 0) -> bool:
    """Whether the example belongs to the share that validates; equal keys always stay together."""
    return position(key, seed) < share
