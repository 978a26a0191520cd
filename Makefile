# Two commands for a fresh machine: `make demo` and `make test`. Both make .venv here and need Python 3.11 to 3.13.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint unit coverage servers clean

demo: $(VENV)/base.done ## the main job: five expressions for each picture in examples/
	$(BIN)/kaogae transfer examples --to all --sheet -o demo-out
	@echo "Open demo-out/contact-sheet.png: each picture and its five expressions."

test: servers lint unit ## every check

lint: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo
	@if command -v tsc >/dev/null; then set -ex; for config in src/kaogae/label/app/tsconfig*.json; do tsc -p $$config; done; else \
		echo "tsc isn't here, so nothing checks the app's JavaScript: run make servers as root, or install" \
		"Debian's node-typescript." >&2; [ "$$CI" != true ]; fi

unit: $(VENV)/dev.done servers
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

coverage: $(VENV)/dev.done servers ## which lines no test reaches; takes a fifth longer
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered

servers: ## PostgreSQL, Chromium and tsc for the tests, where they are missing and may be installed; never fails
	@missing() { \
		command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo postgresql; \
		command -v chromium >/dev/null || echo chromium; \
		command -v tsc >/dev/null || echo node-typescript; \
		ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1 || echo fonts-noto-cjk; }; \
	if [ -n "$$(missing)" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing for the tests:" $$(missing); apt-get update -qq; \
		for package in $$(missing); do \
			DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$package >/dev/null; done; fi; \
	if [ -n "$$(missing)" ]; then \
		echo "Not here, and not installed:" $$(missing)". Tests that need them will be skipped." >&2; fi

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
