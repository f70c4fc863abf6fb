"""Pairs of points near each other, found without looking at every pair: bounds name candidates, differences decide."""
