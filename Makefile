# Commands of the project. CORES go to Snakemake; .venv is made by the first Python here that can, or by PYTHON.
PYTHONS = python3.11 python3.12 python3.13 python3
CAN = import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for p in $(PYTHONS); do $$p -c "$(CAN)" >/dev/null 2>&1 && echo $$p && break; done)
NO_PYTHON = no Python 3.11, 3.12 or 3.13 with venv and pip was found; install one (Debian and Ubuntu: python3-venv, \
	macOS: brew install python@3.12), or name it: make PYTHON=/path/to/python
PIP = $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
CORES ?= 2
N ?= 500
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)
SIZE ?= workstation
MIRROR ?= $(wildcard ../shared/data)
REAL = --config size=$(SIZE) $(if $(MIRROR),download_mirror=$(MIRROR))
STUDIES = config/synthetic.yaml config/detection.yaml config/faces.yaml config/alignment.yaml
PUBLISHED = $(filter-out config/alignment.yaml,$(STUDIES)) config/simulations.yaml config/external.yaml config/logits.yaml
STUDY ?= demo
PROFILE ?= profiles/slurm
ON_CLUSTER = --workflow-profile $(PROFILE) $(if $(filter demo,$(STUDY)),,--configfile config/$(STUDY).yaml $(REAL))
KILLS ?= 20
TRAINING_KILLS ?= 5
SEED ?= 0
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help demo notebook plan slurm slurm-demo chaos fuzz mutation bench test test-slow release wheel lint format types synthetic detection faces alignment studies subset download publish readme reference docs screenshots report tensorboard lock clean

help:  ## this list
	@awk -F ': *[^#]*##' '/^[a-z -]+:.*##/ { printf "%-36s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv: envs/requirements.lock pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { python="$(PYTHON)"; $${python:-false} -c "$(CAN)" 2>/dev/null \
		|| { echo "$(NO_PYTHON)" >&2; exit 1; }; test -x $(BIN)/python || clear=--clear; $$python -m venv $$clear .venv; }
	@echo "installing envs/requirements.lock into .venv; the first time this takes minutes and about 7 GB"
	@$(PIP) --requirement envs/requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch .venv

demo: .venv  ## the embedded default, a few minutes, no download; ends with the report's path
	@$(BIN)/latent-microscope demo --cores $(CORES)

synthetic detection faces alignment: .venv  ## one study at SIZE=workstation (or paper, …)
	$(SNAKEMAKE) --configfile config/$@.yaml $(REAL)

studies: synthetic detection faces alignment  ## all four

plan: .venv  ## what STUDY (demo, faces, …) at SIZE would request from SLURM: jobs, GPU hours, disk
	$(BIN)/latent-microscope plan -- $(ON_CLUSTER)

slurm: .venv  ## run STUDY at SIZE on a cluster, by profiles/slurm; see docs/cluster.md
	$(BIN)/snakemake $(ON_CLUSTER)

slurm-demo: .venv  ## the demo through a real SLURM on this machine (root, Debian's slurm-wlm); compares the bytes
	$(BIN)/python tests/workflow/slurm/slurm_demo.py --folder .slurm-demo --cores $(CORES) $(if $(CONFIG),--config $(CONFIG))

chaos: .venv  ## kill the demo KILLS=20 times, a training TRAINING_KILLS=5 times; compare the bytes (docs/faults.md)
	$(BIN)/python tests/workflow/chaos.py --folder .chaos --kills $(KILLS) --training-kills $(TRAINING_KILLS) \
		--seed $(SEED) --cores $(CORES) $(if $(CONFIG),--config $(CONFIG))

fuzz: .venv  ## random malformed files for every reader; N=20 for twenty times as many as in the tests
	FUZZ=$(if $(filter command,$(firstword $(origin N))),$(N),1) $(BIN)/python -m pytest -n0 tests/fuzz

mutation: .venv  ## do the tests notice mistakes? N=300 mutants of the inference modules, an hour or less (docs/testing.md)
	$(BIN)/python -m tests.mutation.run --jobs $(CORES) --seed $(SEED) \
		--number $(if $(filter command,$(firstword $(origin N))),$(N),300)

