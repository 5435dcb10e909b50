"""Error rates and alignment with annotators: what is drawn where."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image
from step_helpers import drawer  # type: ignore[import-not-found]

from latent_microscope.io.artefacts import save_table
from latent_microscope.plots import style
from latent_microscope.plots.alignment import plot_accuracy

Draw = Callable[..., Figure]
TARGETS = {"tuned": "votes", "control": "labels"}
STARTS = {"tuned": "net", "control": "net"}


def measures() -> pd.DataFrame:
    rows = []

    def row(model: str, layer: str, seed: int, measure: str, value: float) -> None:
        similar = measure == "rho_a"
        rows.append(
            {
                "model": model, "layer": layer, "seed": seed,
                "metric": "euclidean" if similar else "", "measure": measure, "value": value,
                "low": value - 0.01, "high": value + 0.01,
                "baseline": 0.27, "ceiling": 0.92, "ceiling_status": "",
            }
        )  # fmt: skip

    for place, model in enumerate(["net", "tuned", "control", "elsewhere"]):
        for seed in (0, 1):
            row(model, "probabilities", seed, "accuracy", 0.9 - 0.02 * place - 0.01 * seed)
            row(model, "probabilities", seed, "cross_entropy_calibrated", 0.4 + 0.1 * place)
            row(model, "probabilities", seed, "rho_a", 0.5)
            row(model, "features", seed, "rho_a", 0.1)
            if model in TARGETS:
                row(model, "calibrated", seed, "rho_a", 0.55 + 0.01 * place)
    row("pixels", "features", 0, "rho_a", 0.07)
    row("label", "features", 0, "rho_a", 0.52)
    row("class_mean", "probabilities", -1, "accuracy", 1.0)
    row("human", "probabilities", -1, "cross_entropy", 0.15)
    return pd.DataFrame(rows)


@pytest.fixture
def drawn(tmp_path: Path) -> Draw:
    def draw(table: pd.DataFrame, **options: Any) -> Figure:
        path = tmp_path / "measures.parquet"
        save_table(path, table)
        options |= {"targets": TARGETS, "starts": STARTS}
        with style.look("accuracy") as look:
            return plot_accuracy(measures=path, title="synthetic", look=look, **options)

    return draw


def points(figure: Figure, panel: int) -> dict[str, np.ndarray]:
    """Points of a panel by their entry in the legend."""
    lines = figure.axes[panel].get_lines()
    return {
        str(line.get_label()): np.column_stack(line.get_data())
        for line in lines
        if line.get_marker() not in ("", "None")
    }


def test_points_are_means_over_seeds_of_the_right_layer(drawn: Draw) -> None:
    figure = drawn(measures())
    crossed, similar = points(figure, 0), points(figure, 1)
    plain = "not fine-tuned here"
    np.testing.assert_allclose(crossed[plain], [[10.5, 0.4], [16.5, 0.7]])
    np.testing.assert_allclose(similar[plain], [[10.5, 0.5], [16.5, 0.5]])
    (votes,) = [v for k, v in similar.items() if "votes" in k and "tuned" in k]
    np.testing.assert_allclose(votes, [[12.5, 0.56]])
    (labels,) = [v for k, v in crossed.items() if "control" in k]
    np.testing.assert_allclose(labels, [[14.5, 0.6]])
    texts = [t.get_text() for ax in figure.axes for t in ax.texts]
    assert texts.count("entropy of the votes") == 1
    (below,) = [text for text in texts if "true label alone" in text]
    assert below.startswith("↓ ")  # far below the points: named at the edge, not off the panel
    assert not any("pixels" in text or "class" in text for text in texts)
    assert figure.axes[0].get_ylabel() == "cross-entropy with temperature (nats)"


def test_published_values_only_where_they_are_of_these_votes(drawn: Draw) -> None:
    beside = "published CNNs tuned on votes, no temperature (accuracy not given)"
    assert len(points(drawn(measures()), 0)[beside]) == 5
    assert beside not in points(drawn(measures(), simulated=True), 0)


def test_lines_lead_from_a_network_to_its_fine_tuned_versions(drawn: Draw) -> None:
    lines = drawn(measures()).axes[0].get_lines()
    ends = [np.column_stack(line.get_data()).tolist() for line in lines]
    for end in ([12.5, 0.5], [14.5, 0.6]):
        assert any(np.allclose(e, [[10.5, 0.4], end]) for e in ends if np.shape(e) == (2, 2))


def test_no_classifier_is_said(drawn: Draw) -> None:
    table = measures()
    table = table[table["measure"] == "rho_a"]
    figure = drawn(table)
    assert [t.get_text() for t in figure.axes[0].texts] == ["no classifier has both numbers"]


@pytest.mark.parametrize("simulated", [False, True])
def test_step_writes_both_files(simulated: bool, tmp_path: Path) -> None:
    save_table(tmp_path / "measures.parquet", measures())
    png, pdf = tmp_path / "a.png", tmp_path / "a.pdf"
    drawer("accuracy")(
        measures=tmp_path / "measures.parquet",
        title="made up",
        simulated=simulated,
        png=png,
        pdf=pdf,
    )
    with Image.open(png) as image:
        assert image.width >= 600
    assert pdf.read_bytes().startswith(b"%PDF")
