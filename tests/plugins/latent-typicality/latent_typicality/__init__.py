"""How typical a sample is of a Gaussian: an example of a plugin."""
