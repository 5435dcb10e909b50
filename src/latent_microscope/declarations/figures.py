"""The figures of a study, in the order of the report."""

from latent_microscope.declarations.figures_alignment import ALIGNMENT
from latent_microscope.declarations.figures_latents import LATENTS
from latent_microscope.declarations.figures_studies import DUPLICATES, STUDIES

FIGURES = (*LATENTS, *STUDIES, *ALIGNMENT, DUPLICATES)
