# What the README and CONTRIBUTING.md say, by name. Everything happens in .venv, made where it is missing.
PYTHON ?= python3
.PHONY: setup run test lint bench docs

setup: .venv/ready

.venv/ready: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install -q -r requirements-dev.txt
	touch $@

run: setup
	.venv/bin/uvicorn main:app --reload

test: setup
	.venv/bin/python -m pytest

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy .

bench: setup
	.venv/bin/python -m benchmarks.store

docs: setup
	.venv/bin/python -m docs.draw
