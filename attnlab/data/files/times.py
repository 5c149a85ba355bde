"""When an example is from, as a cell of a table says it."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from attnlab.data.files.tables import number_in

NO_MOMENT = "no date: write 2024-05-31, 2024-05 or 2024-05-31T18:00, or numbers such as years"


@dataclass(frozen=True)
class Moment:
    """value: seconds since 1970 of a date, or the number itself."""

    value: float
    is_date: bool


def moment(cell: str) -> Moment | None:
    """What a cell says: a date of ISO 8601, with or without a time of day, which is UTC where no other zone is given, or any
    number, such as a year or a time stamp. None where it says neither."""
    number = number_in(cell)
    if math.isfinite(number):
        return Moment(number, is_date=False)
    try:
        when = datetime.fromisoformat(f"{cell}-01" if re.fullmatch(r"\d{4}-\d\d", cell) else cell)
    except ValueError:
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return Moment((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds(), is_date=True)
