# Two commands for a fresh machine: `make demo` and `make test`. Both make .venv here and need Python 3.11 to 3.13.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint unit servers clean

demo: $(VENV)/base.done ## the main job: five expressions for each picture in examples/
	$(BIN)/kaogae transfer examples --to all --sheet -o demo-out
	@echo "Open demo-out/contact-sheet.png: each picture and its five expressions."

test: lint unit ## every check

lint: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo

unit: $(VENV)/dev.done servers
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered

servers: ## PostgreSQL for the tests, where it is missing and may be installed; never fails
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing PostgreSQL for the tests" && \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql >/dev/null; } || \
		echo "PostgreSQL isn't here and can't be installed: the tests that need it will be skipped." >&2

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Kaogae needs Python 3.11, 3.12 or 3.13: set PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/base.done: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e .
	@touch $@

$(VENV)/dev.done: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/base.done

clean:
	rm -rf $(VENV) demo-out
