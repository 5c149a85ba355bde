"""Which examples are held out for validation, where the data have no validation split of their own."""

from hashlib import blake2b


def held_out(key: str, share: float) -> bool:
    """Whether this example belongs to the held-out share; a pure function of its key.

    The order of the files, other examples and `seed` change nothing, so that runs stay comparable and an example
    never wanders from training to validation when the data grow.
    """
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) < share * 2**64
