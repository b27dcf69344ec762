# Everything a checkout needs: python3 (3.11 or newer) and this file.
#
#   make demo    install, and show why a shipped job died and which issues it has
#   make test    install with test extras and run the tests
#   make test-browser  open a report's page in Chromium
#   make test-quick  the tests that start no processes and read few files: a minute, for work on the code
#   make test-lowest  run the tests of queries and the command line with the lowest versions that are allowed
#   make test-cgroup  have the kernel kill commands in a control group; where one can be made
#   make test-cuda    tests on an NVIDIA device, where there is one; TORCH says what to install, for example "torch>=2.4"
#   make test-frameworks  callbacks and the programs of docs/launchers.md, with PyTorch, Lightning, transformers and JAX
#   make soak    the kills and random histories of the tests, many times instead of a few
#   make check   formatting, lint, types, documentation with its examples
#   make bench   measure (BENCH_ARGS="--events 10000 --with-reference" for more)
#   make bench-tracking  measure scans into a tracker
#   make bench-questions  measure summaries, correlation, filtered events and SQL, and the memory of what streams
#   make growth  measure how the cost of an answer grows, and draw it
#   make clean   remove what these targets made

PYTHON ?= python3
JOBS ?= 2
BENCH_ARGS ?=
# Each process takes one file after the other: the tests of a file share what it sets up.
PARALLEL := -n $(JOBS) --dist loadfile --no-loadscope-reorder
VENV := .venv
LOWEST := .venv-lowest
READER := .venv-reader
FRAMEWORKS := .venv-frameworks
# Builds of PyTorch for the processor are smaller: TORCH=torch==2.13.0+cpu, where the index has one.
TORCH ?= torch
LOWEST_TESTS := $(addprefix tests/, $(addsuffix .py, \
	apps/cli/test_exits apps/cli/test_formats apps/cli/test_help apps/cli/test_issues apps/cli/test_sql_option apps/cli/test_terminal \
	engine/reading/test_bad_columns query/test_filters engine/reading/test_parquet_rows engine/reading/test_parquet_columns query/test_vectors \
	sql/test_macros sql/test_portable tracking/test_versions))
# Each has a target of its own.
DOCS_TESTS := tests/test_docs.py
BROWSER_TESTS := tests/reporting/test_browser.py
# What repeats kills or random histories: few times in `make test`, many times here.
SOAK_TESTS := $(shell grep -lr --include='test_*.py' few_or_many tests)
BIN := $(VENV)/bin
# Tests start hundreds of processes: each would compile all modules anew.
export PYTHONDONTWRITEBYTECODE :=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test test-quick test-browser test-lowest test-frameworks test-cgroup test-cuda soak check bench bench-tracking bench-questions growth clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/stormlog why examples/job
	$(BIN)/stormlog query issues examples/job

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(PARALLEL) $(addprefix --ignore=,$(DOCS_TESTS) $(BROWSER_TESTS))

test-browser: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(BROWSER_TESTS)

test-quick: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow"

test-lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/python -m pytest $(PARALLEL) $(LOWEST_TESTS)

test-frameworks: $(FRAMEWORKS)/.installed
	$(FRAMEWORKS)/bin/python -m pytest --noconftest tests/capture/real_frameworks.py

test-cgroup: $(VENV)/.installed-test
	$(BIN)/python -m pytest tests/cgroup

test-cuda: $(VENV)/.installed-test
	$(BIN)/python -c "import torch, pynvml" 2> /dev/null || $(PIP) install --editable ".[test,capture]" "$(TORCH)"
	$(BIN)/python -m pytest tests/cuda

soak: $(VENV)/.installed-test
	STORMLOG_SOAK=1 $(BIN)/python -m pytest $(PARALLEL) $(SOAK_TESTS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict stormlog
	$(BIN)/python -m pytest $(DOCS_TESTS)

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.bench $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.capture_peers

bench-tracking: $(VENV)/.installed
	$(BIN)/python -m benchmarks.tracking $(BENCH_ARGS)

bench-questions: $(VENV)/.installed
	$(BIN)/python -m benchmarks.questions $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.streaming

growth: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.growth --plot docs/growth.svg $(BENCH_ARGS)

clean:
	rm -rf $(VENV) $(VENV)-stormlog-* $(LOWEST) $(READER) $(FRAMEWORKS) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis benchmarks/results
	find stormlog tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +

# Stormlog 0.4.3, whose reader of reports tests ask with STORMLOG_REPORT_PYTHON=.venv-reader/bin/python. The reader needs
# none of its dependencies.
$(READER)/.installed:
	$(PYTHON) -m venv --clear $(READER)
	$(READER)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps "stormlog==0.4.3"
	@touch $@

$(FRAMEWORKS)/.installed: pyproject.toml
	$(PYTHON) -m venv --clear $(FRAMEWORKS)
	$(FRAMEWORKS)/bin/python -m pip --disable-pip-version-check --quiet install \
		--editable . pytest "$(TORCH)" lightning transformers accelerate jax
	@touch $@

$(LOWEST)/.installed: pyproject.toml tests/lowest_versions.py
	$(PYTHON) -m venv --clear $(LOWEST)
	$(PYTHON) tests/lowest_versions.py test > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip --disable-pip-version-check --quiet install \
		--constraint $(LOWEST)/constraints.txt --editable ".[test]"
	@touch $@

# One stamp for each set of extras: a second run installs nothing until pyproject.toml changes.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install --editable .
	@touch $@

$(VENV)/.installed-bench: pyproject.toml | $(BIN)/python
	$(PIP) install --editable ".[bench]"
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(PIP) install --editable ".[test]"
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(PIP) install --editable ".[test,dev]"
	@touch $@ $(VENV)/.installed-test $(VENV)/.installed
