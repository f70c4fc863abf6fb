"""The statements of the paper, their formulas and witnesses, as data."""
