# Every target sets up .venv itself; `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
UI_PORT ?= 5000
BIN := .venv/bin
READY := .venv/ready
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export PATH := $(CURDIR)/$(BIN):$(PATH)
.DEFAULT_GOAL := help
.PHONY: help setup run data sweep test lint serve ui bench lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(READY)  ## make .venv from requirements.lock (the other targets do it themselves)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Archstyle needs Python 3.11 to 3.13: run make PYTHON=python3.12 (or wherever yours is)." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirements requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

run: setup  ## photos to a registered model: the seven stages, in MLflow
	@if python -m pipeline.fetch --changed; then dvc repro --force --single-item fetch; fi
	@dvc repro
	@archstyle record

data: setup  ## the photos in pictures, in reports/data.html, and nothing else
	@if python -m pipeline.fetch --changed; then dvc repro --force --single-item fetch; fi
	@dvc repro describe

sweep: setup  ## search better values (SWEEP=quick TRIALS=20 WORKERS=2; conf/sweep/ says what)
	@if python -m pipeline.fetch --changed; then dvc repro --force --single-item fetch; fi
	@dvc repro prepare
	@python -m pipeline.sweep $(if $(SWEEP),sweep=$(SWEEP)) \
	  $(if $(TRIALS),hydra.sweeper.n_trials=$(TRIALS)) \
	  $(if $(WORKERS),hydra/launcher=$(or $(LAUNCHER),workers) hydra.sweeper.n_jobs=$(WORKERS)) $(ARGS)

results: setup  ## train and measure every recipe; writes docs/results.md and the README's table
	@if python -m pipeline.fetch --changed; then dvc repro --force --single-item fetch; fi
	@dvc repro prepare
	@python -m pipeline.results

serve: setup  ## the page, on http://127.0.0.1:8000 (PORT= changes it)
	@exec env PORT=$(PORT) python -m serving

ui: setup  ## MLflow's own pages, on http://127.0.0.1:5000 (UI_PORT= changes it)
	@echo "The runs: http://127.0.0.1:$(UI_PORT)/#/experiments/1/runs?workflowType=machine_learning"
	@exec env MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/mlflow.db}" --port $(UI_PORT) --workers 1

test: setup  ## the tests
	@python -m pytest

lint: setup  ## ruff and mypy
	@ruff check . && ruff format --check . && mypy

bench: setup  ## the benchmarks, as tables
	@for file in benchmarks/[a-z]*.py; do python -m benchmarks.$$(basename $$file .py) || exit 1; done

lock: setup  ## resolve requirements.lock anew
	@uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
	  --extra dev --upgrade pyproject.toml --output-file requirements.lock

clean:  ## remove what the stages made; the runs in MLflow stay
	@rm -rf data/raw data/prepared data/augmented models reports
