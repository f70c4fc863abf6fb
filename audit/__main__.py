"""`python -m audit [FOLDER]`: draws the page of a stored run again, without a test, with the reference of the code."""

import argparse
import sys
from pathlib import Path

from audit.names import FOLDER
from audit.page import write_page
from audit.reference import write_reference
from audit.stored import load
from audit.words import WHOLE


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if all was written, 1 if pdoc warned, 2 without a run."""
    parser = argparse.ArgumentParser(prog="python -m audit", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("report"), help="of the report; report if left out"
    )
    folder = parser.parse_args(arguments).folder
    try:
        content = load(folder)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    found = write_reference(folder)
    for warning in found:
        print(f"pdoc: {warning}", file=sys.stderr)
    write_page(folder, content)
    if content["state"] != WHOLE:
        print(content["state"])
    print(f"{folder}/index.html, with the reference in {folder}/{FOLDER}/index.html")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
