# Functions of checks.smk: paths, params and lists by study.


def checked_artefacts(wildcards):
    study = wildcards.study
    kind = STUDIES[study]["kind"]
    if kind == "detection":
        names = ["latents.npy", "encoding.parquet", "comparison.parquet", "search.parquet"]
        files = [path for name in names for path in runs_of(study, f"{B}/{name}")]
        return files + [path for path in tables_of(study) if path.endswith(".parquet")]
    if kind == "simulations":
        return [path for path in tables_of(study) if path.endswith(".parquet")]
    if not has_vae(study) and not has_forensics(study):
        return compared_artefacts(study) + [p for p in tables_of(study) if p.endswith(".parquet")]
    names = ["latents.npy", "encoding.parquet"]
    if has_vae(study):
        names.append("dimensions.parquet")
    if study in TRAINED:
        names.append("training.parquet")
    if has_forensics(study):
        names += ["factors.npy", "overlaps.parquet", "signatures.parquet"]
        names += [f"{name}-{m}.{end}" for m in methods_of(study) for name, end in SCORED]
    if kind == "synthetic":
        names += [f"funnel-{m}.parquet" for m in methods_of(study)]
    elif has_forensics(study):
        names += ["plane.npy", "clusters.parquet", "rankings.parquet"]
        if "attributes" in parts_of(study):
            names.append("abi.parquet")
    files = [path for name in names for path in runs_of(study, f"{B}/{name}")]
    if is_judged(study):
        files += compared_artefacts(study)
    return files + [path for path in tables_of(study) if path.endswith(".parquet")]


def compared_artefacts(study):
    """What is looked at of the comparison with people's votes."""
    if not is_judged(study):
        return []
    files = []
    for metric in STUDIES[study]["metrics"]:
        files += [f"results/{study}/rsa/{metric}.parquet"]
        files += [f"results/{study}/rdms/{metric}/human.npy"]
    files += [f"results/{study}/confusions.parquet", f"results/{study}/behaviour.parquet"]
    return files + fold_artefacts(study)


SCORED = (("sources", "npy"), ("scores", "parquet"), ("summary", "parquet"))
