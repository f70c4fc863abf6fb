"""What was measured beside a statement, with what it is read from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Remark:
    """A remark on a statement: no part of any of its forms, and no hypothesis of one.

    Attributes:
        text: what was found, on which data.
        source: the stored numbers, and the command that makes them again.

    Raises:
        ValueError: if one of them is empty.
    """

    text: str
    source: str

    def __post_init__(self) -> None:
        if not (self.text.strip() and self.source.strip()):
            raise ValueError(f"a remark needs a text and its source, got {self.text!r} and {self.source!r}")

    def __str__(self) -> str:
        return f"{self.text} From {self.source}."
