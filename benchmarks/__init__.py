"""Measured figures, as ratios against a named peer or a physical limit in the same run."""
