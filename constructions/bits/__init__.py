"""Memorizers with integer weights: robust bits, exact codes, and bit extraction."""
