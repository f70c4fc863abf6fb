"""What no classifier that is robust around given points goes below; and no network around the worst points."""
