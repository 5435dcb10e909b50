# Functions of notebook.smk: what the notebook reads.


def notebook_file(wildcards):
    return str(BASE / "notebooks/explore_results.ipynb")


def notebook_attributes(wildcards):
    if "attributes" not in parts_of(wildcards.study):
        return []
    return f"results/{wildcards.study}/data/attributes.parquet"
