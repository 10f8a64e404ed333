# One recipe at a time: each starts from install.sh, which must not run twice at once.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help install quickstart test lint docs check-golden bench examples-full clean

PYTHON_HERE := .venv/bin/python
# The full recordings lie outside the repository; what it keeps of them is checked by `make test`.
GOLDEN := $(wildcard ../shared/golden/*)

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

install: ## make .venv and install everything that is needed (does nothing the second time)
	@bash install.sh

quickstart: install ## train a small burst denoiser, score it, and draw a comparison
	$(PYTHON_HERE) run_quickstart.py

test: install ## run the tests
	$(PYTHON_HERE) -m pytest -q

lint: install ## check style, types and who imports whom
	$(PYTHON_HERE) -m ruff check .
	$(PYTHON_HERE) -m ruff format --check .
	$(PYTHON_HERE) -m mypy
	.venv/bin/lint-imports

docs: install ## build the site of docs/ and of the docstrings: build/docs/index.html
	$(PYTHON_HERE) -m sphinx -q -W --keep-going -d build/docs-trees docs build/docs

check-golden: install ## compare with all recordings of the original systems, where they are at hand
	@$(if $(GOLDEN),,echo "No recordings in ../shared/golden: nothing is compared.")
	@failed=0; for folder in $(GOLDEN); do \
		echo "$$folder"; $(PYTHON_HERE) -m tests.golden "$$folder" || failed=1; \
	done; exit $$failed

bench: install ## time what is fast against its plain form (docs/performance.md)
	$(PYTHON_HERE) benchmarks/synthesis.py
	OMP_NUM_THREADS=1 $(PYTHON_HERE) benchmarks/models.py --pairs 3
	OMP_NUM_THREADS=1 $(PYTHON_HERE) -m benchmarks.cases_others
	OMP_NUM_THREADS=1 $(PYTHON_HERE) benchmarks/models.py --pairs 2 --scaling --case deeprep_sr_synthetic_default

examples-full: install ## run all code of README.md, docs/ and examples/ at full length (hours; docs/examples.md)
	$(PYTHON_HERE) -m tests.code_blocks

clean: ## remove caches and build left-overs (not .venv, not workspace)
	rm -rf build docs/generated burstlab.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -path ./.venv -prune -o -path ./workspace -prune -o -name __pycache__ -type d -exec rm -rf {} +
