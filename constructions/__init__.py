"""Explicit ReLU networks, their size, their certificates."""
