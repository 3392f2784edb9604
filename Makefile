.PHONY: help demo test lint bench gpu clean
PYTHON ?= python3
BIN := .venv/bin

help:  ## list these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 10

INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

define VENV
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "golfast needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
endef

# Stamps are made last, so that an interrupted installation is taken up again.
.venv/installed: pyproject.toml constraints.txt
	$(VENV)
	$(INSTALL) .
	touch $@

# Tests and checks need Ray, Atari, SciPy and more.
.venv/ready: pyproject.toml constraints.txt
	$(VENV)
	$(INSTALL) '.[dev]'
	touch $@

# What golfast itself needs is enough, and is there if the rest is.
demo: $(if $(wildcard .venv/ready),.venv/ready,.venv/installed)  ## set up, then see what a network imagines
	$(BIN)/golfast demo

# Kernels for GPUs are compiled and interpreted by the tests, which takes a compiler of a gigabyte.
.venv/triton: .venv/ready
	$(INSTALL) '.[dev,triton]'
	touch $@

test: .venv/triton  ## set up, then run the tests
	$(BIN)/pytest -q

lint: .venv/ready  ## ruff, and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready  ## measure, beside the peers
	$(BIN)/golfast bench

gpu: .venv/ready  ## on a machine with a GPU: its tests and every benchmark, into results/
	@$(BIN)/python -m golfast_bench.gpu --check
	$(INSTALL) '.[dev,gpu]'
	$(BIN)/python -m golfast_bench.gpu

clean:  ## remove what was built and made
	rm -rf .venv build *.egg-info runs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
