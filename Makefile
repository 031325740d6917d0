# `make run` and `make test` need nothing prepared; everything else builds on what they set up.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
# So that Ctrl-C stops the hub in order and make itself stays quiet about it.
.SILENT:

HUB := .venv/hub/bin
TEST := .venv/test/bin
# SPAWNER=local or docker chooses by hand; without it, containers where an engine answers.
CHOSEN := $(if $(SPAWNER),COHORTHUB_SPAWNER=$(SPAWNER),)

.PHONY: help
help: ## List what can be made
	grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | \
	  awk 'BEGIN {FS = ":.*## "} {printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: run
run: ## Start the whole hub on this machine (SPAWNER=local or docker chooses how)
	tools/setup system hub
	if [ "$$(env $(CHOSEN) $(HUB)/cohorthub backend)" = local ]; then \
	  tools/setup student; else tools/setup docker; fi
	exec env $(CHOSEN) $(HUB)/cohorthub run

.PHONY: setup
setup: ## Set up the hub's environment and the proxy, without starting anything
	tools/setup system hub

.PHONY: image
image: setup ## Build the students' image, or find it built
	tools/setup docker
	$(HUB)/cohorthub image build course

.PHONY: materials
materials: setup ## Build all notebooks from their sources into build/notebooks
	$(HUB)/cohorthub materials build

.PHONY: test
test: ## Run the whole suite (REQUIRE_ALL=1: a skipped test is a failure)
	tools/test

.PHONY: test-quick
test-quick: ## Run only the tests that need neither engine, browser nor notebooks
	tools/setup system hub test
	$(TEST)/python -m pytest tests/unit -m "not notebooks and not docker and not embedded"

.PHONY: lint
lint: ## Check style, types, import directions, Dockerfiles and shell scripts
	tools/setup system hub test
	tools/lint

.PHONY: format
format: ## Format the Python code
	$(TEST)/ruff check --fix-only -q . && $(TEST)/ruff format -q .

.PHONY: bench
bench: ## Measure links, spawns and the idle hub beside a plain DockerSpawner
	tools/setup system hub test
	$(TEST)/python -m benchmarks

.PHONY: docs
docs: setup ## Write the generated parts of README.md and docs/
	$(HUB)/cohorthub docs

.PHONY: lock
lock: ## Refresh the lock files from their .in files, and show what changed
	tools/setup system test
	tools/lock

.PHONY: clean
clean: ## Remove environments, caches and builds; students' files in .cohorthub stay
	rm -rf .venv .cache build proxy/node_modules
