"""The tables of a study, in the order of the report."""

from latent_microscope.declarations.tables_alignment import INFERENCE, JUDGEMENTS
from latent_microscope.declarations.tables_forensics import FORENSICS

TABLES = (*JUDGEMENTS, *FORENSICS, *INFERENCE)
