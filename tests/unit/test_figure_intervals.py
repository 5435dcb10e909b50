"""The bars of similarity take intervals and ceilings from the table of all measures."""

import numpy as np
import pandas as pd
import pytest

from latent_microscope.plots.alignment import _intervals, rsa_bars
from latent_microscope.plots.style import look

RSA = pd.DataFrame({
    "model": ["label", "net", "net"], "layer": "features", "seed": [0, 0, 1],
    "metric": "euclidean", "method": "spearman", "value": [0.5, 0.3, 0.32],
    "partial_label": [np.nan, 0.1, 0.12], "within_class": [np.nan, 0.05, 0.04],
    "label_only": 0.5, "ceiling_lower": 0.7, "ceiling_upper": 0.9, "n_images": 100,
})  # fmt: skip
MEASURES = pd.DataFrame({
    "model": "net", "layer": "features", "metric": "euclidean",
    "measure": ["spearman", "spearman", "partial_label", "cosine"],
    "low": [0.28, 0.30, 0.08, 0.0], "high": [0.34, 0.36, 0.14, 1.0],
    "low_votes": [0.2, 0.24, np.nan, 0.0], "high_votes": [0.4, 0.44, np.nan, 1.0],
    "ceiling_lower": [0.7, 0.7, 0.6, 0.5], "ceiling_upper": [0.9, 0.9, 0.85, 0.5],
})  # fmt: skip


def test_intervals_are_over_votes_where_there_are_such() -> None:
    found = _intervals(MEASURES, "euclidean")
    assert set(found) == {("net", "features", "value"), ("net", "features", "partial_label")}
    assert found["net", "features", "value"] == pytest.approx((0.22, 0.42))
    assert found["net", "features", "partial_label"] == pytest.approx((0.08, 0.14))
    assert _intervals(MEASURES, "cosine") == {}
    assert _intervals(None, "euclidean") == {}


def test_whiskers_and_ceilings_are_drawn() -> None:
    with look("rsa") as made:
        figure = rsa_bars(RSA, "tiny", made, measures=MEASURES, notes={"net": "random weights"})
        text = " ".join(t.get_text() for t in figure.texts)
        bare = rsa_bars(RSA, "tiny", made)
    assert "95 % interval" in text
    spans = [np.asarray(line.get_xdata()) for line in figure.axes[0].lines]
    assert any(np.allclose(span, [0.22, 0.42]) for span in spans if len(span) == 2)
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert "net · features (random weights)" in labels
    assert "sd" in " ".join(t.get_text() for t in bare.texts)
    band = [len(ax.patches) for ax in figure.axes[:3]]
    plain = [len(ax.patches) for ax in bare.axes[:3]]
    assert band[1] == plain[1] + 1, "the ceiling of panel b is missing"
