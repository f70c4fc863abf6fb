"""Trained networks: synthetic and real data, measures, figures."""
