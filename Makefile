# make demo   the main job on a trained MNIST network, with a report in the terminal
# make test   the tests
# make setup  what both need, in .venv; installs once, and again when the lock changes
# make fuzz   some hundred random networks, in some minutes
# make lint   format, rules, types, and the direction of imports
# make costs  fits what plans are predicted with, in some hours; see docs/results/calibrate.py
# make docs   the documentation as a site, in build/site
# make docs-figures  its pictures, of a report; wants Chromium
# make results  measures the examples for docs/results; wants the data sets

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# PyTorch's idle threads otherwise spin, and a busy machine becomes a hundred times slower.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: setup demo test fuzz lint costs docs docs-figures results
setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'make: $(PYTHON) must be Python 3.11 or later; name one with PYTHON=…' >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo 'make: $(PYTHON) cannot make virtual environments; install python3-venv' >&2; exit 2; }
	@echo 'make: installing what requirements.lock names into $(VENV), some minutes the first time'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@test -n "$$($(BIN)/find_libpython)" || \
	  { echo 'make: cocotb needs the shared library of $(PYTHON); install libpython3-dev' >&2; exit 2; }
	@touch $@

demo: setup
	$(BIN)/s2nn-hw demo -o build/demo

# One worker a core; the tests of one file stay together, for what they build is shared.
test: setup
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

# Random graphs of every kind of layer, in Verilog against the golden model.
fuzz: setup
	S2NN_HW_FUZZ=$${S2NN_HW_FUZZ:-300} $(BIN)/python -m pytest -n auto tests/fuzz $(ARGS)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

costs: setup
	$(BIN)/python docs/results/calibrate.py $(ARGS)

docs: setup
	$(BIN)/mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml

docs-figures: setup
	$(BIN)/python docs/site/figures.py

results: setup
	$(BIN)/python docs/results/measure.py $(ARGS)
