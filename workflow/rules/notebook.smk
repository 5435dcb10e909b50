# The notebook that goes on from a study's results, with its outputs. Not in `all`: make notebook STUDY=…


rule run_notebook:
    input:
        checks="results/{study}/checks.parquet",
        tables=lambda wildcards: [
            path for path in tables_of(wildcards.study) if path.endswith(".parquet")
        ],
        latents=of_shown_run("latents.npy"),
        encoding=of_shown_run("encoding.parquet"),
        scores=of_shown_run("scores-intended.parquet"),
        attributes=notebook_attributes,
    output:
        executed="results/{study}/notebook.ipynb",
    log:
        f"{LOG}/run_notebook.log",
    wildcard_constraints:
        study=one_of([study for study in STUDIES if has_forensics(study)]),
    conda:
        "../../envs/notebook.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("run_notebook", assets=[NOTEBOOK]),
        notebook=NOTEBOOK,
    script:
        "../../scripts/report/run_notebook.py"


rule run_notebooks:
    input:
        [f"results/{study}/notebook.ipynb" for study in STUDIES if has_forensics(study)],
