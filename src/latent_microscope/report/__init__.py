"""The report: findings of a study in words, tables and figures, each with its provenance."""
