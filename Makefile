# Needs Python 3.11+, git and make. Everything is installed once, into .venv.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

PYTEST := python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo test test-long lint
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1	/' | expand -t 17

setup: .venv/installed ## create the environment in .venv

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Espalier needs Python 3.11 or later; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,imagenet]'
	touch $@

demo: setup ## train a ProGAN 4 -> 8 -> 16 -> 32 on the built-in dolls and write a sample grid
	espalier run progan
	espalier sample artifacts/progan/r32 -n 64 --seed 1 -o demo.png

lint: setup ## ruff and mypy --strict
	ruff check .
	ruff format --check .
	mypy

test: lint ## lint, then all tests except the long ones
	$(PYTEST) -m "not long"

test-long: setup ## long tests: flows of several minutes, kills, two machines, ablations
	$(PYTEST) -m long
