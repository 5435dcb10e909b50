# Functions of inference.smk: paths, params and lists by study.

CLUSTER_TABLES = ["sbs", "cluster-stability", "cluster-jaccard"]


def umap_replicates(wildcards):
    """Planes of the UMAP seeds beside the run's own."""
    count = STUDIES[wildcards.study]["clusters"]["umap_seeds"]
    return [f"{B}/planes/umap{k}.npy".format(**wildcards) for k in range(1, count)]


def cluster_figures(study):
    """Figures about the clusters of all seeds of each view."""
    return [
        f"{name}-{view}" for view in views_of(study) for name in ("sbs-sizes", "cluster-stability")
    ]


def simulation_figures(study):
    return [f"results/{study}/figures/{name}.png" for name in ("power", "calibration")]
