# Every target first installs its requirements. `make help` lists the targets.
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
# The stories on clusters wait more than they work: two clusters or three namespaces at once, other tests beside them.
# tests/support/cluster/side_by_side.py says which tests follow each other in one process. Groups begin in the order given.
ABREAST    := -n 3 --dist loadfile --no-loadscope-reorder --durations=20 --durations-min=20
PYTHON     ?= python3

# The demo and the tests use separate clusters.
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
demo: env ## Serve a real model, from training to production pods, on a new cluster
	@$(RUN) python -m examples.demo up --cluster $(CLUSTER) --provider $(PROVIDER)

.PHONY: demo-down
demo-down: env ## Remove everything that the demo created
	@$(RUN) python -m examples.demo down --cluster $(CLUSTER) --provider $(PROVIDER)

##@ Work on Davit

.PHONY: env
env: .venv/.complete ## Create the Python environment of uv.lock

.venv/.complete: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --locked --extra dev --quiet --compile-bytecode  # without bytecode, importing MLflow takes four times as long
	@touch $@

$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "davit: Python 3.11 or newer is needed (looked for $(PYTHON))" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "davit: $(PYTHON) is older than Python 3.11; set PYTHON=..." >&2; exit 1; }
	@echo "davit: installing uv $(UV_VERSION) into $(CACHE)"
	@$(PYTHON) -m venv $(CACHE)/uv-$(UV_VERSION) || { echo "davit: could not create a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(CACHE)/uv-$(UV_VERSION)/bin/pip install --quiet uv==$(UV_VERSION) || { rm -rf $(CACHE)/uv-$(UV_VERSION); echo "davit: could not install uv: is a Python package index reachable?" >&2; exit 1; }

.PHONY: check
check: env ## Check style, types, import contracts, the language of texts and generated pages
	@$(UV) lock --check --quiet
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports
	@$(PYTEST) --quiet $(addprefix tests/contract/project/test_,plain_english.py reference.py)

.PHONY: format
format: env ## Format the code and fix what ruff can
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

.PHONY: manifests
manifests: env ## Copy the CRD into the chart; generate manifests/install.yaml and the charts' READMEs
	@cp manifests/crds/*.yaml charts/davit-operator/files/
	@$(RUN) python charts/home.py
	@$(RUN) python charts/readme.py
	@$(RUN) python manifests/render.py

.PHONY: reference
reference: env ## Write the pages of fields, metrics and reasons in docs/ anew from the code
	@$(RUN) python -m docs.generate

.PHONY: test-fast
test-fast: env ## Run the tests that need no cluster, in under a minute
	@$(PYTEST) -n auto $(ALONE) tests/unit tests/component tests/contract

# Folders of tests/unit and tests/component that test a package under another name.
TESTS_OF_server := artifacts

.PHONY: test-environment test-operator test-registry test-resource test-server
test-environment test-operator test-registry test-resource test-server: test-%: env ## Run the package's unit and component tests, in seconds
	@$(PYTEST) -n auto $(ALONE) $(wildcard $(foreach tests,$* $(TESTS_OF_$*),tests/unit/$(tests) tests/component/$(tests)))

.PHONY: coverage
coverage: env ## Measure branch coverage of the tests that need no cluster; fails below the limit; minutes
	@$(PYTEST) --cov $(ALONE) tests/unit tests/component tests/contract

.PHONY: test
test: env ## Everything, on a real cluster that it makes itself
	@$(PYTEST) $(ABREAST) tests/e2e tests/unit tests/component tests/contract tests/charts tests/pressure

.PHONY: test-stack
test-stack: env ## The MLflow stack chart with every database and store, on a real cluster
	@$(PYTEST) --verbose $(ABREAST) tests/stack

.PHONY: bench
bench: env ## Measure Davit beside other model servers, ~30 minutes on an idle machine; ARGS=--quick for 4
	@$(RUN) python -m bench $(ARGS)

.PHONY: bench-fetch
bench-fetch: env ## Measure davit fetch beside curl and boto3; two minutes on an idle machine
	@$(RUN) python -m compileall -q .venv/lib server registry  # as in the image, so that compiling is not measured
	@$(RUN) python -m bench.fetch

##@ Development cluster

.PHONY: cluster-up
cluster-up: env ## Start (or repair) the development cluster
	@$(RUN) python -m devcluster --name $(CLUSTER) --provider $(PROVIDER) up

.PHONY: cluster-status
cluster-status: env ## Show what runs and what does not
	@$(RUN) python -m devcluster --name $(CLUSTER) --provider $(PROVIDER) status

.PHONY: cluster-down
cluster-down: env ## Remove the development cluster and everything it left
	@$(RUN) python -m devcluster --name $(CLUSTER) --provider $(PROVIDER) down

.PHONY: images
images: env ## Build the images and print their sizes
	@$(RUN) python -m devcluster images
