# Two commands do all the set-up: `make demo` and `make test`. They need Python 3.11 or newer; uv is fetched into
# .tools/ where it is missing, and everything else comes from uv.lock.

PYTHON ?= python3
STACK ?= prod

UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --no-sync

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage check format lock benchmark clean

help: ## This list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | sort | awk -F'|' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: setup ## Deploy the stack prod into a simulated AWS, in memory (STACK=dev-test for the other)
	@$(RUN) tak-base simulate --stack $(STACK)

test: setup ## Run the test suite, with the coverage of tak_base
	@$(RUN) pytest --numprocesses auto --cov --cov-report term-missing:skip-covered

check: setup ## Everything that has to pass before a change lands: lock file, linters, types, tests
	@$(UV) lock --check --quiet
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) pyrefly check
	@$(MAKE) --no-print-directory test

format: setup ## Format the code and mend what ruff can mend
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

benchmark: setup ## Time and peak memory of evaluating prod under mocks, median of 5
	@$(RUN) python benchmarks/evaluate_prod.py

setup: $(UV)
	@$(UV) sync --locked --all-groups --quiet

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; found %s (give another one with make PYTHON=...)" % sys.version.split()[0])'
	@echo "Fetching uv into .tools/ (it is not on the PATH)"
	@$(PYTHON) -m venv .tools
	@.tools/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

clean: ## Remove what the commands above have fetched
	rm -rf .venv .tools .pytest_cache .ruff_cache .hypothesis .coverage
