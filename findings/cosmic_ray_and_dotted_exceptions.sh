#!/bin/sh
# cosmic-ray's ExceptionReplacer reads `except csv.Error:` as if its dot were the name: the mutant is
# `except csvCosmicRayTestingExceptionError:`, no name that exists, so a NameError takes the place of whatever reaches
# the clause, and the mutant says nothing of that handler. In a tuple, `except (OSError, csv.Error):`, the dotted name is
# counted as a place of mutation, and making that mutant ends with an AttributeError, which stops the whole run.
# One would guess: `except cosmic's exception:`, as for a plain name, in both.
# Seen with cosmic-ray 8.7.0, parso 0.8.7, Python 3.11; exits 1 if the behaviour changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cosmic-ray==8.7.0 parso==0.8.7
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators.exception_replacer import ExceptionReplacer


def mutant(caught, occurrence):
    code = f"try:\n    f()\nexcept {caught}:\n    g()\n"
    compile(code, "code", "exec")
    try:
        return MutationVisitor.mutate_code(code, ExceptionReplacer(), occurrence).splitlines()[2]
    except AttributeError as error:
        return f"AttributeError: {error}"


print(f"cosmic-ray {version('cosmic-ray')}, parso {version('parso')}, python {sys.version.split()[0]}")
seen = [mutant("OSError", 0), mutant("csv.Error", 0), mutant("(OSError, csv.Error)", 1)]
for caught, found in zip(["OSError", "csv.Error", "(OSError, csv.Error), its second"], seen):
    print(f"except {caught}: becomes {found}")
right = [
    "except CosmicRayTestingException:",
    "except csvCosmicRayTestingExceptionError:",
    "AttributeError: 'PythonNode' object has no attribute 'value'",
]
print(f"a dotted name is not replaced: {seen == right}")
sys.exit(0 if seen == right else 1)
PYTHON
