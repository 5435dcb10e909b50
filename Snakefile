# Latent Microscope: table of contents. Each file holds the rules of one kind of step; config/README.md
# documents every key; `snakemake -n` shows what would run.
from snakemake.utils import min_version

min_version("9.10")


configfile: f"{workflow.basedir}/config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/functions/own.smk"
include: "workflow/rules/functions/data.smk"
include: "workflow/rules/functions/resources.smk"
include: "workflow/rules/functions/training.smk"
include: "workflow/rules/functions/similarity.smk"
include: "workflow/rules/functions/folds.smk"
include: "workflow/rules/functions/rsa.smk"
include: "workflow/rules/functions/inference.smk"
include: "workflow/rules/functions/layers.smk"
include: "workflow/rules/functions/tables.smk"
include: "workflow/rules/functions/figures.smk"
include: "workflow/rules/functions/figures_alignment.smk"
include: "workflow/rules/functions/scoring.smk"
include: "workflow/rules/functions/checks.smk"
include: "workflow/rules/functions/detection.smk"
include: "workflow/rules/functions/quality.smk"
include: "workflow/rules/functions/explorer.smk"
include: "workflow/rules/functions/report_page.smk"
include: "workflow/rules/functions/notebook.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/synthetic.smk"
include: "workflow/rules/detection.smk"
include: "workflow/rules/faces.smk"
include: "workflow/rules/alignment.smk"
include: "workflow/rules/own.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/folds.smk"
include: "workflow/rules/neighbours.smk"
include: "workflow/rules/scoring.smk"
include: "workflow/rules/inference.smk"
include: "workflow/rules/similarity.smk"
include: "workflow/rules/rsa.smk"
include: "workflow/rules/layers.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures_vae.smk"
include: "workflow/rules/figures_forensics.smk"
include: "workflow/rules/figures_clusters.smk"
include: "workflow/rules/figures_alignment.smk"
include: "workflow/rules/quality.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/checks.smk"
include: "workflow/rules/publish.smk"
include: "workflow/rules/report_page.smk"
include: "workflow/rules/notebook.smk"


rule all:
    default_target: True
    input:
        all_targets(),


onsuccess:
    print(summary())
