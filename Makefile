# `make` alone tells what can be done.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JARS := .jars/.ready
DATA := data
SAMPLE := $(DATA)/sample
AIRFLOW := build/airflow
DAGSTER := build/dagster
SCHEDULES := orchestration
ZIP := dist/oilake.zip
DIST := dist/environment.tar.gz
ZIPPED := oilake

.DEFAULT_GOAL := help
SCALE ?= 0.1
ROUNDS ?= 3
IMAGES ?= 10000
WORK ?= labels images boxes release
WAREHOUSE ?= $(DATA)/warehouse

.PHONY: help measure setup run test unit slow browser chromium cluster cluster-kill airflow consumers check lint docs zip dist races clean faults faults-few
.PHONY: bench bench-small bench-check bench-verify bench-download bench-viewer bench-evaluate bench-exports bench-evidence bench-scale

help:  ## what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) $(JARS)  ## a virtual environment, Java, and Delta's jars in .jars

$(READY): pyproject.toml scripts/setup.sh
	@scripts/setup.sh $(PYTHON) $(VENV)
	@touch $@

$(JARS): conf/jars.yaml | $(READY)
	@$(BIN)/oilake setup --to .jars
	@touch $@

run: setup  ## sample releases -> ingest V1 to V7, download and verify photos -> a report and pages of promises
	@$(BIN)/oilake sample --out $(SAMPLE) --plant all=2
	@$(BIN)/python -m oilake.jobs.synthetic.serve $(SAMPLE) $(BIN)/oilake run --landing $(SAMPLE) \
	    --registry $(SAMPLE)/registry --warehouse $(DATA)/warehouse --report $(DATA)/report.html --to $(DATA)/photos \
	    --images $(SAMPLE)/photos.txt --mirror {url} --allow-private --blobs $(SAMPLE)/photos --masks --docs $(DATA)/docs
	@echo "Viewer: $(BIN)/oilake view --warehouse $(DATA)/warehouse --blobs $(DATA)/photos --landing $(SAMPLE)"
	@echo "Report: $(abspath $(DATA)/report.html)"

test: setup $(ZIP)  ## every test that fits into 15 minutes on 2 cores, in two processes
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(PYTEST)

unit: setup  ## the tests of a moment that need no Spark, room by room: in less than a minute
	@$(BIN)/python -m pytest --numprocesses 2 -m "not spark and not lengthy and not slow and not consumers" tests/unit $(PYTEST)

slow: setup chromium  ## tests that take minutes each, the browser's among them
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m slow $(PYTEST)

browser: setup chromium  ## opens the pages of `oilake docs`, `oilake report` and `oilake view` in headless Chromium
	@$(BIN)/python -m pytest -m slow tests/integration/test_browser.py tests/integration/test_viewer.py \
	    tests/integration/test_report_pages.py tests/integration/test_accessibility.py \
	    tests/integration/test_real_pages.py $(PYTEST)

chromium:
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
	    { echo "installing Chromium"; apt-get update -qq && \
	      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; }

cluster: cluster-kill dist  ## a cluster of two workers here: every release on S3 as on one machine; an executor is killed
	@OILAKE_CLUSTER=1 $(BIN)/python -m pytest tests/integration/test_cluster_releases.py $(PYTEST)

cluster-kill: setup  ## kills an executor of a cluster of two workers on this machine
	@OILAKE_CLUSTER=1 $(BIN)/python -m pytest tests/integration/test_cluster.py $(PYTEST)

faults: setup  ## every fault in every job of a cluster here, between any two commits too: 50 minutes on 2 quiet cores
	@$(BIN)/python -m pytest -m faults tests/integration/test_cluster_faults.py $(PYTEST)

faults-few: setup  ## one case of each kind of fault
	@$(BIN)/python -m pytest -m faults_few tests/integration/test_cluster_faults.py $(PYTEST)

airflow: setup $(AIRFLOW)/.ready $(DAGSTER)/.ready  ## schedules on 127.0.0.1: a real Airflow makes a sample's tables, a failed check stops it
	@$(BIN)/python -m pytest -m airflow tests/integration/test_schedules.py $(PYTEST)

