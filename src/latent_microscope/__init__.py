"""Latent Microscope: forensics of latent spaces, and their alignment with human judgements.

The package holds all logic; the scripts beside it are thin steps of the workflow. Nothing is
imported here, so that a step pays only for (and re-runs only on edits of) the modules it uses.
"""

__version__ = "0.1.0"
