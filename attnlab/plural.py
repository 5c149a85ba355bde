"""How many of something, in words."""


def plural(count: float, noun: str) -> str:
    """`1 example`, `8 examples`, `1,000 classes`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"
