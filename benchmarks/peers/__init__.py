"""Verifiers behind one function each: `answer(question, seconds)` is "unsat", "sat" or "unknown"."""
