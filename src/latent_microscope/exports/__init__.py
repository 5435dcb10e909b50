"""Finished studies as files of other tools: rsatoolbox, AnnData, Embedding Atlas."""
