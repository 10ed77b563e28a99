# Everything a person runs. `make` alone lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# More overrides for any run: make smoke ARGS="loss=rmsle"
ARGS ?=
# A real catalogue for the runs below: make embed DATA=train.csv
DATA ?=
CHOSEN := $(if $(DATA),data=amazon2023 'data.path=$(DATA)')
TRAIN := $(BIN)/python -m product_length.train
# A folder of all-MiniLM-L6-v2, where there is no model hub: make bench MINILM=FOLDER
MINILM ?=
TEST_WORKERS ?= 2
# One thread per test worker: two workers that each start one thread per core stand in each other's way.
TEST_ENV := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false

.DEFAULT_GOAL := help
.PHONY: help setup browser check lint docs test test-slow smoke reproduce-best sweep-losses sweep-tune
.PHONY: reference-table gate bench bench-full embed clean clean-runs

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(READY)  ## make a virtual environment with everything in it

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make setup PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

browser:  ## install Chromium, where it lacks, for the tests of pages (Debian, as root)
	command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium; }

lint: $(READY)  ## format check, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(READY)  ## the fast tests
	$(TEST_ENV) $(BIN)/pytest -n $(TEST_WORKERS) --dist worksteal $(ARGS)

test-slow: $(READY)  ## the slow tests too
	$(TEST_ENV) $(BIN)/pytest -n $(TEST_WORKERS) --dist worksteal -m 'not gpu' $(ARGS)

check: lint test  ## lint and test: what each commit passes

docs: $(READY)  ## the documentation as a site in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet $(ARGS)
	@echo 'open site/index.html, or look at it while you write: $(BIN)/mkdocs serve'

smoke: $(READY)  ## one tiny run, end to end, in seconds
	$(TRAIN) data.rows=1000 trainer.max_epochs=2 tracking=none $(ARGS)

reproduce-best: $(READY)  ## the best recipe, compared with its recorded figures (DATA=train.csv: on your data)
	$(BIN)/python benchmarks/reproduce_best.py $(if $(DATA),--data '$(DATA)') $(ARGS)

sweep-losses: $(READY)  ## which loss is best: all of them over three seeds, compared (DATA=train.csv)
	$(TRAIN) -m sweep=losses $(CHOSEN) $(ARGS)

sweep-tune: $(READY)  ## the best settings for one loss (DATA=train.csv ARGS="loss=rmsle")
	$(TRAIN) -m sweep=tune $(CHOSEN) $(ARGS)

reference-table: $(READY)  ## the reference's recipes beside its published figures (DATA=train.csv)
	$(TRAIN) -m sweep=reference data.max_length=5000 $(CHOSEN) $(ARGS)

gate: $(READY)  ## recipes and strong baselines by five folds, in hours (DATA=FOLDER of catalogues, or DATA=train.csv)
	$(BIN)/python benchmarks/catalogues.py --data '$(or $(DATA),$(error give catalogues with lengths: make gate DATA=FOLDER))' $(ARGS)

bench: $(READY)  ## speed and memory at small sizes, in minutes (written to benchmarks/results)
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/reading.py
	$(BIN)/python benchmarks/encoding.py --texts 200 --repeats 2 $(if $(MINILM),--minilm '$(MINILM)')
	$(BIN)/python benchmarks/dimensions.py $(if $(DATA),--data '$(DATA)')
	$(BIN)/python benchmarks/neighbours.py --rows 10000,30000
	$(BIN)/python benchmarks/training.py --rounds 1
	$(BIN)/python benchmarks/pipeline.py --rows 3000,10000

bench-full: $(READY)  ## the same at the size of the challenge's catalogue, in hours
	$(BIN)/python benchmarks/reading.py --rows 2250000
	$(BIN)/python benchmarks/encoding.py --texts 5000 $(if $(MINILM),--minilm '$(MINILM)')
	$(BIN)/python benchmarks/dimensions.py --rows 200000 $(if $(DATA),--data '$(DATA)')
	$(BIN)/python benchmarks/neighbours.py --rows 10000,100000,1000000,2249698
	$(BIN)/python benchmarks/pipeline.py --rows 10000,100000,1000000,2249698 $(if $(MINILM),--minilm '$(MINILM)')
	$(BIN)/python benchmarks/training.py --rows 2250000 --dimension 2048 --batch 512 --larger-than-memory

embed: $(READY)  ## compute embeddings ahead of training (DATA=train.csv ARGS="embeddings=all_four")
	$(BIN)/python -m product_length.embed $(CHOSEN) $(ARGS)

clean:  ## remove what can be made again, embeddings too; runs and the virtual environment stay
	rm -rf .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache *.egg-info build dist site
	find . \( -path './$(VENV)' -o -path ./outputs -o -path ./multirun \) -prune \
		-o -name __pycache__ -prune -exec rm -rf {} +

# What of `outputs` and `multirun` goes; a run is a folder with Hydra's record of it.
RUN_FOLDERS := $(wildcard outputs multirun)

clean-runs:  ## remove all runs in outputs and multirun, trained models too; asks first (YES=1: does not)
	@if [ -z '$(RUN_FOLDERS)' ] || [ -z "$$(find -H $(RUN_FOLDERS) -mindepth 1 ! -name .gitkeep -print -quit)" ]; then \
		echo 'there are no runs'; exit 0; \
	fi; \
	runs=$$(find -H $(RUN_FOLDERS) -type d -name .hydra | wc -l); \
	size=$$(du -Dshc $(RUN_FOLDERS) | tail -n 1 | cut -f 1); \
	echo "$$((runs)) runs with their trained models, $$size, in $(RUN_FOLDERS)"; \
	if [ '$(YES)' != 1 ]; then \
		[ -t 0 ] || { echo 'nothing is removed: there is no terminal to ask; add YES=1' >&2; exit 1; }; \
		printf 'remove them for good? [y/N] '; read -r answer; \
		[ "$$answer" = y ] || { echo 'nothing is removed'; exit 1; }; \
	fi; \
	find -H $(RUN_FOLDERS) -mindepth 1 ! -name .gitkeep -delete; \
	echo 'removed'
