# Functions of rsa.smk: paths, params and lists by study.


def of_first_metric(function):
    """An input or params function: predictions have no distance, so they are read once."""

    def files(wildcards):
        first = STUDIES[wildcards.study]["metrics"][0]
        return function(wildcards) if wildcards.metric == first else []

    return files


def of_metrics(name):
    """An input function: this table of each metric of a study."""
    return lambda wildcards: [
        f"results/{wildcards.study}/rsa/{metric}-{name}.parquet"
        for metric in STUDIES[wildcards.study]["metrics"]
    ]


def rsa_tables(wildcards):
    metrics = STUDIES[wildcards.study]["metrics"]
    own = [f"results/{wildcards.study}/rsa/{metric}.parquet" for metric in metrics]
    return own + fold_comparisons(wildcards.study)


def interval_tables(wildcards):
    """Bootstrap intervals, if the study wants them."""
    if not STUDIES[wildcards.study]["inference"]["draws"]:
        return []
    behaviour = f"results/{wildcards.study}/behaviour-intervals.parquet"
    return [*of_metrics("intervals")(wildcards), behaviour]


def equivalent_tables(wildcards):
    wanted = STUDIES[wildcards.study]["inference"]["repeats"]
    return of_metrics("equivalents")(wildcards) if wanted else []


def bootstrap_memory(wildcards, input, attempt):
    return int(4000 + 1.2 * input.size_mb) * attempt  # ranks of all RDMs in 2 bytes a pair; files
