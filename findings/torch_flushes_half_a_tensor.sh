#!/bin/sh
# torch.set_flush_denormal(True) holds for the calling thread and for threads that start later, not for the workers that
# torch already has. After any earlier parallel operation one product of one tensor is flushed in part: exactly the
# chunk of the calling thread. In that thread it also holds for numpy and for Python's own floats, where 5e-324 * 1.0 is
# 0.0 and sys.float_info promises a subnormal that is equal to 0. One would guess: all of torch, and nothing else.
# Seen with torch 2.13.0, numpy 2.4.6, Python 3.11; exits 1 if the behaviour changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import torch

torch.set_num_threads(2)
small = torch.full((1_000_000,), 1e-39)
zeros = [int((small * 1.0 == 0).sum())]
supported = torch.set_flush_denormal(True)
zeros.append(int((small * 1.0 == 0).sum()))
least = float("5e-324")  # a variable, or the compiler multiplies
few, python, numpy = int((small[:100] * 1.0 == 0).sum()), least * 1.0, float(np.float64(least) * np.float64(1.0))
torch.set_flush_denormal(False)
print(f"torch {torch.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}, two threads")
print(f"a million subnormals times 1: {zeros[0]} zeros; flushing (supported: {supported}): {zeros[1]} zeros")
print(f"of the first hundred: {few} zeros; Python's 5e-324 * 1.0: {python}; numpy's: {numpy}")
seen = supported and zeros[0] == 0 and 0 < zeros[1] < 1_000_000 and few == 100 and python == 0.0 and numpy == 0.0
print(f"flushed in part, and beyond torch: {seen}")
sys.exit(0 if seen else 1)
PYTHON
