"""Mutation testing of what must be trusted: one small change of the source at a time, and a test has to fail."""
