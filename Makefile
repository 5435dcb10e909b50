# Commands of the project. PYTHON makes .venv from the lock; CORES go to Snakemake.
PYTHON ?= python3.11
CORES ?= 2
N ?= 500
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)
SIZE ?= workstation
MIRROR ?= $(wildcard ../shared/data)
REAL = --config size=$(SIZE) $(if $(MIRROR),mirror=$(MIRROR))
DEMO_REPORT = results/demo-report.html
STUDIES = config/synthetic.yaml config/detection.yaml config/faces.yaml config/alignment.yaml
STUDY ?= demo
PROFILE ?= profiles/slurm
ON_CLUSTER = --workflow-profile $(PROFILE) $(if $(filter demo,$(STUDY)),,--configfile config/$(STUDY).yaml $(REAL))
KILLS ?= 20
TRAINING_KILLS ?= 5
SEED ?= 0
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help demo notebook plan slurm slurm-demo chaos fuzz bench test lint format types synthetic detection faces alignment studies subset download publish readme docs report tensorboard lock clean

help:  ## this list
	@grep -E '^[a-z -]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/\t/' | expand -t 30

.venv: envs/requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement envs/requirements.lock
	@touch .venv

demo: .venv  ## the embedded default, a few minutes, no download; ends with the report's path
	$(SNAKEMAKE)
	@test -f $(DEMO_REPORT) && ! find results/demo-* -newer $(DEMO_REPORT) -type f | grep -q . \
		|| $(SNAKEMAKE) --quiet all --report $(DEMO_REPORT)
	@echo "story: results/report.html and results/report.pdf"
	@echo "report: $(DEMO_REPORT)"

synthetic detection faces alignment: .venv  ## one study at SIZE=workstation (or paper, …)
	$(SNAKEMAKE) --configfile config/$@.yaml $(REAL)

studies: synthetic detection faces alignment  ## all four

plan: .venv  ## what STUDY (demo, faces, …) at SIZE would ask of SLURM: jobs, GPU hours, disk
	$(BIN)/python scripts/plan.py $(ON_CLUSTER)

slurm: .venv  ## run STUDY at SIZE on a cluster, by profiles/slurm; see docs/cluster.md
	$(BIN)/snakemake $(ON_CLUSTER)

slurm-demo: .venv  ## the whole demo through a real SLURM of this machine (root, Debian's slurm-wlm): the same bytes?
	$(BIN)/python tests/workflow/slurm/slurm_demo.py --folder .slurm-demo --cores $(CORES) $(if $(CONFIG),--config $(CONFIG))

chaos: .venv  ## SIGKILL at KILLS=20 moments of the demo, TRAINING_KILLS=5 of a training: the same bytes? (docs/faults.md)
	$(BIN)/python tests/workflow/chaos.py --folder .chaos --kills $(KILLS) --training-kills $(TRAINING_KILLS) \
		--seed $(SEED) --cores $(CORES) $(if $(CONFIG),--config $(CONFIG))

fuzz: .venv  ## hostile files to every reader, at random; N=20 for twenty times as many as the tests try
	FUZZ=$(if $(filter command,$(firstword $(origin N))),$(N),1) $(BIN)/python -m pytest -n0 tests/fuzz

subset: .venv  ## a quick look at real data: the first N=500 faces and test images
	$(SNAKEMAKE) --configfile config/faces.yaml config/alignment.yaml $(REAL) subset=$(N) run='[faces,alignment]'

download: .venv  ## only fetch what the studies need
	$(SNAKEMAKE) --configfile $(STUDIES) $(REAL) run='[faces,alignment]' -- download

publish: .venv  ## small tables and figures of the finished studies to results/published, and README
	$(SNAKEMAKE) --configfile $(STUDIES) $(REAL) run='[synthetic,detection,faces,alignment]' -- publish_all
	$(MAKE) readme

readme: .venv  ## README's results from results/published
	$(BIN)/python scripts/write_readme.py --published results/published --readme README.md --page README.md

docs: .venv  ## config/README.md from the schema, docs/rulegraph.svg from the DAG
	$(BIN)/python scripts/write_config_reference.py --schema workflow/schemas/config.schema.yaml --page config/README.md
	$(BIN)/python tests/workflow/test_rulegraph.py

report: .venv  ## Snakemake's own report of all studies: results/snakemake-report.html
	$(SNAKEMAKE) --configfile $(STUDIES) $(REAL) run='[synthetic,detection,faces,alignment]' --report results/snakemake-report.html

notebook: .venv  ## notebooks/explore_results.ipynb on the results of STUDY (demo, faces, …), with its outputs
	$(SNAKEMAKE) $(filter-out --workflow-profile $(PROFILE),$(ON_CLUSTER)) -- run_notebooks

tensorboard: .venv  ## training curves on port 6006
	$(BIN)/tensorboard --logdir results --host 127.0.0.1

bench: .venv  ## time, memory and growth of ours and of others, 1,000 to 10,000 samples; N=200000 for ours too
	$(BIN)/python scripts/bench.py $(if $(filter command,$(firstword $(origin N))),--big $(N))$(if $(BIG), --big 200000) $(BENCH)

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check --line-length 100 Snakefile workflow
	$(BIN)/snakemake --lint

types: .venv
	$(BIN)/mypy

test: .venv lint types  ## lint, types and all tests
	$(BIN)/python -m pytest --numprocesses $(CORES) --dist loadscope

format: .venv
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .
	$(BIN)/snakefmt --line-length 100 Snakefile workflow

lock: .venv  ## pyproject.toml resolved for every platform and Python, pins kept; UPGRADE=--upgrade for the newest
	$(BIN)/uv pip compile --quiet --universal --all-extras --python-version 3.11 --no-annotate $(UPGRADE) \
		--custom-compile-command "make lock" --output-file envs/requirements.lock pyproject.toml

clean:  ## remove results and downloads (not results/published)
	rm -rf data .snakemake && find results -mindepth 1 -maxdepth 1 ! -name published ! -name README.md -exec rm -rf {} +
