#!/bin/sh
# JAX on a CPU, with no switch set, reads subnormal inputs of a compiled function as zero, in float32 and in float64: the
# same products of the same numbers are 0.4 and 1 in numpy and 0 in JAX, whose weights near the largest float make them
# large. A bound that allows for results flushed to zero (off by 2^-126) does not cover it: the loss is |w| 2^-126. A sum
# is flushed as well; a copy is not. One would guess gradual underflow, as in numpy, or that tiny inputs matter little.
# Seen with jax 0.10.2, numpy 2.4.6, Python 3.11; exits 1 if the behaviour changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 jax==0.10.2 jaxlib==0.10.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import jax
import numpy as np

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)
print(f"jax {jax.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}, {jax.devices()[0].platform}")
seen = True
for kind, weight, x in ((np.float32, 4e37, 1e-38), (np.float64, 1e308, 1e-308)):
    w, v = np.array([[weight]], kind), np.array([[x]], kind)
    product = jax.jit(lambda a, b: a @ b)
    total = jax.jit(lambda a: a + a)
    same = jax.jit(lambda a: a)
    ours, theirs = float((v @ w)[0, 0]), float(product(v, w)[0, 0])
    double, copy = float(np.asarray(total(v))[0, 0]), float(np.asarray(same(v))[0, 0])
    print(f"{kind.__name__}: {x:g} * {weight:g} is {ours:.3g} in numpy, {theirs:.3g} in JAX; x + x {double:g}, x {copy:g}")
    seen = seen and ours > 0.1 and theirs == 0.0
print(f"subnormal inputs count as zero: {seen}")
sys.exit(0 if seen else 1)
PYTHON
