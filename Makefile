# Needs only Python 3.11+ and make: every target sets up what is missing.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install train check test test-all lint bench clean

install: .venv/installed

.venv/installed: pyproject.toml scripts/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "attnlab needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint scripts/constraints.txt --editable '.[dev]'
	touch $@

train: install
	$(BIN)/attnlab train task=pos

# While one works: lint, types, and the tests that speak of what has changed (since SINCE).
SINCE ?= HEAD
check: lint
	@tests=$$($(BIN)/python scripts/tests_of_changes.py $(SINCE)); \
	if [ -n "$$tests" ]; then OMP_NUM_THREADS=1 $(BIN)/pytest -n auto -m 'not slow' $$tests; else echo "no tests of what has changed"; fi

# One test process for each core, one thread in each.
test: install
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto -m 'not slow'

test-all: install
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Speed beside other libraries on the real data in SHARED, then by section and part of a step; alone on the machine.
SHARED ?= ../shared/data
PAIRS ?= 7
bench: install
	$(BIN)/pip install --quiet --constraint scripts/constraints.txt --editable '.[bench]'
	$(BIN)/pip install --quiet --no-deps joeynmt==2.3.0  # alone: it asks for an older protobuf than wandb's
	$(BIN)/python scripts/bench_peers.py $(SHARED) --pairs $(PAIRS) --json outputs/bench/peers.json
	$(BIN)/attnlab bench shared=$(SHARED) out=outputs/bench

clean:
	rm -rf .venv outputs build dist
