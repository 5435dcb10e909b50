"""Statistics that both halves share: areas under curves, multiplicity, intervals, PCA."""
