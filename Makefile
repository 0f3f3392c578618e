# The commands of this repository. `make` alone lists them.
# Only Python ≥ 3.11 with venv is needed beforehand; everything else is set up here, in .venv and .cache.

PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= 3# more than the cores of a small machine: a third of the time tests wait for servers
SYSTEM ?= yes
TARGET ?= walker
MINUTES ?= 10
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
VIEWER_SOURCES := $(shell find viewer -type f -not -path '*/node_modules/*' -not -path 'viewer/tests/*' 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test check rigs faults bench fuzz viewer system lock clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

run: $(VENV)/.product ## set everything up and run the node with a demo study, on http://127.0.0.1:8042
	exec $(BIN)/pacs serve --demo

test: system $(VENV)/.product check ## set everything up, check the code and run the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 10 -m "not browser and (not rig or brief)" $(ARGS)
	$(BIN)/python -m pytest -m browser $(ARGS)

check: $(VENV)/.test ## lint, formatting, types and floors, of Python and TypeScript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/lint-imports
	$(BIN)/python tests/check_viewer.py

rigs: system $(VENV)/.product $(VENV)/.test ## the short forms of the fault rigs, each with the mutants it has to catch
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 10 -m rig $(ARGS)

bench: $(VENV)/.test $(VENV)/.product ## measure against other nodes on this machine
	$(BIN)/python -m tests.bench $(ARGS)

fuzz: $(VENV)/.test $(VENV)/.product ## fuzz TARGET=pdu|walker|multipart|query|openapi for MINUTES=10
	$(BIN)/python -m tests.fuzz $(TARGET) --minutes $(MINUTES) $(ARGS)

faults: $(VENV)/.test $(VENV)/.product ## hurt the node for HOURS=1, all rigs or RIG=name, and go on with the tally
	$(BIN)/python -m tests.faults --hours $(or $(HOURS),1) $(if $(RIG),--rig $(RIG))

viewer: $(VENV)/.product ## build the viewer into pacs/web/static

system:
ifeq ($(SYSTEM),yes)
	@tests/setup-system
endif

lock: $(BIN)/python ## choose the newest versions that fit and write the lock files
	$(PIP) install uv
	$(BIN)/uv pip compile pyproject.toml $(LOCK) -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --group test -c requirements.lock -o requirements-test.lock

clean: ## remove what was set up and built; never the data
	rm -rf $(VENV) .cache dist build pacs/web/static viewer/node_modules .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache .hypothesis

# A stamp in .venv says that a step was done for the files it depends on.

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: sudo apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "venv is needed: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.test: requirements-test.lock $(VENV)/.runtime
	$(PIP) install --require-hashes -r requirements-test.lock
	@touch $@

# Editable: the sources run as they are; the build hook of the viewer fills pacs/web/static on the way.
$(VENV)/.product: pyproject.toml $(VENV)/.runtime $(VIEWER_SOURCES)
	$(PIP) install --no-deps --editable .
	@touch $@
