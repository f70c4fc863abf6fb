"""Labels that stand in text: numbers where they are written as such, else the text itself."""

import re
from collections.abc import Hashable
from decimal import Decimal

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,999}")
# Written as a program writes a number: no leading zeros and no plus, which names may have.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def labels_of_text(entries: list[str]) -> list[Hashable]:
    """Numbers if each is written as one and no two of them merge, else the text."""
    numbers = {entry: number_of_text(entry) for entry in entries}
    if None in numbers.values() or len(set(numbers.values())) < len(numbers):
        return list(entries)
    return [numbers[entry] for entry in entries]


def number_of_text(entry: str) -> int | float | None:
    """The number that the text is as a label, whole ones as an int; None if it is a name, or too large to be exact."""
    if _WHOLE.fullmatch(entry):
        return int(entry)
    if not _NUMBER.fullmatch(entry):
        return None
    exact, number = Decimal(entry), float(entry)
    if exact == exact.to_integral_value() and abs(exact) < 2**53:
        return int(exact)
    # Text whose number is not between floats of its own size, such as 1e-400, is a name.
    return number if 2.0**-1000 < abs(number) < 2.0**53 and not number.is_integer() else None
