# Two commands: `make run` sets up and runs the main job, `make test` sets up and runs the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TORCH := $(shell sed -n 's/^ *"\(torch==[^"]*\)",*$$/\1/p' pyproject.toml)
CORES ?= all
LOCK_FLAGS ?=
SLURM_TESTS ?=
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := run
.PHONY: run test test-slow test-slurm lint format docs lock clean

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps $(TORCH)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

run: $(READY)
	snakemake --cores $(CORES)

test: $(READY)
	python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-slow: $(READY)
	python -m pytest -m slow

test-slurm: $(READY)  # needs root and Slurm's packages; tests/slurm/cluster.py names them
	python -m pytest -m slurm -rs -k "$(SLURM_TESTS)"

lint: $(READY)
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	snakemake --lint

format: $(READY)
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

docs: $(READY)
	python -m sphinx -W --keep-going -q docs docs/_build

lock: pyproject.toml  # needs uv; torch is left out so that each machine takes the build that fits it, and torchvision as nobody imports it
	uv pip compile --quiet --generate-hashes --no-emit-package torch --no-emit-package torchvision --extra dev --python-version 3.11 \
	  --custom-compile-command "make lock" $(LOCK_FLAGS) pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) results data/simulations
