"""The definitions of section 3: norms, losses, separation, the ideal classifier."""
