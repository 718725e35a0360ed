# Each target sets up everything it needs in .venv. Another Python: make demo PYTHON=python3.12
PYTHON ?= python3
VIDEO ?=
OUTPUT ?= gfsalnet-out
BIN := .venv/bin
SECONDS ?=
SEED ?= 0

.PHONY: demo test test-all test-release lint release-check docs clean

demo: .venv/installed
	@if [ -n "$(VIDEO)" ]; then $(BIN)/gfsalnet predict "$(VIDEO)" --output "$(OUTPUT)" --save overlay,gate,maps,csv; \
	else $(BIN)/gfsalnet demo --output "$(OUTPUT)"; fi

# Neighbours share what was made for them: they stay in one process until another has nothing left to do. Bytecode is
# kept: tests start many processes, and each would compile the package anew.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n auto --dist worksteal

test: .venv/installed-dev
	$(PYTEST) -m "not slow"

test-all: .venv/installed-dev
	$(PYTEST)

# Many rounds of kills, faults and damaged inputs: hours, or so many SECONDS; with another SEED other ones.
test-release: .venv/installed-dev
	GFSALNET_TEST_SECONDS=$(SECONDS) GFSALNET_TEST_SEED=$(SEED) $(PYTEST) tests/robustness -m release

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# All that a release needs, of the commit that is checked out; wheel and sdist are then in dist/.
release-check: .venv/installed-dev
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/test_release.py
	$(BIN)/python .ci/release_check.py --keep dist

docs: .venv/installed-docs
	$(BIN)/python docs/verbs/make.py
	$(BIN)/zensical build --clean

clean:
	rm -rf .venv gfsalnet-out dist

.venv/installed-docs: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	@touch $@

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/installed-dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@
