# Every target installs what it needs, quietly skipping what is there. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -o pipefail -c

CACHE      ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/davit
UV_VERSION := 0.13.8
UV         := $(CACHE)/uv-$(UV_VERSION)/bin/uv
RUN        := $(UV) run --no-sync
PYTEST     := $(RUN) pytest
# The tests that need neither a cluster nor an MLflow server.
ALONE      := -m "not stack and not e2e"
PYTHON     ?= python3

# The demo and the tests use clusters of their own, side by side.
CLUSTER      ?= davit
TEST_CLUSTER ?= davit-test
PROVIDER     ?= auto

##@ Start here

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-zA-Z0-9_ -]+:.*## / {n = split($$1, names, " "); for (i = 1; i <= n; i++) printf "  make %-14s %s\n", names[i], $$2}' \
	  $(MAKEFILE_LIST)

.PHONY: demo
demo: env ## A real model, from training to production pods, on a cluster of its own
	@$(RUN) python -m examples.demo up --cluster $(CLUSTER) --provider $(PROVIDER)

.PHONY: demo-down
demo-down: env ## Remove everything the demo made
	@$(RUN) python -m examples.demo down --cluster $(CLUSTER) --provider $(PROVIDER)

##@ Work on Davit

.PHONY: env
env: .venv/.complete ## The Python environment, exactly as locked

.venv/.complete: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --locked --extra dev --quiet --compile-bytecode  # else a machine that keeps no bytecode imports MLflow four times slower
	@touch $@

$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "davit: Python 3.11 or newer is needed (looked for $(PYTHON))" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "davit: $(PYTHON) is older than Python 3.11; set PYTHON=..." >&2; exit 1; }
	@echo "davit: installing uv $(UV_VERSION) into $(CACHE)"
	@$(PYTHON) -m venv $(CACHE)/uv-$(UV_VERSION) || { echo "davit: could not make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(CACHE)/uv-$(UV_VERSION)/bin/pip install --quiet uv==$(UV_VERSION) || { rm -rf $(CACHE)/uv-$(UV_VERSION); echo "davit: could not install uv: is a Python package index reachable?" >&2; exit 1; }

.PHONY: check
check: env ## Style, types, direction of dependencies
	@$(UV) lock --check --quiet
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports

.PHONY: format
format: env ## Put the code into its canonical shape
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

.PHONY: manifests
manifests: env ## Carry the CRD into the chart; write manifests/install.yaml and the charts' READMEs anew
	@cp manifests/crds/*.yaml charts/davit-operator/files/
	@$(RUN) python charts/home.py
	@$(RUN) python charts/readme.py
	@$(RUN) python manifests/render.py

.PHONY: reference
reference: env ## Write docs/reasons.md anew from the table of reasons
	@$(RUN) python registry/reference.py

.PHONY: test-fast
test-fast: env ## The tests that need no cluster, in under a minute
	@$(PYTEST) -n auto $(ALONE) tests/unit tests/component tests/contract

# The folders of tests/unit and tests/component that test a package, where they are not named like it.
TESTS_OF_server := artifacts

.PHONY: test-environment test-operator test-registry test-resource test-server
test-environment test-operator test-registry test-resource test-server: test-%: env ## The package's own unit and component tests, for an inner loop of seconds
	@$(PYTEST) -n auto $(ALONE) $(wildcard $(foreach tests,$* $(TESTS_OF_$*),tests/unit/$(tests) tests/component/$(tests)))

.PHONY: coverage
coverage: env ## Branches of the packages that the tests without a cluster reach; fails below the floor; minutes
	@$(PYTEST) --cov $(ALONE) tests/unit tests/component tests/contract

.PHONY: test
test: env ## Everything, on a real cluster that it makes itself
	@$(PYTEST) tests/unit tests/component tests/contract tests/charts tests/pressure tests/e2e

.PHONY: test-stack
test-stack: env ## The MLflow stack chart with every database and store, on a real cluster
	@$(PYTEST) tests/stack

.PHONY: list-stack
list-stack: env ## Name the tests that make test-stack runs, and count them as skipped
	@$(PYTEST) --quiet --collect-only tests/stack | awk '/::/ {print; n++} END {printf "0 passed, 0 failed, %d skipped\n", n}'

.PHONY: bench
bench: env ## Davit beside other model servers, ~30 minutes on a quiet machine; ARGS=--quick for 4
	@$(RUN) python -m bench $(ARGS)

.PHONY: bench-fetch
bench-fetch: env ## davit fetch beside curl and boto3 from one store; two minutes on a quiet machine
	@$(RUN) python -m compileall -q .venv/lib server registry  # as in the image: else imports are measured
	@$(RUN) python -m bench.fetch

##@ Development cluster

.PHONY: cluster-up
cluster-up: env ## Start (or repair) the development cluster
	@$(RUN) python -m devcluster --name $(CLUSTER) --provider $(PROVIDER) up

.PHONY: cluster-status
cluster-status: env ## What runs and what does not
	@$(RUN) python -m devcluster --name $(CLUSTER) --provider $(PROVIDER) status

.PHONY: cluster-down
cluster-down: env ## Remove the development cluster without a trace
	@$(RUN) python -m devcluster --name $(CLUSTER) --provider $(PROVIDER) down

.PHONY: images
images: env ## Build the images and print their sizes
	@$(RUN) python -m devcluster images
