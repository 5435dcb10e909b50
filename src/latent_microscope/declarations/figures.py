"""The figures of a study, in the order of the report."""

from latent_microscope.declarations.figures_alignment import ALIGNMENT
from latent_microscope.declarations.figures_forensics import DUPLICATES, FORENSICS

FIGURES = (*FORENSICS, *ALIGNMENT, *DUPLICATES)
