"""The bars of similarity take intervals and ceilings from the table of all measures."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from latent_microscope.io.artefacts import save_table
from latent_microscope.plots.alignment import plot_rsa
from latent_microscope.plots.bias import plot_bias_forest
from latent_microscope.plots.style import look

RSA = pd.DataFrame({
    "model": ["label", "net", "net"], "layer": "features", "seed": [0, 0, 1],
    "metric": "euclidean", "method": "rho-a", "value": [0.5, 0.3, 0.32],
    "partial_label": [np.nan, 0.1, 0.12], "within_class_rho_a": [np.nan, 0.05, 0.04],
    "label_only": 0.5, "ceiling": 0.9, "n_images": 100,
})  # fmt: skip
MEASURES = pd.DataFrame({
    "model": "net", "layer": "features", "metric": "euclidean",
    "measure": ["rho_a", "rho_a", "partial_label", "cosine"],
    "low": [0.2, 0.24, 0.08, 0.0], "high": [0.4, 0.44, 0.14, 1.0],
    "ceiling": [0.9, 0.9, 0.85, 0.5],
})  # fmt: skip


def spans(ax: Axes) -> list[list[float]]:
    """Both ends of every horizontal line between two points."""
    lines = [np.asarray(line.get_xdata(), float).tolist() for line in ax.lines]
    return [ends for ends in lines if len(ends) == 2]


def test_intervals_and_ceilings_of_the_metric_are_drawn(tmp_path: Path) -> None:
    files: dict[str, Any] = {
        "rsa": tmp_path / "rsa.parquet",
        "measures": tmp_path / "measures.parquet",
    }
    save_table(files["rsa"], RSA.assign(ceiling_status=""))
    other = MEASURES.assign(metric="cosine", low=-0.9, high=0.9)
    save_table(files["measures"], pd.concat([MEASURES, other]).assign(ceiling_status=""))
    with look("rsa") as made:
        notes = {"net": "random weights"}
        figure = plot_rsa(**files, title="tiny", look=made, notes=notes)
        bare = plot_rsa(rsa=files["rsa"], title="tiny", look=made)
    everywhere, within, label_held = figure.axes[:3]
    assert any(np.allclose(ends, [0.22, 0.42]) for ends in spans(everywhere))
    assert any(np.allclose(ends, [0.08, 0.14]) for ends in spans(label_held))
    assert not any(np.allclose(ends, [-0.9, 0.9]) for ends in spans(everywhere))
    sd = float(np.std([0.05, 0.04], ddof=1))
    assert any(np.allclose(ends, [0.045 - sd, 0.045 + sd]) for ends in spans(within))
    assert "95 %" in " ".join(t.get_text() for t in figure.texts)
    assert "sd" in " ".join(t.get_text() for t in bare.texts)
    labels = [tick.get_text() for tick in everywhere.get_yticklabels()]
    assert "net · features (random weights)" in labels
    dotted = [line for line in label_held.lines if line.get_linestyle() == ":"]
    ceilings = [float(np.asarray(line.get_xdata())[0]) for line in dotted]
    assert ceilings == [0.85]
    legends: list[Any] = [one.get_legend() for one in figure.axes if one.get_legend()]
    assert legends[0].get_texts()[0].get_text() == "noise ceiling (a: 0.900)"
    assert ":" not in [line.get_linestyle() for line in bare.axes[2].lines]


def test_an_odds_ratio_beyond_the_axis_is_an_arrow_at_its_end(tmp_path: Path) -> None:
    row = {
        **{"definition": "odds", "group": "cluster 0", "n_members": 50, "direction": "over"},
        **{"q": 0.01, "q_seed": 0.01, "status": "ok"},
    }
    rows = [
        row | {"attribute": "far", "estimate": 15_000.0, "low": 3_400.0, "high": np.inf},
        row | {"attribute": "near", "estimate": 5.0, "low": 2.0, "high": 12.0},
        row | {"attribute": "rare", "estimate": 0.002, "low": 0.0, "high": 0.02},
    ]
    save_table(tmp_path / "abi.parquet", pd.DataFrame(rows))
    with look("bias_forest") as style:
        figure = plot_bias_forest(abi=tmp_path / "abi.parquet", title="t", look=style)
    ax = figure.axes[0]
    places = [(line.get_marker(), np.asarray(line.get_xdata())) for line in ax.lines]
    marks = {marker: x[0] for marker, x in places if len(x) == 1}
    assert marks == {">": ax.get_xlim()[1], "o": 5.0, "<": ax.get_xlim()[0]}
    assert "beyond the axis" in " ".join(text.get_text() for text in figure.texts)
    assert [2.0, 12.0] in spans(ax)
    save_table(tmp_path / "abi.parquet", pd.DataFrame(rows[1:2]))
    with look("bias_forest") as style:
        figure = plot_bias_forest(abi=tmp_path / "abi.parquet", title="t", look=style)
    assert "beyond the axis" not in " ".join(text.get_text() for text in figure.texts)
