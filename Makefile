# Everything runs from a fresh clone: what is missing is installed into .venv first, and again when a lock changes.
.DEFAULT_GOAL := help
.PHONY: help demo test check bench shell messages lock clean

# Set where images are built to keep them small; kept, every start would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

PORT ?= 8000
DEMO_DIR ?= var/demo
export PORT DEMO_DIR CHECK

T ?= tests
# More than there may be cores: the tests that break things mostly wait
N ?= 3
PYTHON_BIN := .venv/bin/python
WITH_SERVICES := $(PYTHON_BIN) -m portal.demo.run_with_services

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Run everything in the foreground (PORT=8000, DEMO_DIR=var/demo; CHECK=1 plays the story, then stops)
	@tools/bootstrap base
	@$(PYTHON_BIN) -m portal.demo

test: ## Run the tests (T=tests/api chooses some, N=0 runs them in one process, ARGS=… goes to pytest)
	@tools/bootstrap dev
	@tools/chromium
	@$(WITH_SERVICES) --volatile -- $(PYTHON_BIN) -m pytest -n $(N) --dist loadfile $(T) $(ARGS)

check: ## Check style, types, import rules, migrations and templates: what CI runs beside the tests
	@tools/bootstrap dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/mypy
	$(WITH_SERVICES) --dir var/check --volatile -- tools/check-django

bench: ## Measure accepting and delivering, each against its baseline in the same run
	@tools/bootstrap dev
	@$(WITH_SERVICES) --dir var/bench -- $(PYTHON_BIN) -m bench $(ARGS)

shell: ## Open a Django shell on the running demo, or on servers of its own
	@tools/bootstrap base
	@$(WITH_SERVICES) --attach $(DEMO_DIR) --dir var/shell --env development -- $(PYTHON_BIN) manage.py shell

messages: ## Collect what people read for translation (portal/locale), and compile it
	@tools/bootstrap base
	@$(PYTHON_BIN) tools/messages.py

lock: ## Pin every dependency again, with hashes (UPGRADE=1 takes newer releases)
	@tools/bootstrap dev
	@tools/lock $(if $(UPGRADE),--upgrade)

clean: ## Remove the virtual environment, the caches and all demo and test data
	@tools/clean
