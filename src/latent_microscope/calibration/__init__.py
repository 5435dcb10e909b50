"""Simulated data sets with a known truth, on which each method of inference is tried."""

PARTS = ("bias", "ceilings", "detection", "identity", "probes", "reliability", "rsa", "sbs")
"""Modules of this package, each with ``METHODS``."""
