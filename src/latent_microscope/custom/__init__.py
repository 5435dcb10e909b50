"""A user's files as a study: reading them, joining them by id, writing their config."""

LEAST_COMPARED, LEAST_SCORED = 10, 25
"""Samples that a comparison with people, and the scores of a latent space, need at least."""
