"""Simulated data sets with a known truth, on which each method of inference is tried."""