subset: .venv  ## a quick look at real data: the first N=500 faces and test images
	$(SNAKEMAKE) --configfile config/faces.yaml config/alignment.yaml $(REAL) subset=$(N) run='[faces,alignment]'

download: .venv  ## only download what the studies need
	$(SNAKEMAKE) --configfile $(STUDIES) $(REAL) run='[faces,alignment]' -- download

publish: .venv  ## copy small tables and figures of all studies to results/published, README and docs/findings
	$(SNAKEMAKE) --forcerun publish --configfile $(PUBLISHED) $(REAL) \
		run='[synthetic,detection,detection-restarts,bias-simulations,faces,alignment-logits,external]' -- publish_all
	$(MAKE) readme

readme: .venv  ## update README's numbers and docs/findings from results/published
	$(BIN)/python scripts/maintain/write_readme.py --published results/published --readme README.md --page README.md \
		--findings docs/findings

reference: .venv  ## update config/README.md, docs/cli.md, docs/functions.md from the code, docs/rulegraph.md from the DAG
	$(BIN)/python scripts/maintain/write_reference.py --config config/README.md --command docs/cli.md \
		--functions docs/functions.md
	$(BIN)/python tests/workflow/test_rulegraph.py

docs: .venv  ## the documentation as pages in site/, without a network; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "site/index.html; with its search: $(BIN)/python -m http.server --bind 127.0.0.1 --directory site"

screenshots: .venv  ## pictures of explorer and report for README and docs, of the finished demo, in Chromium
	$(BIN)/python scripts/maintain/take_screenshots.py --results results --folder docs/images

report: .venv  ## Snakemake's own report of all studies: results/snakemake-report.html
	$(SNAKEMAKE) --configfile $(STUDIES) $(REAL) run='[synthetic,detection,faces,alignment]' --report results/snakemake-report.html

notebook: .venv  ## notebooks/explore_results.ipynb on the results of STUDY (demo, faces, …), with its outputs
	$(SNAKEMAKE) $(filter-out --workflow-profile $(PROFILE),$(ON_CLUSTER)) -- run_notebooks

tensorboard: .venv  ## training curves on port 6006
	$(BIN)/tensorboard --logdir results --host 127.0.0.1

bench: .venv  ## time and memory of this and other libraries, 1,000 to 10,000 samples; N=200000 for this one, too
	$(BIN)/python -m benchmarks.bench $(if $(filter command,$(firstword $(origin N))),--big $(N))$(if $(BIG), --big 200000) $(BENCH)

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check --line-length 100 Snakefile workflow
	$(BIN)/snakemake --lint

types: .venv
	$(BIN)/mypy

test: .venv  ## lint, types and all tests but the slow ones
	@$(MAKE) --no-print-directory --jobs $(CORES) lint types
	$(BIN)/python -m pytest --numprocesses $(CORES) --dist loadscope --no-loadscope-reorder --durations 40

test-slow: .venv  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow --numprocesses $(CORES) --dist loadscope

release: .venv  ## all that a release needs: demo, tests, slow tests, published results of today's code, wheel, documentation
	$(BIN)/latent-microscope verify results/published --current
	$(MAKE) demo
	$(MAKE) test
	$(MAKE) test-slow
	$(MAKE) wheel docs

wheel: .venv  ## build a wheel of library and workflow in dist
	$(BIN)/python -m hatchling build --target wheel

format: .venv
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .
	$(BIN)/snakefmt --line-length 100 Snakefile workflow

lock: .venv  ## resolve pyproject.toml for every platform and Python, keeping pins; UPGRADE=--upgrade for the newest
	$(BIN)/uv pip compile --quiet --universal --all-extras --python-version 3.11 --no-annotate $(UPGRADE) \
		--custom-compile-command "make lock" --output-file envs/requirements.lock pyproject.toml

clean:  ## remove results and downloads (not results/published)
	rm -rf data site .snakemake && find results -mindepth 1 -maxdepth 1 ! -name published ! -name README.md -exec rm -rf {} +
