"""All constructions counted on the same data, beside the published bounds."""
