# `make demo` shows Penstock at work, `make test` checks everything. Both need Python 3.11 or newer,
# make and a package index.

CANDIDATES := python3.11 python3.12 python3.13 python3.14 python3
PYTHON ?= $(firstword $(foreach name,$(CANDIDATES),$(shell command -v $(name) 2>/dev/null)))
NEEDED := Python 3.11 or newer is needed
VENV := .venv
BIN := $(VENV)/bin
# Two for each core: the tests of connectors wait for servers more than they compute.
WORKERS ?= $(shell expr 2 \* $$(nproc 2>/dev/null || echo 2))
SAMPLE := samples/apache

.PHONY: help demo demo-kafka demo-spark test test-quick test-servers soak servers lint types docs \
	samples bench bench-quick bench-gate clean

help:
	@echo "make demo          run $(SAMPLE) on lines of a real access log"
	@echo "make demo-kafka    three processes share a window over a topic of a Kafka (needs Java)"
	@echo "make demo-spark    the report of samples/access-report on Spark (needs Java 17)"
	@echo "make test          lint, type check and test everything (twenty minutes of CPU time)"
	@echo "make test-quick    what needs no process, server or disk (a minute on two cores)"
	@echo "make test-servers  restart, pause and kill the servers behind connectors (half an hour)"
	@echo "make soak          kill again and again (takes hours; ROUNDS=200), and write docs/soak.md"
	@echo "make servers       install the servers that tests talk to (as root; else what it can)"
	@echo "make docs          write the generated pages of docs/ anew"
	@echo "make samples       write the expected events of samples/ anew"
	@echo "make bench         measure everything beside its baseline (bench-quick: two minutes)"
	@echo "make clean         remove what the others made"

demo: $(VENV)/.installed
	@echo "$$ $(BIN)/penstock run -f $(SAMPLE)/pipeline.conf < $(SAMPLE)/input.log"
	@$(BIN)/penstock run -f $(SAMPLE)/pipeline.conf < $(SAMPLE)/input.log > $(VENV)/demo.jsonl
	@head -n 3 $(VENV)/demo.jsonl
	@echo "… and so on: $$(wc -l < $(VENV)/demo.jsonl | tr -d ' ') events. The first, laid out by a"
	@echo "pipeline that reads what the first one wrote:"
	@echo
	@head -n 1 $(VENV)/demo.jsonl | $(BIN)/penstock run -e 'input { stdin { codec => json_lines } }'

demo-kafka: $(VENV)/.installed-dev
	@$(BIN)/python tests/servers/packages.py kafka
	@$(BIN)/python samples/kafka-groups/demo.py

# Spark's packages stand in an environment of their own: it wants older ones than others do.
SPARK := $(VENV)/spark
REPORT := samples/access-report

IN_FILES := file { path => "$(SPARK)/logs/*.log" mode => "read" exit_after_read => true \
	file_completed_action => "log" file_completed_log_path => "/dev/null" \
	sincedb_path => "/dev/null" }

demo-spark: $(SPARK)/.installed
	@rm -rf $(SPARK)/report.jsonl
	@mkdir -p $(SPARK)/logs
	@split -n l/10 --additional-suffix=.log $(REPORT)/input.log $(SPARK)/logs/
	@sed -e 's|stdin { *}|$(IN_FILES)|' \
		-e 's|stdout {|file { path => "$(SPARK)/report.jsonl"|' \
		$(REPORT)/pipeline.conf > $(SPARK)/report.conf
	$(SPARK)/bin/penstock run -f $(SPARK)/report.conf --engine spark \
		--engine-option 'spark.master=local[2]'
	@cat $(SPARK)/report.jsonl/part-*

$(SPARK)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m venv $(SPARK)
	$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[spark]'
	@touch $@

test: lint types servers
	$(BIN)/pytest -n $(WORKERS)

# What is tested without processes, servers and disks.
QUICK := tests/dsl tests/filters tests/plugins/codecs tests/pipeline/compile \
	tests/pipeline/testing tests/test_docs.py tests/test_embedding.py tests/test_floors.py

test-quick: $(VENV)/.installed-dev
	$(BIN)/pytest -q -n $(WORKERS) $(QUICK)

test-servers: ROUNDS ?= 20
test-servers: servers $(VENV)/.installed-dev
	PENSTOCK_SOAK_ROUNDS=$(ROUNDS) $(BIN)/pytest -m servers -n 1

soak: ROUNDS ?= 200
soak: TESTS ?= tests
soak: servers $(VENV)/.installed-dev
	PENSTOCK_SOAK_ROUNDS=$(ROUNDS) PENSTOCK_SOAK_REPORT=$(CURDIR)/docs/soak.json \
		$(BIN)/pytest -m soak -s $(TESTS); \
	status=$$?; $(BIN)/python docs/generate.py; exit $$status

# The servers that tests talk to: what is missing is installed, as far as that is possible without
# asking.
servers: $(BIN)/python
	@$(BIN)/python tests/servers/packages.py

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/generate.py

samples: $(VENV)/.installed-dev
	PENSTOCK_UPDATE_SAMPLES=1 $(BIN)/pytest -q tests/test_samples.py

bench: $(VENV)/.installed-bench
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/filters.py
	$(BIN)/python docs/generate.py

bench-quick: $(VENV)/.installed-bench
	$(BIN)/python benchmarks/bench.py --quick

bench-gate: $(VENV)/.installed
	$(BIN)/python benchmarks/gate.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "$(NEEDED), and none of $(CANDIDATES) was found" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) \
		and "$(NEEDED); this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)

# Compiled ahead, for where the environment keeps Python from doing so: the start would take twice
# as long.
COMPILE := $(BIN)/python -m compileall -q dsl filters pipeline plugins \
	penstock/__init__.py penstock/__main__.py

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@$(COMPILE)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@$(COMPILE)
	@touch $(VENV)/.installed $@

$(VENV)/.installed-bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench,useragent]'
	@$(COMPILE)
	@touch $(VENV)/.installed $@
