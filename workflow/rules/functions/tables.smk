# Functions of tables.smk: paths, params and lists by study.


def run_combinations(study, methods=(None,)):
    return [(v, s, m) for v in views_of(study) for s in seeds_of(study) for m in methods]


def run_files(name):
    """An input function: this file of each VAE of the study."""
    return lambda wildcards: runs_of(wildcards.study, f"{B}/{name}")


def run_method_files(name):
    """An input function: this file of each VAE and each reading of the sources."""

    def files(wildcards):
        study = wildcards.study
        combinations = run_combinations(study, methods_of(study))
        return [
            f"{B}/{name}".format(study=study, view=v, seed=s, method=m) for v, s, m in combinations
        ]

    return files


def run_column(position, with_methods):
    def values(wildcards):
        methods = methods_of(wildcards.study) if with_methods else (None,)
        return [row[position] for row in run_combinations(wildcards.study, methods)]

    return values


run_views, run_seeds = run_column(0, False), run_column(1, False)


run_method_views, run_method_seeds = run_column(0, True), run_column(1, True)


run_methods = run_column(2, True)


def dimension_files(wildcards):
    """Dimensions have a KL divergence in a VAE only."""
    if not has_vae(wildcards.study):
        return []
    return runs_of(wildcards.study, f"{B}/dimensions.parquet")


def sbs_files(wildcards):
    """Synthetic studies have no clusters to be biased: their ground truth is known."""
    if STUDIES[wildcards.study]["kind"] == "synthetic":
        return []
    return runs_of(wildcards.study, f"{B}/sbs.parquet")


QUALITY = ["reliability", "health", "duplicates", "probes"]


TABLES = {
    "detection": ["comparison", "search"],
    "simulations": ["null", "coverage", "power"],
    "synthetic": ["funnel", "detectors", "forensics", "health"],
    "faces": ["forensics", "bias", "bias-tests", "rankings", *CLUSTER_TABLES, *QUALITY],
    "comparison": ["alignment", "behaviour", "measures", "models", "ceilings"],
    "alignment": [
        "forensics",
        "bias",
        "bias-tests",
        "rankings",
        *CLUSTER_TABLES,
        *QUALITY,
    ],
    "own": [
        "files",
        "unmatched",
        "attributes",
        "correlations",
        "forensics",
        "bias",
        "bias-tests",
        "rankings",
        *CLUSTER_TABLES,
        *QUALITY,
    ],
}


def tables_of(study):
    kind = STUDIES[study]["kind"]
    names = list(TABLES["comparison"]) if is_judged(study) else []
    if kind == "own":
        names += [] if has_forensics(study) else ["files", "unmatched"]
        names += ["dissimilarity"] if "dissimilarity" in parts_of(study) else []
    if has_forensics(study) or kind in ("detection", "simulations"):
        names += possible(study, TABLES[kind]) if kind == "own" else TABLES[kind]
    elif has_vae(study):
        names.append("health")
    if is_judged(study) and STUDIES[study]["inference"]["draws"]:
        names += ["differences", "bootstrap-check"]
    if is_judged(study) and STUDIES[study]["inference"]["simulations"]:
        names.append("recovery")
    names += layer_tables(study)
    return [f"results/{study}/tables/{name}.{end}" for name in names for end in ("parquet", "csv")]


def model_notes(wildcards):
    """What every table must say of a model beside its name."""
    notes = {}
    given = STUDIES[wildcards.study]["kind"] != "own" or "labels" in parts_of(wildcards.study)
    for name, model in STUDIES[wildcards.study]["models"].items():
        if model["type"] == "resnet50" and not model["weights"]:
            notes[name] = "random weights"
        if model["type"] in ("label", "class_mean") and not given:
            notes[name] = "class: the majority of the votes themselves"
        if model["type"] == "efficientnet_lite":
            notes[name] = "ImageNet weights"
        if model["type"] == "philnet":
            notes[name] = f"trained {model['epochs']} epochs"
        if model["type"] == "folds":
            notes[name] = f"fine-tuned on {model['targets']} of {model['folds'] - 1} other folds"
        if model["type"] == "views":
            count = (5 if model["shift"] else 1) * (2 if model["mirror"] else 1)
            notes[name] = f"{model['of']}, mean over {count} views of an image"
    return notes
