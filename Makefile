# Every step of development. `make` alone lists them.
# PYTHON chooses the interpreter, ARGS goes to the program that a target runs (make test ARGS="-k graph").

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
UV := .tools/bin/python tools/uv.py
SOURCES := src tests tools docs/conf.py $(wildcard benchmarks fuzz)

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22

.PHONY: setup
setup: .venv/.ready ## make .venv with everything in it, from the lock

.PHONY: demo
demo: setup ## serve a small sample platform and say what to try
	$(BIN)/upgraph demo $(ARGS)

# Tests start hundreds of processes. Each would compile what it imports where bytecode may not be written, or not there.
.PHONY: test
test: export PYTHONDONTWRITEBYTECODE =
test: export PYTHONPYCACHEPREFIX = $(CURDIR)/.venv/pycache
test: setup deps parts copier cluster-tools ## run every test, with branch coverage of what runs in the tests themselves
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --no-loadscope-reorder --cov --cov-report=term $(ARGS)

# The service, the command line and the operator also run in processes of their own; to cover those too takes half as long again.
.PHONY: coverage
coverage: export UPGRAPH_COVER = subprocess
coverage: test ## run every test, with branch coverage of all processes

.PHONY: lint
lint: setup ## check style, types, the room plan, spelling, changelog fragments and locks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/codespell
	$(BIN)/towncrier build --draft --version next >/dev/null
	$(BIN)/python tools/lock.py --check

.PHONY: format
format: setup ## format the code and repair what can be repaired
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: bench
bench: setup deps parts cluster-tools ## measure, beside nginx and a bare client
	$(BIN)/python -m benchmarks $(ARGS)

# What the image is made of: fetched once, so that building and testing need no network.
.PHONY: parts
parts: setup deps ## fetch what the image is made of, so that building it needs no network
	$(BIN)/python -m tools.image --fetch

# Needed for `graph-data pack --runnable` alone; the compiler is a download of 100 MB, once.
.PHONY: copier
copier: setup .copier/.ready ## compile the program of graph-data images that need no base image
	PYTHONPATH=$(CURDIR)/.copier ZIG_GLOBAL_CACHE_DIR=$(CURDIR)/.copier/cache $(BIN)/python -m tools.copier

# ARGS=--plain leaves the APIs of OpenShift out, ARGS=--real-nodes brings nodes that run pods (root).
.PHONY: cluster
cluster: setup deps cluster-tools ## start a real control plane, and say how to reach it
	$(BIN)/python -m tools.cluster $(ARGS)

# The first time it compiles Kubernetes: ten minutes on two cores.
.PHONY: cluster-tools
cluster-tools: setup ## build the programs of the control plane, once for all checkouts
	$(BIN)/python -m tools.cluster.build

.PHONY: wheel
wheel: setup copier ## build the package, with that program, into dist
	$(UV) build --quiet --wheel --no-build-isolation --python=$(BIN)/python --out-dir=dist

# ARCH=arm64 builds for another machine, BASE_IMAGE=NAME builds on another base, DEBIAN_MIRROR=LINE uses a mirror.
.PHONY: image
image: setup deps copier ## build the operand image, and an archive of it
	$(BIN)/python -m tools.image $(if $(ARCH),--arch=$(ARCH)) $(if $(BASE_IMAGE),--base=$(BASE_IMAGE)) \
	  $(if $(BUILDER_IMAGE),--builder=$(BUILDER_IMAGE)) $(if $(DEBIAN_MIRROR),"--mirror=$(DEBIAN_MIRROR)") $(ARGS)

# FUZZ_SECONDS is for each target; ARGS may name targets.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: setup .fuzz/.ready ## search for input that breaks a parser, for a bounded time
	PYTHONPATH=.fuzz $(BIN)/python -m fuzz --seconds=$(FUZZ_SECONDS) $(ARGS)

.PHONY: docs
docs: setup ## build the documentation into docs/_build
	$(BIN)/python -m tools.generate_docs
	$(BIN)/sphinx-build -n -W --keep-going -q -b html docs docs/_build

.PHONY: deps
deps: ## install the Debian packages that tests need, or name them
	@$(PYTHON) tools/debian.py

.PHONY: lock
lock: .tools/.ready ## resolve the dependencies anew (make lock ARGS=--upgrade takes newer ones)
	.tools/bin/python tools/lock.py $(ARGS)

.PHONY: clean
clean: ## remove everything that make has made
	rm -rf .venv .tools .fuzz .copier .go dist docs/_build src/upgraph/graphdata/runnable/copier-* .coverage .coverage.* .hypothesis .*_cache
	find src tests tools -name __pycache__ -prune -exec rm -rf {} +

# The stamps make a repeated call instant: they are older than their inputs only after a change.
.tools/.ready: requirements/tools.lock
	rm -rf .tools
	$(PYTHON) -m venv .tools || { $(PYTHON) tools/debian.py python3-venv && $(PYTHON) -m venv --clear .tools; }
	.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.lock
	touch $@

.venv/.ready: .tools/.ready pyproject.toml requirements/dev.lock
	test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	$(UV) pip sync --quiet --python .venv --require-hashes requirements/dev.lock
	$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	touch $@

# Apart from .venv: the fuzzer exists for few versions of Python, and nothing else needs it.
.fuzz/.ready: .tools/.ready requirements/fuzz.lock
	rm -rf .fuzz
	$(UV) pip install --quiet --python .venv --target .fuzz --only-binary :all: --require-hashes -r requirements/fuzz.lock
	touch $@

# Apart from .venv for its size: 400 MB.
.copier/.ready: .tools/.ready requirements/copier.lock
	rm -rf .copier
	$(UV) pip install --quiet --python .venv --target .copier --only-binary :all: --require-hashes -r requirements/copier.lock
	touch $@
