"""Figures: each plot_ function takes files and returns a figure; scripts/figures/plot.py saves it.

No pyplot and no automatic layout: axes are placed in inches (:class:`style.Page`), so that the same
data give the same bytes and figures of two runs can be laid one over the other.
"""
