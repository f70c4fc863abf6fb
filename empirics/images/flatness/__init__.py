"""The flatness measures of section 4, searched, bracketed, and in closed form."""
