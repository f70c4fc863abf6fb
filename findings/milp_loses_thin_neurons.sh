#!/bin/sh
# scipy.optimize.milp (HiGHS) says "optimal", with a dual bound and a gap of 0, and the optimum is wrong by 1: +1/2 in
# place of -1/2, where every variable of a hidden neuron's range is below mip_feasibility_tolerance = 1e-6. One would
# guess that a tolerance of 1e-6 costs about 1e-6, or that the dual bound is safe; here a cost of 2^22 stands behind it.
# Scaled to [0, 1] it is solved. Seen with scipy 1.17.1, numpy 2.4.6, Python 3.11; exits 1 if the behaviour changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import scipy
from scipy.optimize import Bounds, LinearConstraint, milp

r = 2.0**-22


def least(unit):
    """min 1/2 - relu(x) / r for x in [-r, r], with x = unit X and relu(x) = unit H, by one binary A = [x > 0]."""
    end = r / unit  # X in [-end, end], H in [0, end]
    rows = [[-1, 1, 0], [-1, 1, end], [0, 1, -end]]  # H >= X;  H <= X + end (1 - A);  H <= end A
    found = milp(
        [0.0, -unit / r, 0.0],
        integrality=[0, 0, 1],
        bounds=Bounds([-end, 0, 0], [end, end, 1]),
        constraints=LinearConstraint(rows, [0, -np.inf, -np.inf], [np.inf, end, 0]),
        options={"mip_rel_gap": 0.0},
    )
    print(f"unit {unit:g}: {found.message}")
    print(f"    optimum {0.5 + found.fun}, dual bound {0.5 + found.mip_dual_bound}, gap {found.mip_gap}")
    print(f"    at x = {unit * found.x[0]:g}, relu(x) = {unit * found.x[1]:g}, A = {found.x[2]:g}")
    return found.success, 0.5 + found.fun, 0.5 + found.mip_dual_bound


print(f"scipy {scipy.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}")
print(f"min of 1/2 - relu(x) / r over [-r, r], r = 2^-22: at x = r, relu(x) = r, A = 1 it is {0.5 - r / r}")
as_it_is, scaled = least(1.0), least(r)
lost = as_it_is[0] and as_it_is[1] > 0.4 and as_it_is[2] > 0.4
repaired = scaled[0] and abs(scaled[1] + 0.5) < 1e-6 and abs(scaled[2] + 0.5) < 1e-6
print(f"lost as it is: {lost}; repaired by the scale: {repaired}")
sys.exit(0 if lost and repaired else 1)
PYTHON
