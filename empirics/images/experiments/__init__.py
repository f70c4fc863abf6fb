"""The experiments of section 4: what is trained, measured and kept."""
