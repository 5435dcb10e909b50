"""What this package declares; it imports no numpy, since planning reads it."""

from latent_microscope.config.fields import Section, setting
from latent_microscope.planning.runs import RUN, run_crops, run_files, run_seeds
from latent_microscope.planning.scores import is_computed
from latent_microscope.planning.study import Study
from latent_microscope.registry import Figure, Score, Table


class Typicality(Section):
    """Settings of the typicality: the section ``scores.typicality`` of the config."""

    shrinkage: float = setting("weight of the diagonal in the covariance", 0.1, ge=0, le=1)


SCORE = Score(
    name="typicality",
    title="typicality",
    function="latent_typicality.score:typicality",
    main=True,
    tested=True,
    meaning="high: as far from the mean of all latents as most samples of a Gaussian are",
    config=Typicality,
)


def scored(study: Study) -> bool:
    """Whether there is something to draw."""
    return is_computed(SCORE, study)


FIGURE = Figure(
    name="typicality",
    function="latent_typicality.shown:histogram",
    title="typicality of the samples",
    caption="Typicality of each sample under a Gaussian fitted to all latents of one VAE.",
    category="Forensics",
    inputs={"scores": f"{RUN}/score-typicality.parquet"},
    per="vae",
    where=scored,
)
TABLE = Table(
    name="typicality",
    title="typicality",
    caption="Mean and standard deviation of the typicality in each VAE.",
    where=scored,
    function="latent_typicality.shown:summary",
    inputs={"scores": run_files("score-typicality.parquet")},
    params={"crops": run_crops, "seeds": run_seeds},
)
