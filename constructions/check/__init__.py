"""A small checker of certificate files that uses nothing else of the project: `python -m constructions.check`."""
