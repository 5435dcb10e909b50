"""The scores of every sample; all of ours are columns that score_samples writes."""

from latent_microscope.registry import Score

SCORES = (
    Score(
        name="uniqueness",
        title="uniqueness",
        meaning="high: far from all other samples in the space of independent sources",
        main=True,
        tested=True,
    ),
    Score(name="uniqueness_script", title="uniqueness, variant script"),
    Score(name="uniqueness_notebook", title="uniqueness, variant notebook"),
    Score(
        name="originality",
        title="originality",
        meaning="high: far from the densest samples; low: stereotyped",
        listed="stereotypes",
        largest=False,
        main=True,
        tested=True,
    ),
    Score(name="originality_script", title="originality, variant script"),
    Score(name="originality_notebook", title="originality, variant notebook"),
    Score(
        name="stability",
        title="stability",
        meaning="high: noise on the latents moves the sample little beside its neighbours",
        main=True,
        tested=True,
    ),
    Score(
        name="knn_density",
        title="kNN density",
        meaning="high: near to its nearest neighbours",
        tested=True,
    ),
    Score(name="attractor_density", title="attractor density"),
    Score(name="attractor_density_adaptive", title="attractor density, adaptive radius"),
    Score(name="norm", title="norm of the latent", meaning="high: far from the origin"),
    Score(
        name="cls",
        title="creative latent score (CLS)",
        meaning="high: unique and original (creative latent score)",
        main=True,
        tested=True,
    ),
    Score(name="detector_score", title="detector score", meaning="high: likely authentic"),
)
