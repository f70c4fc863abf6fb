"""The one exception of the project's own."""


class AssumptionError(ValueError):
    """A hypothesis of a theorem does not hold for the given data.

    The message names the hypothesis, the values that break it, and the way out. A malformed argument
    (wrong shape, NaN, unknown option) is a plain `ValueError`.
    """
