"""The story page: what a study found, in words, tables and figures, each with its provenance."""
