"""The config: read, checked against its schema, filled in; its reference page."""

SPACE, WEIGHTS = "space", ("random", "pretrained")
"""The model whose layer is the latent space of a custom study; weights that are no file."""
