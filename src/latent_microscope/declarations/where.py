"""Where figures and tables are made: conditions that several declarations share."""

from latent_microscope.planning.networks import profiled_runs
from latent_microscope.planning.study import Study
from latent_microscope.registry import Where


def of_kind(*kinds: str) -> Where:
    """Studies of these kinds."""
    return lambda study: study.is_of(*kinds)


def has_vae(study: Study) -> bool:
    """Whether the study has a VAE."""
    return study.has_vae


def scored(study: Study) -> bool:
    """Whether the latents of the study are scored sample by sample."""
    return study.has_forensics and study.kind != "detection"


def clustered(study: Study) -> bool:
    """Whether the scored latents are clustered, too."""
    return scored(study) and study.is_clustered


def with_judgements(study: Study) -> bool:
    """Whether there are human judgements of its samples."""
    return study.has_judgements


def bootstrapped(study: Study) -> bool:
    """Whether its similarities to human judgements have intervals."""
    return study.has_judgements and bool(study.settings["inference"]["draws"])


def recovered(study: Study) -> bool:
    """Whether models are recovered from simulated votes."""
    return study.has_judgements and bool(study.settings["inference"]["simulations"])


def profiled(study: Study) -> bool:
    """Whether networks are profiled layer by layer."""
    return bool(profiled_runs(study))


def trained_here(study: Study) -> bool:
    """A VAE whose training there is to see."""
    return study.has_vae and study.is_trained and study.kind != "detection"


def vae(study: Study) -> bool:
    """A VAE that is described; of a detection study the detectors are compared instead."""
    return study.has_vae and study.kind != "detection"
