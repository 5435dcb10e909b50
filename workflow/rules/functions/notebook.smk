# Functions of notebook.smk: what the notebook reads.


NOTEBOOK = "notebooks/explore_results.ipynb"


def notebook_attributes(wildcards):
    if "attributes" not in parts_of(wildcards.study):
        return []
    return f"results/{wildcards.study}/data/attributes.parquet"
