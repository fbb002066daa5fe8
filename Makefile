# make help lists what there is. Needs only python3 (3.11 or newer, with pip) and make; all else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_QUIET := -q --disable-pip-version-check --no-input
SEEDS ?= 200

.DEFAULT_GOAL := help
.PHONY: help setup setup-test engine demo check lint test test-docker test-browser sim fuzz bench fmt clean
MAKEFLAGS += --no-print-directory
# pip's words about running as root and about the user's own settings are no concern of a virtual environment.
export PIP_ROOT_USER_ACTION := ignore

help: ## lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## the virtual environment .venv with chaos-ecs and what it needs

setup-test: $(VENV)/.installed-test ## the same, and what the tests need

engine: setup ## sees to a Docker engine: uses the one that answers, or installs and starts one
	@$(BIN)/chaos-ecs doctor --fix --yes

demo: setup ## the tour, under 60 seconds: on real containers, or on the simulator where no engine can be had
	@$(BIN)/chaos-ecs doctor --fix --yes || true
	@$(BIN)/chaos-ecs demo

check: lint ## everything that needs no Docker: lint, types, unit, simulation, README; a minute and a half
	$(BIN)/python -m pytest -q tests/unit tests/sim

lint: setup-test ## ruff and mypy only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint $(VENV)/moto/.installed ## everything, on the real engine too; a missing engine is a failure here
	@$(BIN)/chaos-ecs doctor --fix --yes
	@$(BIN)/chaos-ecs images build --all
	CI=1 PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest

test-docker: setup-test $(VENV)/moto/.installed ## only what needs Docker: the contract and end to end
	@$(BIN)/chaos-ecs doctor --fix --yes
	@$(BIN)/chaos-ecs images build --all
	CI=1 PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest tests/contract tests/e2e

test-browser: setup-test ## only the cluster page, in a real browser: needs Docker and Chromium
	@$(BIN)/chaos-ecs doctor --fix --yes
	@$(BIN)/chaos-ecs images build --all
	CI=1 CHAOS_ECS_NEEDS_BROWSER=1 $(BIN)/python -m pytest tests/browser

sim: setup-test ## the simulation on more seeds: make sim SEEDS=500
	SEEDS=$(SEEDS) $(BIN)/python -m pytest -q tests/sim

fuzz: setup-test ## 20,000 made-up requests to the ECS API, and to a controller that runs (make fuzz FUZZ=1000 FUZZ_SEED=2)
	FUZZ=$(or $(FUZZ),20000) $(BIN)/python -m pytest -q -s tests/unit/test_api_fuzz.py tests/e2e/test_fuzz.py

bench: setup-test $(VENV)/bench/.installed ## how fast we are beside Swarm, ministack, moto and a plain HAProxy (needs wrk), 45 minutes (QUICK=1: 15)
	@$(BIN)/chaos-ecs doctor --fix --yes
	@$(BIN)/chaos-ecs images build >/dev/null
	@$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(BENCH)

fmt: setup-test ## formats the code and mends what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## removes .venv and what tools leave; containers and state: chaos-ecs clean --state
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp each, so that pip runs again only when pyproject.toml changed.
$(VENV)/.installed: pyproject.toml | $(VENV)/.made
	@echo "installing chaos-ecs and what it needs into $(VENV) (once, up to a minute)" >&2
	@$(BIN)/python -m pip install $(PIP_QUIET) -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml $(VENV)/.installed
	@echo "installing what the tests need into $(VENV) (once, up to a minute)" >&2
	@$(BIN)/python -m pip install $(PIP_QUIET) -e '.[test]'
	@touch $@

# What the bench compares us with has dependencies of its own, so it has an environment of its own. Without pip in it,
# because Debian's python3 may lack ensurepip: the pip of .venv installs into it.
$(VENV)/bench/.installed: $(VENV)/.installed-test
	@echo "installing the peers to measure against into $(VENV)/bench (once, some minutes)" >&2
	@$(BIN)/python -m venv --without-pip $(VENV)/bench
	@$(BIN)/python -m pip --python $(VENV)/bench/bin/python install $(PIP_QUIET) 'ministack[full]' 'moto[server]' psutil
	@touch $@

# A second ECS API to hold the CLI to (--endpoint), with dependencies of its own likewise.
$(VENV)/moto/.installed: $(VENV)/.installed-test
	@echo "installing moto's server, another ECS API, into $(VENV)/moto (once, up to a minute)" >&2
	@$(BIN)/python -m venv --without-pip $(VENV)/moto
	@$(BIN)/python -m pip --python $(VENV)/moto/bin/python install $(PIP_QUIET) 'moto[server]'
	@touch $@

# Debian's python3 comes without ensurepip where the package python3-venv is missing. Then the pip that is here
# installs virtualenv into a folder inside .venv, and that makes the environment.
$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer, then run make again." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "chaos-ecs needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) -V 2>&1`. Name another: make PYTHON=python3.12" >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  $(PYTHON) -m venv $(VENV); \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -m pip install $(PIP_QUIET) --target $(VENV)/bootstrap virtualenv \
	  && PYTHONPATH=$(VENV)/bootstrap $(PYTHON) -m virtualenv -q $(VENV) && rm -rf $(VENV)/bootstrap; \
	else \
	  echo "Your python3 has neither venv nor pip. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; \
	fi
	@touch $@
