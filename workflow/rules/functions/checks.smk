# Functions of checks.smk: paths, params and lists by study.


def checked_artefacts(wildcards):
    study = wildcards.study
    kind = STUDIES[study]["kind"]
    names = ["latents.npy", "encoding.parquet", "overlaps.parquet", "signatures.parquet"]
    names += ["factors.npy", "dimensions.parquet"]
    names += [f"{name}-{m}.{end}" for m in methods_of(study) for name, end in SCORED]
    if study in TRAINED:
        names.append("training.parquet")
    if kind == "synthetic":
        names += [f"funnel-{m}.parquet" for m in methods_of(study)]
    else:
        names += ["plane.npy", "clusters.parquet", "abi.parquet", "rankings.parquet"]
    files = [path for name in names for path in runs_of(study, f"{B}/{name}")]
    if kind == "alignment":
        for metric in STUDIES[study]["metrics"]:
            files += [f"results/{study}/rsa/{metric}.parquet"]
            files += [f"results/{study}/rdms/{metric}/human.npy"]
        files += [f"results/{study}/confusions.parquet", f"results/{study}/behaviour.parquet"]
    return files + [path for path in tables_of(study) if path.endswith(".parquet")]


SCORED = (("sources", "npy"), ("scores", "parquet"), ("summary", "parquet"))
