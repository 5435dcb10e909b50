"""What this package declares: one module a group of :mod:`latent_microscope.registry`."""
