"""The models of section 5."""
