"""What the paper claims: definitions, statements, bounds, witnesses."""
