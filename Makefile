# Everything a person types. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv trusts the certificates of the system, as pip does, where there are some: a proxy may bring its own authority.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem /etc/ssl/ca-bundle.pem),)
export UV_SYSTEM_CERTS ?= 1
endif
# Tests begin hundreds of interpreters, each of which would compile every module anew where the environment forbids to keep
# what was compiled, as many containers do.
COMPILED := PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/.cache/bytecode

.PHONY: help setup run demo check lint types imports test test-fast test-faults soak bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## make the virtual environment and install everything into it

$(VENV)/.ready: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one by: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Installing into $(VENV); the first time takes a minute ..." >&2
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

run: setup ## start the daemon: SMTP on 2525, HTTP on 8080, everything else embedded
	@$(BIN)/switchboard run

demo: setup ## show a ticket and an answer on every channel, and what becomes of a dozen mails
	@$(BIN)/switchboard demo

check: setup lint types imports ## lint, format, types, imports, rooms (no servers)
	@$(BIN)/pytest -q tests/test_rooms.py tests/test_house_rules.py

lint:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types:
	@$(BIN)/mypy
	@$(BIN)/mypy tests bench

imports:
	@$(BIN)/lint-imports --no-cache

test-fast: setup ## the tests that need no server (a minute or two)
	@$(COMPILED) $(BIN)/pytest -q -n 2 --dist loadfile --hypothesis-profile=quick -m "not postgres and not kafka and not faults"

test: setup ## everything: unit, contracts, real PostgreSQL, real Kafka, faults
	@bash tests/servers.sh
	@$(COMPILED) $(BIN)/pytest -q -n 4 --dist loadfile --no-loadscope-reorder

test-faults: setup ## every cell of the fault matrix, and a table of them (half an hour); CELLS=0..6: a seventh
	@bash tests/servers.sh
	@$(COMPILED) $(BIN)/pytest -q -n 2 --dist loadfile -m matrix --cells=$(or $(CELLS),all)

soak: setup ## random cells of the fault matrix for MINUTES=10 minutes; SEED=n draws the same ones again
	@bash tests/servers.sh
	@$(COMPILED) PYTHONPATH=tests/support:. $(BIN)/python tests/support/fault_soak.py --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

bench: setup ## measure mail, memory, a large store, webhooks, chats; then a simulated month; QUICK=1: minutes
	@$(COMPILED) $(BIN)/python bench/run.py --sessions 32 $(if $(QUICK),--mails 200 --runs 1)
	@$(COMPILED) $(BIN)/python bench/run.py --large --sessions 32 $(if $(QUICK),--mails 100 --runs 1)
	@$(COMPILED) $(BIN)/python bench/latency.py $(if $(QUICK),--quick)
	@$(COMPILED) $(BIN)/python bench/scale.py $(if $(QUICK),--quick)
	@$(COMPILED) $(BIN)/python bench/memory.py $(if $(QUICK),--quick)
	@$(COMPILED) $(BIN)/python bench/backlog.py $(if $(QUICK),--quick)
	@$(COMPILED) $(BIN)/python bench/peers.py $(if $(QUICK),--quick)
	@$(COMPILED) $(BIN)/python bench/intake.py $(if $(QUICK),--quick)
	@$(COMPILED) $(BIN)/python bench/chats.py $(if $(QUICK),--quick)
	@$(COMPILED) $(BIN)/python bench/month.py $(if $(QUICK),--mails 5000 --customers 500)
	@$(if $(QUICK),true,$(BIN)/python bench/report_page.py)

lock: ## resolve the dependencies again and write the hashed requirement files
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --extra dev pyproject.toml -o requirements-dev.txt

clean: ## remove what the targets above made (never ./var)
	@rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache dist
