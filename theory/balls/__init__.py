"""Margins on balls: sound bounds, exact minima, and the cells of a network."""
