# make sweep and make test need Python 3.11 to 3.13 with venv, and a package index; everything they install is in .venv.

PYTHON ?= python3
VENV := .venv
LOCK := requirements$(if $(GPU),-gpu).lock
READY := $(VENV)/ready-$(LOCK)
BENCH_READY := $(VENV)/ready-requirements-bench.lock
WORKERS_READY := $(VENV)/ready-requirements-workers.lock
RUN := $(VENV)/bin
S3_READY := build/s3/ready

# Without bytecode, Prefect's server takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

SHELL := /bin/bash

# The lock is complete, so nothing is resolved (pip 23 cannot do so with hashes and extras); pip check proves it.
# pip says a line for every package that it comes to: counted here, so that one sees it move.
install = set -o pipefail; total=$$(grep -c '^[a-z0-9].*==' $(1)); count=0; \
	echo "Installing $$total packages of $(1); the first time takes some minutes"; \
	PYTHONUNBUFFERED=1 $(RUN)/python -m pip install --no-deps --require-hashes --progress-bar off -r $(1) | \
	while read -r word rest; do case $$word in \
		Collecting|Requirement|Ignoring) count=$$((count + 1)); \
			if ((count % 20 == 0 || count == total)); then echo "  $$count of $$total"; fi;; \
		Installing) echo "  unpacking";; \
	esac; done

# A file's tests stay together, since they share what they have made; those that take longest come first (tests/conftest.py).
PYTEST := $(RUN)/python -m pytest
BY_FILE := --dist loadfile --no-loadscope-reorder
ON_TWO := -n 2 $(BY_FILE)
# One more than there are cores: an eighth of the time a test waits, for a server or a process of its own.
ON_THREE := -n 3 $(BY_FILE)

LEAST_COVER := 90
WINGS := dreamsweep/** flows/*.py lib/*.py storage/** \
	$(sort $(shell find flows tasks lib -mindepth 1 -maxdepth 1 -type d ! -name __pycache__ -printf '%p/** '))

.PHONY: help setup sweep check lint test slow faults fleet cover lock bench workers docs docs-site clean

help:
	@echo 'make sweep   train the reference network on digits of scikit-learn, and draw what each of its maps looks for'
	@echo 'make check   linters, and the tests that are fast: about 3 minutes'
	@echo 'make test    run every test, but for the slow ones, the faults and the fleet: 20 to 40 minutes on 2 cores'
	@echo 'make slow    run the tests that start servers and kill processes, and those of the UI in a browser'
	@echo 'make faults  kill processes and break things in the middle of sweeps, and see that a retry finishes each'
	@echo 'make fleet   sweep on several hosts, which are namespaces of this machine, with PostgreSQL and S3; as root'
	@echo 'make cover   make test and make slow, and measure what they cover; fails where a wing is below $(LEAST_COVER) %'
	@echo 'make bench   measure speed and quality beside other ways'
	@echo 'make workers install what dreamsweep worker needs for pools of type docker and kubernetes'
	@echo 'make docs-site  build docs/ as a site in build/site, and check its links'
	@echo 'make docs    make the pictures in docs/ again (real MNIST: DREAMSWEEP_MNIST=DIR)'
	@echo 'make lock    write the files of locked versions anew, from requirements*.in'
	@echo 'make clean   remove what checks and builds leave: caches, bytecode, coverage, build/; data/ and .venv stay'
	@echo
	@echo 'GPU=1        use an NVIDIA GPU: make sweep GPU=1'
	@echo 'PYTHON=...   the Python to begin with, where python3 is not between 3.11 and 3.13'

sweep: $(READY)
	$(RUN)/dreamsweep sweep --train --data digits

check: lint
	$(PYTEST) $(ON_TWO) -m 'not slow and not heavy'

lint: $(READY)
	$(RUN)/ruff check
	$(RUN)/ruff format --check
	$(RUN)/mypy
	$(RUN)/lint-imports

test: $(READY)
	$(PYTEST) $(ON_THREE) $(MEASURED) -m 'not slow'

slow: $(READY)
	$(PYTEST) $(ON_THREE) $(MEASURED) -m slow

faults: $(READY) $(S3_READY)
	$(PYTEST) $(ON_TWO) tests/faults

# Two fleets: much of the time one waits until something is missed.
fleet: $(READY) $(S3_READY)
	$(PYTEST) $(ON_TWO) tests/fleet

$(S3_READY): requirements-s3.lock $(READY)
	@rm -rf $(@D)
	@$(RUN)/python -m pip install --quiet --no-deps --require-hashes --target $(@D) -r $<
	@touch $@

# The same tests, measured as they run, which takes about half as long again.
cover:
	@rm -f .coverage .coverage.*
	@$(MAKE) test MEASURED='--cov --cov-report='
	@$(MAKE) slow MEASURED='--cov --cov-append --cov-report='
	@$(RUN)/coverage report
	@set -f; below=; for wing in $(WINGS); do \
		printf '%s, percent: ' "$$wing"; \
		$(RUN)/coverage report --format=total --include="$$wing" --fail-under=$(LEAST_COVER) || below="$$below $$wing"; \
	done; [ -z "$$below" ] || { echo "less than $(LEAST_COVER) %:$$below"; exit 1; }

bench: $(BENCH_READY)
	$(RUN)/python -m benchmarks

workers: $(WORKERS_READY)

docs: $(READY)
	$(RUN)/python docs/pictures.py

# The reference is written from the code first; a page, link or anchor that is not there fails the build.
docs-site: $(READY)
	$(RUN)/python docs/reference.py
	$(RUN)/zensical build --clean --strict

setup: $(READY)

$(READY): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
		echo 'dreamsweep needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is none of them: make PYTHON=/path/to/one'; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'Python cannot make virtual environments here. On Debian and Ubuntu: apt-get install python3-venv'; \
		exit 1; }
	@$(RUN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(call install,$(LOCK))
	@$(RUN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@$(RUN)/python -m pip check
	@touch $@

# tf-keras-vis, to compare with, and Prefect's workers of other types. Their packages come on top, at the versions that
# are there already.
$(BENCH_READY) $(WORKERS_READY): $(VENV)/ready-%: $(READY) %
	@$(call install,$*)
	@touch $@

# Versions that are locked stay as they are where the .in files allow it. The lock files hold no address of an index.
lock:
	@$(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python -m pip install --quiet 'uv==0.13.9'
	@set -e; for name in requirements requirements-gpu requirements-bench requirements-workers; do \
		echo "$$name.lock"; \
		.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--custom-compile-command 'make lock' \
			--output-file $$name.lock $$name.in; \
	done

# Folders that begin with a dot are tools' and git's; data/ is the user's: bytecode is looked for in neither.
clean:
	rm -rf build dist docs/reference .venv-lock .coverage .coverage.* *.egg-info
	rm -rf .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache .cache
	find . -type d -name __pycache__ ! -path './.*' ! -path './data/*' -prune -exec rm -rf {} +
