# `make help` lists the targets. Each sets up what it needs, and can be run twice in a row.
PYTHON ?= python3
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --python-version 3.11 --upgrade
AGAIN := $(BIN)/pytest --last-failed --last-failed-no-failures none --maxfail 10 tests
JOBS ?= $(shell expr 2 \* $$(nproc)) # tests wait for half of their time

.PHONY: help setup demo test check bench docs lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv, with .venv/bin/clary in it
	@$(PYTHON) scripts/setup.py

demo: setup ## from raw data to labels, on a home of its own that is gone afterwards; QUICK=1: without Spark
	@$(BIN)/python scripts/demo.py $(if $(QUICK),--quick)

test: setup ## run all tests, in parallel; what failed, once more by itself
	@$(BIN)/python scripts/environments.py awscli obstore s3fs sagemaker2 sagemaker3 >/dev/null
	@$(BIN)/python scripts/debian.py podman catatonit buildah skopeo dockerd docker || true
	$(BIN)/pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder --durations=20 tests || $(AGAIN)

check: setup ## lint, formatting, types, conventions, file sizes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest tests/conventions
	@$(BIN)/python scripts/sizes.py

bench: setup ## measure against peers, and write docs/benchmarks.md
	$(BIN)/python -m bench

docs: setup ## write what is generated: settings, operations, the README's picture
	$(BIN)/python scripts/settings.py
	$(BIN)/python scripts/operations.py
	$(BIN)/python scripts/picture.py

lock: setup ## resolve every dependency anew, into requirements/*.txt
	$(LOCK) -o requirements/runtime.txt
	$(LOCK) --group dev -o requirements/dev.txt
	$(BIN)/python scripts/environments.py --lock
	$(BIN)/python scripts/image_locks.py

clean: ## remove what these targets made
	rm -rf .venv .envs .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
