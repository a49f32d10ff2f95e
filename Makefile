# Every target sets up .venv itself; `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
UI_PORT ?= 5000
DATA ?= world
BIN := .venv/bin
READY := .venv/ready
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export PATH := $(CURDIR)/$(BIN):$(PATH)
.DEFAULT_GOAL := help
.PHONY: help setup run data sweep results release test test-fast test-ray lint serve ui bench catalogues screenshot lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

# A virtual environment carries absolute paths: one that was moved or copied runs another folder's
# code, or none. .venv/ready holds the folder it was made for, and is missing until it is whole.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

define CHECK
import platform, sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit("Archstyle needs Python 3.11 to 3.13: run make PYTHON=python3.12 (or wherever yours is).")
if (platform.system(), platform.machine()) == ("Darwin", "x86_64"):
    sys.exit("TensorFlow has no packages for Macs with Intel processors: use another machine.")
if platform.system() == "Linux" and platform.libc_ver()[0] != "glibc":
    sys.exit("TensorFlow has no packages for musl (Alpine): use a distribution with glibc.")
endef
export CHECK

setup: $(READY)  ## make .venv from requirements.lock (the other targets do it themselves)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c "$$CHECK"
	@git rev-parse --git-dir >/dev/null 2>&1 || \
	  { echo "This folder is not in a git repository, which DVC needs: git clone it, or git init." >&2; exit 1; }
	@case "$$(pwd -P)" in *:*) \
	  echo "A folder with a colon in its name cannot be on a PATH: rename it." >&2; exit 1;; esac
	@[ "$$(cat $@ 2>/dev/null)" = "$$(pwd -P)" ] || rm -rf .venv
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "The environment cannot be made: on Debian and Ubuntu, apt install python3-venv." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirements requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@pwd -P > $@

# 0: the photos are not those that were fetched last; 3: they are; anything else is an error.
define FETCH
@python -m pipeline.fetch --changed; status=$$?; \
if [ $$status = 0 ]; then dvc repro --force --single-item fetch; \
elif [ $$status != 3 ]; then exit $$status; fi
endef

run: setup  ## photos to a registered model: the seven stages, in MLflow
	$(FETCH)
	@dvc repro
	@archstyle record

data: setup  ## the photos in pictures, in reports/data.html, and nothing else
	$(FETCH)
	@dvc repro describe

sweep: setup  ## search better values (SWEEP=quick TRIALS=20 WORKERS=2; conf/sweep/ says what)
	$(FETCH)
	@dvc repro prepare
	@archstyle sweep $(if $(SWEEP),--space $(SWEEP)) $(if $(TRIALS),--trials $(TRIALS)) \
	  $(if $(WORKERS),--workers $(WORKERS)) $(ARGS)

results: setup  ## train and measure every recipe; writes docs/results.md and the README's table
	$(FETCH)
	@dvc repro prepare
	@python -m benchmarks.results $(if $(SEEDS),--seeds $(SEEDS))

# What DATA names stays in params.yaml, as what it made stays in data/, models/ and reports/.
release: setup  ## train the collection DATA (world), check it and write models/released
	@test -f conf/data/$(DATA).yaml || { echo "There is no conf/data/$(DATA).yaml: make release DATA=photos" >&2; exit 1; }
	@sed 's/^  data: [a-z_]*/  data: $(DATA)/' params.yaml > .params.yaml && mv .params.yaml params.yaml
	$(FETCH)
	@dvc repro
	@archstyle record
	@archstyle release
	@python -m benchmarks.results.released

serve: setup  ## the page, on http://127.0.0.1:8000 (PORT= changes it)
	@exec env PORT=$(PORT) python -m serving

ui: setup  ## MLflow's own pages, on http://127.0.0.1:5000 (UI_PORT= changes it)
	@echo "The runs: http://127.0.0.1:$(UI_PORT)/#/experiments/1/runs?workflowType=machine_learning"
	@exec env MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/mlflow.db}" --port $(UI_PORT) --workers 1

test: test-fast  ## all tests, on two cores: the fast ones first
	@python -m pytest -n 2 --dist worksteal -m slow

test-fast: setup  ## those that need no training, browser or server: under a minute
	@python -m pytest -n 2 --dist worksteal -m "not slow" --durations=0

test-ray: setup  ## those on a Ray cluster of two nodes: two minutes, with nothing beside
	@python -m pytest -m ray tests/test_cluster.py tests/test_sweep.py

lint: setup  ## ruff and mypy
	@ruff check . && ruff format --check . && mypy

bench: setup  ## the benchmarks, as tables (BENCH="bundle gate" for some of them)
	@for name in $(or $(BENCH),$(basename $(notdir $(wildcard benchmarks/[a-z]*.py)))); do \
	  python -m benchmarks.$$name || exit 1; done

catalogues: setup  ## serving/translations anew, from what visitors read in the code
	@pybabel --quiet extract --mapping-file pyproject.toml --no-location --omit-header --keyword marked \
	  --keyword PhotoError:2 --keyword Refusal:3 --output-file .messages.pot serving src/archstyle/photos src/archstyle/registry
	@pybabel --quiet update --input-file .messages.pot --output-dir serving/translations \
	  --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date; rm .messages.pot
	@pybabel --quiet compile --directory serving/translations

screenshot: setup  ## docs/page.png anew, with the model that answers
	@python -m tests.screenshot

lock: setup  ## resolve requirements.lock anew
	@uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
	  --extra dev --upgrade pyproject.toml --output-file requirements.lock

clean:  ## remove what the stages made; the runs in MLflow and the released model stay
	@rm -rf data/raw data/prepared data/augmented reports \
	  $(filter-out models/released,$(wildcard models/*))
