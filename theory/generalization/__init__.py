"""The bounds of section 6."""
