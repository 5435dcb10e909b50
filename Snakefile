# The workflow as `snakemake` in a clone finds it; its table of contents is workflow/Snakefile.
include: "workflow/Snakefile"


workflow.default_target = "all"  # `include` keeps that of the including file, and there is none
