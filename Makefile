# `make help` lists the targets; everything runs in .venv, which ./run sets up.
.DEFAULT_GOAL := help
LAB := tests/lab/lab.sh

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

check: lint types test ## everything that must be green

lint: ## ruff, import contracts, shell scripts, playbooks
	./run ruff check .
	./run ruff format --check .
	./run lint-imports
	./run shellcheck run .ci/run tests/lab/*.sh
	./run ansible-lint -q playbooks

types: ## mypy --strict
	./run mypy

test: ## all tests
	./run pytest

lab-up: ## boot lab hosts to sweep by hand (root)
	$(LAB) up

lab-down: ## stop them
	$(LAB) down

bench: ## measure what a sweep costs a host, the controller and its disk, on lab hosts (root)
	./run python -m benchmarks.target
	./run python -m benchmarks.fleet
	./run python -m benchmarks.evidence

oracle: ## judge lab hosts by OpenSCAP and Lynis too, and write docs/oracle.md (root)
	./run python -m tests.oracle >docs/oracle.new && mv docs/oracle.new docs/oracle.md

.PHONY: help check lint types test lab-up lab-down bench oracle
