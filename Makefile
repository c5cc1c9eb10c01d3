# `make` lists the targets. Everything is made in .venv and build; ARGS is passed on.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV := uv==0.13.9

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z.][a-z-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- environments
# One .venv, filled in two steps: what runs (requirements.txt), then what tests (constraints.txt, a superset
# with the same versions). Both carry hashes, and pip refuses whatever differs.

.PHONY: .venv
.venv: .venv/.runs ## the environment that runs Forestall

.venv/.python:
	@python=$$(bash tests/servers/python.sh) && "$$python" -m venv .venv
	@touch $@

.venv/.runs: .venv/.python requirements.txt pyproject.toml
	@echo "installing what runs Forestall into .venv"
	@$(PIP) install --only-binary :all: --require-hashes -r requirements.txt
	@$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@touch $@

.venv/.tests: .venv/.runs constraints.txt
	@echo "installing what tests Forestall into .venv"
	@$(PIP) install --only-binary :all: --require-hashes -r constraints.txt
	@touch $@

.PHONY: servers
servers: # Kafka, Redis and Prometheus for the tests
	@tests/servers/install.sh

.PHONY: constraints
constraints: ## resolve pyproject.toml anew into constraints.txt and requirements.txt (UPGRADE=--upgrade)
	@test -x build/uv/bin/uv || { $$(bash tests/servers/python.sh) -m venv build/uv && \
		build/uv/bin/python -m pip install -q $(UV); }
	@echo 'setuptools>=77' | $(RESOLVE) --all-extras -o constraints.txt
	@echo 'setuptools>=77' | $(RESOLVE) --extra local --extra boosting --extra report -c constraints.txt -o requirements.txt

RESOLVE = build/uv/bin/uv pip compile pyproject.toml - --universal --python-version 3.11 \
	--generate-hashes --no-strip-extras --no-header --no-annotate --quiet $(UPGRADE)

# ---------------------------------------------------------------- run

.PHONY: demo
demo: .venv/.runs ## foresee problems in a real sample, live (ARGS=--exit ends after the replay)
	@$(BIN)/forestall demo $(ARGS)

.PHONY: bench
bench: servers .venv/.tests ## benchmarks (ARGS="throughput --json F")
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: chaos
chaos: servers .venv/.tests ## real or simulated faults (ARGS="--minutes N --seed K --json F")
	@$(BIN)/python -m tests.chaos $(ARGS)

# ---------------------------------------------------------------- check

.PHONY: test
test: servers .venv/.tests lint types fresh ## every check and every test but the long ones
	@$(BIN)/python -m pytest -m "not long" --cov --cov-report=term $(ARGS)

.PHONY: test-all
test-all: servers .venv/.tests lint types fresh ## every check and every test
	@$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

.PHONY: lint
lint: .venv/.tests ## style, and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --cache-dir build/import-linter

.PHONY: types
types: .venv/.tests build/typing/forestall ## mypy --strict
	@$(BIN)/mypy

# mypy does not follow editable installs: give it the import name as links.
build/typing/forestall:
	@mkdir -p $@
	@ln -sfn ../../../schemas ../../../pipeline ../../../agents $@/

.PHONY: fresh
fresh: .venv/.tests ## what is generated is up to date
	@$(BIN)/python -m forestall.schemas.generate --check
	@$(BIN)/python -m forestall.pipeline.catalogue_reference --check docs/catalogue.md
	@$(BIN)/python -m forestall.agents.settings_reference --check docs/settings.md
	@$(BIN)/python -m forestall.agents.cli.reference --check docs/cli.md

.PHONY: clean
clean: ## remove .venv, build and every cache
	@rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
