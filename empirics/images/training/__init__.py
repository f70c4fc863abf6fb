"""Data, models, attacks, and the training of section 4."""
