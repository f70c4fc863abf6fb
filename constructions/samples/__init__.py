"""Labelled samples, and the tasks that they give."""
