# `make audit` and `make test` each set up what they need; nothing has to be installed before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What is compiled is kept: else every process compiles every library anew, half a minute of torch and sympy.
unexport PYTHONDONTWRITEBYTECODE

# One thread for each test worker: two workers with two threads each only get in each other's way.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: audit page test check format random nightly bench gpu mutants proofs venv clean

# The same generated cases each time: SEED=… for others. Then the reference of the code, beside the page.
SEED ?= 0
audit: $(VENV)/.installed
	$(ONE_THREAD) $(BIN)/pytest -q -n 2 --dist worksteal -m statement --audit=report --hypothesis-seed=$(SEED); \
	status=$$?; $(BIN)/python -m audit report; exit $$status

# The page of the last audit, drawn again without a test.
page: $(VENV)/.installed
	$(BIN)/python -m audit report

test: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(ONE_THREAD) $(BIN)/pytest -q -n 2 --hypothesis-profile ci

# Before a commit, in a minute: lint, types, and the tests of the ledger, the setting, networks, samples and documents.
QUICK := tests/theory/ledger tests/theory/setting tests/constructions/networks tests/constructions/samples \
	tests/interface/test_documents.py tests/interface/test_import_directions.py
check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(ONE_THREAD) $(BIN)/pytest -q -n 2 --hypothesis-profile unshrunk $(QUICK)

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Every property with a seed of its own, beside those of `make test`, which are always the same.
random: $(VENV)/.installed
	seed=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' '); echo "random examples, --hypothesis-seed=$$seed"; \
	$(ONE_THREAD) $(BIN)/pytest -q -n 2 -m hypothesis --hypothesis-profile random --hypothesis-seed=$$seed

nightly: $(VENV)/.installed
	$(ONE_THREAD) $(BIN)/pytest -q -n 2 --nightly --hypothesis-profile nightly

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks

# For a machine with a GPU, eight minutes at most: the tests that are skipped elsewhere, then the speed of section 4.
# Where there is no GPU the tests are skipped here too, and the table is of small sizes on the CPU.
gpu: $(VENV)/.installed
	timeout 480 sh -c '$(BIN)/pytest -q -m gpu $$(grep -rl --include="*.py" "mark[.]gpu" tests); status=$$?; \
	$(BIN)/python -m benchmarks seeds && exit $$status'

# Every small change of what is trusted has to make a test fail; hours. MODULES="theory/setting/norms.py ..." for some files.
mutants: $(VENV)/.mutants
	$(BIN)/python -m benchmarks.mutants $(MODULES)

# Every theorem by coqc, and proofs/status.json, which says so; no part of `make test`, which sees that it is of these files.
# Then the proved checker as a program, which has to confirm what constructions.check does.
proofs: $(VENV)/.installed
	@command -v coqc > /dev/null && command -v ocamlopt > /dev/null || { \
	  echo "make proofs needs coqc and ocamlopt; on Debian or Ubuntu: apt-get install" \
	  "coq libcoq-coquelicot libcoq-flocq ocaml-nox libzarith-ocaml-dev"; exit 1; }
	$(MAKE) -C proofs
	$(MAKE) -C proofs twin
	$(ONE_THREAD) $(BIN)/pytest -q tests/constructions/check/test_twin.py

venv: $(VENV)/.installed

# What is never imported is never compiled: half of the minute that the installation took.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed: make PYTHON=python3.11 ...")'
	@echo "installing what the project needs into $(VENV), once: a minute or two, up to ten where it is downloaded slowly"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[test]'
	touch $@

$(VENV)/.mutants: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[mutants]'
	touch $@

clean:
	$(MAKE) -C proofs clean
	rm -rf $(VENV) report build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
