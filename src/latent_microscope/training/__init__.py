"""Training: device and precision, checkpoints that resume to the same bytes, the two loops."""
