"""Declared scores: which a study has, and files of those with a function of their own."""

from typing import Any

from latent_microscope import registry
from latent_microscope.planning.runs import RUN
from latent_microscope.planning.study import Answer, Study, Wildcards


def declared_scores() -> list[registry.Score]:
    """Scores with a function of their own."""
    return [score for score in registry.scores() if score.function]


def is_computed(score: registry.Score, study: Study) -> bool:
    """Whether a study has what a score needs."""
    return study.has_forensics and study.kind != "detection" and score.needs <= study.parts


def score_files(study: Study) -> list[str]:
    """Their files of one VAE."""
    return [f"score-{one.name}.parquet" for one in declared_scores() if is_computed(one, study)]


def of_study(study: Study) -> list[registry.Score]:
    """The scores that a study has."""
    return [s for s in registry.scores() if not s.function or is_computed(s, study)]


def _named(*flags: str) -> Answer:
    """Names of a study's scores with all of these flags."""
    return lambda study, at: [s.name for s in of_study(study) if all(getattr(s, f) for f in flags)]


every, main, tested = _named(), _named("main"), _named("tested")
ours, checked = _named("main", "is_column"), _named("tested", "is_column")


def titles(study: Study, at: Wildcards) -> dict[str, str]:
    """Title by name, the main ones first."""
    found = sorted(of_study(study), key=lambda score: not score.main)
    titles = {score.name: score.title for score in found}
    variant = study.settings.get("scores", {}).get("variant")
    if variant:
        titles |= {name: f"{name} ({variant})" for name in ("uniqueness", "originality")}
    return titles


def lists(study: Study, at: Wildcards) -> dict[str, list[Any]]:
    """Length of the ranked list of each main score, and whether it holds the highest."""
    lengths = study.settings["lists"]
    return {s.name: [lengths[s.listed], s.largest] for s in of_study(study) if s.main}


def more(study: Study, at: Wildcards) -> list[str]:
    """Files of the declared scores of a study's VAEs: VAE by VAE, score by score."""
    names, runs = score_files(study), study.run_files(RUN)
    return [f"{run}/{name}" for run in runs for name in names]


def settings(score: registry.Score) -> Answer:
    """The score's section of the config."""
    return lambda study, at: study.settings["scores"].get(score.name, {})


_UNIQUENESS = ("variant", "similarity", "stability_noise", "stability_draws")
_ORIGINALITY = ("k", "radius", "attractors")
SETTINGS = (*_UNIQUENESS, *_ORIGINALITY, "alpha", "overlap_threshold", "pairs", "sampled_rows")
"""Keys of the section scores that score_samples reads."""
SIGNATURES = ("variant", *_ORIGINALITY, "signature_low", "signature_high")
SCAN = ("k", "radius", "overlap_threshold", "overlap_pairs")
CANDIDATES = (*_UNIQUENESS, "max_neighbors")


def ours_of_the_section(study: Study, at: Wildcards) -> dict[str, Any]:
    """The section scores without what plugins declare."""
    other = {score.name for score in declared_scores()}
    return {key: value for key, value in study.settings["scores"].items() if key not in other}
