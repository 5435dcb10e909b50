"""Where figures and tables are made: conditions that several declarations share."""

from operator import attrgetter

from latent_microscope.planning.networks import profiled_runs
from latent_microscope.planning.study import Study
from latent_microscope.registry import Where

has_vae: Where = attrgetter("has_vae")
with_judgements: Where = attrgetter("has_judgements")


def with_people(study: Study) -> bool:
    """Whether models are compared with people: their votes or their dissimilarities."""
    return bool(study.parts & {"votes", "dissimilarity"})


def of_kind(*kinds: str) -> Where:
    """Studies of these kinds."""
    return lambda study: study.is_of(*kinds)


def scored(study: Study) -> bool:
    """Whether the latents of the study are scored sample by sample."""
    return study.has_forensics and study.kind != "detection"


def clustered(study: Study) -> bool:
    """Whether the scored latents are clustered, too."""
    return scored(study) and study.is_clustered


def recovered(study: Study) -> bool:
    """Whether models are recovered from simulated votes."""
    return study.has_judgements and bool(study.settings["inference"]["simulations"])


def profiled(study: Study) -> bool:
    """Whether networks are profiled layer by layer."""
    return bool(profiled_runs(study))


def vae(study: Study) -> bool:
    """A VAE that is described; of a detection study the detectors are compared instead."""
    return study.has_vae and study.kind != "detection"


def trained_here(study: Study) -> bool:
    """A VAE whose training there is to see."""
    return vae(study) and study.is_trained
