# Functions of scoring.smk: paths, params and lists by study.


def subniches_if_any(wildcards):
    """Sub-niches are a part of studies of faces and of one's own."""
    if STUDIES[wildcards.study]["kind"] not in ("faces", "own"):
        return []
    return f"{B}/subniches.parquet".format(**wildcards)


def scores_settings(*keys):
    """A params function: these keys of a study's section scores, and nothing else."""
    return lambda wildcards: {key: STUDIES[wildcards.study]["scores"][key] for key in keys}


UNIQUENESS_AND_STABILITY = ("variant", "similarity", "stability_noise", "stability_draws")


ORIGINALITY = ("k", "radius", "attractors")
