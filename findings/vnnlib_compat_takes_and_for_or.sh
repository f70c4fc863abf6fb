#!/bin/sh
# vnnlib 1.0.2: `vnnlib.compat.transform`, which turns a query into boxes and rows for a verifier, makes another query of
# it. Two assertions, a box and a disjunction A or B, mean "box and (A or B)". It gives "A or B, of any input" and "the box,
# whatever the output": a verifier that takes the cases one by one finds a violation of every network. And `== 0.1` of an
# output becomes `<= 0.1`. One would guess that a file of a box and a disjunction, the usual form of a robustness property,
# is what the function is for. Seen with vnnlib 1.0.2, numpy 2.4.6, Python 3.11; exits 1 if the behaviour changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check vnnlib==1.0.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import vnnlib
from vnnlib import compat

HEAD = "(vnnlib-version <2.0>)(declare-network f (declare-input X real [1])(declare-output Y real [2]))"
BOX = "(assert (and (>= X[0] 0.0)(<= X[0] 1.0)))"


def cases(text):
    """Of each case the box of the input and the rows `A y <= b`."""
    found = compat.transform(vnnlib.parse_query_string(HEAD + text))
    read = [
        (
            [[float(end) for end in ends] for ends in case.input_box],
            [(part.coeff_matrix, part.rhs) for part in case.output_constraints],
        )
        for case in found
    ]
    for box, rows in read:
        print(f"    box {box}, rows {rows}")
    return read


print(f"vnnlib {version('vnnlib')}, python {sys.version.split()[0]}")
print("x in [0, 1] and (y_0 <= 0.1 or y_1 <= 0.2):")
either = cases(BOX + "(assert (or (<= Y[0] 0.1)(<= Y[1] 0.2)))")
print("x in [0, 1] and y_0 = 0.1:")
equal = cases(BOX + "(assert (== Y[0] 0.1))")
without_box = [len(rows) for box, rows in either if box == [[float("-inf"), float("inf")]]]
without_rows = [box for box, rows in either if not any(bounds for _, bounds in rows)]
one_row = [len(bounds) for _, rows in equal for _, bounds in rows] == [1]
print(f"cases {len(either)}: the alternatives without the box {without_box}, boxes without a row {without_rows}")
print(f"the equation became one row: {one_row}")
sys.exit(0 if len(either) == 2 and without_box == [2] and without_rows == [[[0.0, 1.0]]] and one_row else 1)
PYTHON