$(AIRFLOW)/.ready: $(wildcard $(SCHEDULES)/airflow/*.txt)
	@$(PYTHON) -m venv $(AIRFLOW)
	@$(AIRFLOW)/bin/python -m pip install --quiet --no-compile -r $(SCHEDULES)/airflow/requirements.txt -c $(SCHEDULES)/airflow/constraints.txt
	@touch $@

$(DAGSTER)/.ready: $(SCHEDULES)/dagster/requirements.txt
	@$(PYTHON) -m venv $(DAGSTER)
	@$(DAGSTER)/bin/python -m pip install --quiet --no-compile -r $(SCHEDULES)/dagster/requirements.txt
	@touch $@

consumers: setup  ## TensorFlow and FiftyOne, in environments of their own (2 GB), read exports and judge predictions as we do
	@$(BIN)/python -m pytest -m consumers tests/unit/exporting $(PYTEST)

races: setup  ## two drivers at once on one table on S3: no commit of ours is lost, some of Delta's own are
	@OILAKE_RACES=1 $(BIN)/python -m pytest -m slow tests/integration/test_races.py $(PYTEST)

check: lint test  ## what a commit must pass; CI runs the slow suites and the cluster too

lint: setup  ## ruff, mypy, and import-linter: which room may import which
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

measure:  ## sizes, names and reach of the code, also of another checkout: OTHER=FOLDER
	@$(PYTHON) scripts/measure.py $(OTHER)

docs: setup  ## writes docs/data-dictionary.md from schemas/ and quality/
	@$(BIN)/python -m oilake.quality.data_dictionary > docs/data-dictionary.md

bench: setup  ## us beside DuckDB and Polars: SCALE=0.1 ROUNDS=3 WORK="labels images boxes release"
	@$(BIN)/python -m bench.run --scale $(SCALE) --rounds $(ROUNDS) --work $(WORK)

bench-small: setup  ## small answers beside scripts with deltalake and DuckDB, after `make run`: WAREHOUSE=data/warehouse
	@$(BIN)/python -m bench.small_answers --warehouse $(WAREHOUSE) --landing $(SAMPLE) --rounds 5

bench-check: setup  ## the check beside one Spark aggregate and Great Expectations' own run: SCALE=0.1 ROUNDS=3
	@$(BIN)/python -m bench.check --scale $(SCALE) --rounds $(ROUNDS)

bench-evidence: setup  ## reconcile of V7 with and without masks, relationships and points: SCALE=0.1 ROUNDS=3
	@$(BIN)/python -m bench.evidence --scale $(SCALE) --rounds $(ROUNDS)

bench-scale: setup  ## how V7's costs grow with its size, with tasks, and in requests to S3
	@$(BIN)/python -m bench.scale
	@$(BIN)/python -m bench.s3_requests

bench-verify: setup  ## verify beside md5sum on 4 GB of blobs
	@$(BIN)/python -m bench.verify

bench-download: setup  ## downloads beside img2dataset, which gets an environment of its own
	@$(BIN)/python -m bench.download --rounds $(ROUNDS)

bench-viewer: setup  ## pages of the viewer and the report over V3's labels: SCALE=0.1
	@$(BIN)/python -m bench.viewer --scale $(SCALE)

bench-evaluate: setup  ## evaluate beside the reference code, which gets an environment of its own: IMAGES=10000
	@$(BIN)/python -m bench.evaluate --images $(IMAGES)

bench-exports: setup  ## exports of V7's boxable images beside scripts and libraries on the published CSV: SCALE=0.1 ROUNDS=3
	@$(BIN)/python -m bench.exports --scale $(SCALE) --rounds $(ROUNDS)

zip: $(ZIP)  ## the packages as one zip for spark-submit --py-files

$(ZIP): $(READY) $(shell find -L $(ZIPPED) -type f -not -name '*.pyc')
	@mkdir -p $(@D)
	@$(BIN)/python scripts/zip.py $@ $(ZIPPED)

dist: $(DIST)  ## what a cluster needs, in dist: zip, packed environment, jars, job files, spark-defaults.conf

$(DIST): scripts/dist.py pyproject.toml conf/jars.yaml $(ZIP) | $(JARS)
	@$(BIN)/python scripts/dist.py $(@D) .jars

clean:  ## removes what make made
	@rm -rf $(VENV) .jars dist $(DATA) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis spark-warehouse
