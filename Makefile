# `make help` lists the targets. Everything happens in .venv; running a target twice is quick and safe.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
# Installed anew when one of the two files changes, and only then.
KEY := $(shell cat pyproject.toml constraints.txt | cksum | tr ' ' '-')
RUNS := $(VENV)/.installed-train-$(KEY)
TESTS := $(VENV)/.installed-dev-$(KEY)

export PYTHON VENV
export PATH := $(BIN):$(PATH)
# Nothing that is started here reports to anybody.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DVC_NO_ANALYTICS := 1
export DVC_STUDIO_OFFLINE := 1
export GX_ANALYTICS_ENABLED := False
export HF_HUB_DISABLE_TELEMETRY := 1
export HF_HUB_OFFLINE := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow check install install-dev constraints

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: install ## raw text to release, card and a trained model, on the corpus in examples/
	aigc-data run --engine prefect
	aigc-data train --commit
	aigc-data card
	aigc-data report

test: install-dev ## every test but those marked slow
	python -m pytest

test-slow: install-dev ## the tests marked slow
	python -m pytest -m slow

check: install-dev ## format, lint, types
	ruff format --check .
	ruff check .
	mypy

# The test environment is a superset of the other one.
install: $(if $(wildcard $(TESTS)),,$(RUNS)) ## .venv with what the demo needs

install-dev: $(TESTS) ## .venv with the tools of the tests too

$(RUNS):
	@scripts/make_venv.sh train $@

$(TESTS):
	@scripts/make_venv.sh train,dev $@

constraints: ## write constraints.txt from .venv, after versions were changed there on purpose
	scripts/write_constraints.sh
