"""What figures say of what they draw: how many of how many, beyond the axis, not tested."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from latent_microscope import registry
from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.plots import style
from latent_microscope.plots.behaviour import plot_confusions
from latent_microscope.plots.bias import plot_bias_forest, plot_cluster_bias, plot_probes
from latent_microscope.plots.detection import plot_scenarios
from latent_microscope.plots.galleries import plot_subniches
from latent_microscope.plots.layers import plot_layers
from latent_microscope.plots.pixels import plot_cluster_images, plot_cluster_pixels
from latent_microscope.plots.simulations import plot_calibration
from latent_microscope.plots.stability import (
    plot_cluster_stability,
    plot_reliability,
    plot_sbs_sizes,
)
from latent_microscope.plots.vae import plot_traversals, plot_vae_checks
from latent_microscope.statistics.clusters import MIN_EFFECTIVE, MIN_FREEDOM

NAN = float("nan")
PAIR = {"first": "a", "second": "b", "ari": 0.9, "ari_clustered": 0.9}
ODDS = {
    **{"definition": "odds", "group": "cluster 0", "n_members": 30, "direction": "under"},
    **{"status": "ok", "q": 0.01, "q_seed": 0.01},
}
ALARM = {"check": "mean", "status": "ok", "value": 0.1, "bad": "above", "warning": 1.0}


def table(folder: Path, name: str, rows: Iterable[Any]) -> Path:
    path = folder / f"{name}.parquet"
    save_table(path, rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows)))
    return path


def drawn(plot: Any, **given: Any) -> Figure:
    with style.look("figure") as look:
        figure: Figure = plot(title="study", look=look, **given)
    return figure


def words(figure: Figure) -> str:
    return "\n".join(one.get_text() for one in figure.findobj(Text))


def names(ax: Any) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


# --- stability ---------------------------------------------------------------------------------
def stability(folder: Path, clusters: int, *, umaps: bool) -> Figure:
    """The largest clusters are the most stable ones."""
    falling = np.linspace(1.0, 0.1, clusters)
    rows = pd.DataFrame({
        "cluster": range(clusters), "size": 50, "jaccard": falling, "jaccard_sd": 0.01,
        "baseline": 0.05,
    })  # fmt: skip
    pairs = pd.DataFrame([PAIR])
    unknown = rows.assign(jaccard=NAN, jaccard_sd=NAN, baseline=NAN)
    return drawn(
        plot_cluster_stability,
        resampled=[table(folder, "pairs", pairs)],
        resampled_clusters=[table(folder, "clusters", rows)],
        umaps=[table(folder, "umaps", pairs if umaps else pairs.iloc[:0])],
        umaps_clusters=[table(folder, "umap-clusters", rows if umaps else unknown)],
        clusters=[folder / "none.parquet"],
        seeds=[0],
    )


def test_all_clusters_are_drawn_and_of_many_the_least_stable(tmp_path: Path) -> None:
    right = stability(tmp_path, 11, umaps=True).axes[1]
    assert [name.split(" (")[0] for name in names(right)] == [
        f"seed 0, cluster {k}" for k in range(11)
    ]
    assert "of" not in right.get_title("left").split("clusters")[0]
    figure = stability(tmp_path, 60, umaps=True)
    right = figure.axes[1]
    assert names(right)[0].startswith("seed 0, cluster 20 ")
    assert names(right)[-1].startswith("seed 0, cluster 59 ")
    assert "40 of 60 clusters" in right.get_title("left")
    assert "least stable" in words(figure)


def test_one_umap_seed_is_compared_with_nothing(tmp_path: Path) -> None:
    for umaps in (True, False):
        figure = stability(tmp_path, 3, umaps=umaps)
        legend = figure.axes[1].get_legend()
        assert legend is not None
        shown = [*names(figure.axes[0]), *(text.get_text() for text in legend.get_texts())]
        assert any("UMAP" in text for text in shown) is umaps
    curve = {
        **{"min_cluster_size": 10, "configured": True, "share": 0.5, "low": 0.4, "high": 0.6},
        **{"n_clusters": 3, "n_clusters_low": 2, "n_clusters_high": 4, "noise_share": 0.1},
    }
    one = {"min_cluster_size": 10, "share": 0.5}
    for seeds in (1, 2):
        umap = table(tmp_path, "umap", [one] * seeds)
        sizes = drawn(plot_sbs_sizes, sbs=[table(tmp_path, "sbs", [curve])], umaps=[umap])
        assert ("other UMAP seeds" in words(sizes)) is (seeds > 1)


def test_a_figure_says_that_it_draws_some_samples_only(tmp_path: Path) -> None:
    row = {"score": "cls", "over": "ICA restarts", "pairs": 1, "spearman_mean": 0.9}
    row |= {"list": "highest 9", "list_shared": 0.5, "list_shared_chance": 0.1, "status": ""}
    found = table(tmp_path, "reliability", [row])
    for n, said in ((399, "of each sample"), (401, "of 400 evenly spaced samples")):
        spread = {name: np.linspace(0, 90, n) for name in ("low", "median", "high")}
        spread |= {f"noise_{name}": values for name, values in spread.items()}
        ranges = pd.DataFrame(spread).assign(
            id=range(n), score="cls", vaes=1, replicates=3, next_low=NAN, next_high=NAN
        )
        path = table(tmp_path, "ranges", ranges)
        assert said in words(drawn(plot_reliability, intervals=path, reliability=found))


# --- bias --------------------------------------------------------------------------------------
def odds(name: str, estimate: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    return ODDS | {"attribute": name, "estimate": estimate, "low": low, "high": high, **more}


UNTESTED = {"status": "untestable", "q": NAN, "q_seed": NAN}


def bars(folder: Path, rows: list[dict[str, Any]], clusters: int = 1) -> Figure:
    ids = [f"i{k}" for k in range(60)]
    images = folder / "images.npy"
    save_npy(images, np.zeros((60, 8, 8, 3), dtype=np.uint8))
    return drawn(
        plot_cluster_bias,
        images=images,
        samples=table(folder, "samples", pd.DataFrame({"id": ids})),
        clusters=table(
            folder, "clusters", pd.DataFrame({"id": ids, "cluster": np.arange(60) % clusters})
        ),
        abi=table(folder, "abi", rows),
        top=3,
    )


def test_an_odds_ratio_beyond_the_axis_of_bars_is_an_arrow_with_its_numbers(tmp_path: Path) -> None:
    rows = [
        odds("rare", 9.5e-5, 0.0, 6.5e-4),
        odds("far", 2e4, 3.0, np.inf),
        odds("near", 0.5, 0.2, 0.9),
    ]
    figure = bars(tmp_path, rows)
    ax = figure.axes[0]
    places = [(line.get_marker(), np.asarray(line.get_xdata())) for line in ax.lines]
    marks = {marker: x[0] for marker, x in places if len(x) == 1}
    assert marks["<"] == ax.get_xlim()[0] == pytest.approx(1e-3)
    assert marks[">"] == ax.get_xlim()[1] == pytest.approx(1e3)
    assert [text.get_text() for text in ax.texts] == ["9.5 × 10⁻⁵ (0–0.00065)"]
    assert "<, >: beyond the axis" in words(figure)
    assert "not tested" not in words(figure)
    forest = drawn(plot_bias_forest, abi=table(tmp_path, "abi", rows))
    assert [text.get_text() for text in forest.axes[0].texts] == ["9.5 × 10⁻⁵ (0–0.00065)"]
    assert "beyond" not in words(bars(tmp_path, rows[2:]))


def test_an_interval_that_an_axis_cuts_ends_in_an_arrow(tmp_path: Path) -> None:
    rows = [odds("cut", 0.1, 0.0, np.inf), odds("whole", 0.5, 0.2, 0.9)]
    rows.append(odds("untested", 0.1, NAN, NAN, **UNTESTED))
    forest = drawn(plot_bias_forest, abi=table(tmp_path, "abi", rows))
    for figure in (bars(tmp_path, rows), forest):
        ax = figure.axes[0]
        arrows = {line.get_marker(): line.get_xydata() for line in ax.lines}
        assert [arrows[mark].tolist() for mark in "<>"] == [[[end, 0.0]] for end in ax.get_xlim()]  # type: ignore[union-attr]
        assert "<, >: beyond the axis" in words(figure)


def test_what_is_not_tested_is_called_so(tmp_path: Path) -> None:
    rows = [odds("untested", 390.0, NAN, NAN, **UNTESTED), odds("near", 0.5, 0.2, 0.9)]
    forest = drawn(plot_bias_forest, abi=table(tmp_path, "abi", rows))
    for figure in (bars(tmp_path, rows), forest):
        assert "(no line: not tested)" in words(figure)
        assert "too few" not in words(figure)
    assert [text.get_text() for text in forest.axes[0].texts] == ["390"]
    limits = f"fewer than {MIN_EFFECTIVE:g} effective people (Kish, by their images) in the group "
    limits += f"or outside, or fewer than {MIN_FREEDOM:g} degrees of freedom"
    for name in ("cluster_bias", "cmax_bias", "bias_forest", "cluster_pixels"):
        caption = registry.find("figures", name).caption  # type: ignore[union-attr]
        assert limits in registry.said(caption)
    alone = registry.said(registry.find("figures", "cluster_pixels").caption, {"images"})  # type: ignore[union-attr]
    assert f"fewer than {MIN_EFFECTIVE:g} effective images in the group or outside" in alone


def test_a_zero_cell_shows_whether_it_is_significant(tmp_path: Path) -> None:
    rows = [odds("sure", 0.1, 0.0, 0.5, status="zero_cell")]
    rows.append(odds("unsure", 0.2, 0.0, 1.5, status="zero_cell", q=0.3))
    ax = drawn(plot_bias_forest, abi=table(tmp_path, "abi", rows)).axes[0]
    faces = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "X"]
    assert [face == "white" for face in faces] == [False, True]


def test_figures_of_bias_say_how_many_they_leave_out(tmp_path: Path) -> None:
    rows = [odds(f"a{k}", 0.1 + 0.1 * k, 0.01, 0.99) for k in range(5)]
    text = words(bars(tmp_path, rows, clusters=7))
    assert "3 of 5 attributes; 6 of 7 clusters" in text
    assert " of " not in words(bars(tmp_path, rows[:3])).split("interval")[1].split("a0")[0]
    every = [row | {"group": f"cluster {k}"} for k in range(8) for row in rows]
    text = words(drawn(plot_bias_forest, abi=table(tmp_path, "abi", every), top=4))
    assert "4 of 5 attributes; 6 of 8 groups" in text


def test_figures_of_pixels_say_how_many_they_leave_out(tmp_path: Path) -> None:
    rows = [
        {"seed": 0, "group": f"cluster {g}", "n_members": 9, "covariate": f"c{k}", "d": 1.0,
         "low": 0.5 if g else NAN, "high": 1.5, "q": 0.01 if g else NAN}
        for g in range(7) for k in range(9)
    ]  # fmt: skip
    text = words(drawn(plot_cluster_pixels, effects=table(tmp_path, "effects", rows)))
    assert "(no line: not tested)" in text
    assert "; 8 of 9 covariates; 6 of 7 groups" in text
    tested = table(tmp_path, "effects", [row for row in rows if row["group"] == "cluster 1"])
    assert "not tested" not in words(drawn(plot_cluster_pixels, effects=tested))
    save_npy(tmp_path / "images.npy", np.zeros((60, 8, 8, 3), dtype=np.uint8))
    labels = pd.DataFrame({"id": [f"i{k}" for k in range(60)], "cluster": np.arange(60) % 10})
    given = {"images": tmp_path / "images.npy", "clusters": table(tmp_path, "labels", labels)}
    assert "; 8 of 10 clusters" in words(drawn(plot_cluster_images, **given))


def test_probes_count_what_was_tested(tmp_path: Path) -> None:
    columns = ("low", "high", "auc_pixels", "auc_colour", "gain_mean", "gain_low", "gain_high")
    base = dict.fromkeys(columns, NAN) | {"gain_q": NAN, "prevalence": 0.5}
    rows = [
        {"attribute": "sure", "auc_mean": 0.9, "q": 0.01, "status": "ok"},
        {"attribute": "below", "auc_mean": 0.2, "q": 0.01, "status": "ok"},
        {"attribute": "perfect", "auc_mean": 1.0, "q": NAN, "status": "degenerate"},
        {"attribute": "constant", "auc_mean": NAN, "q": NAN, "status": "constant"},
    ]
    probes = pd.DataFrame([base | row for row in rows])
    text = words(drawn(plot_probes, probes=table(tmp_path, "probes", probes), by_seed=[]))
    assert "1 of 2 attributes readable" in text
    assert "grey: not tested; 3 of 4 attributes" in text
    tested = table(tmp_path, "probes", probes[:2])
    assert "not tested" not in words(drawn(plot_probes, probes=tested, by_seed=[]))
    caption = registry.find("figures", "probes").caption  # type: ignore[union-attr]
    assert "or the predictions from latents or pixels make no error" in registry.said(caption)


# --- others ------------------------------------------------------------------------------------
def test_galleries_say_how_many_they_leave_out(tmp_path: Path) -> None:
    ids = [f"i{k}" for k in range(40)]
    save_npy(tmp_path / "images.npy", np.zeros((40, 8, 8, 3), dtype=np.uint8))
    save_npy(tmp_path / "umap.npy", np.random.default_rng(0).normal(size=(40, 2)))
    members = pd.DataFrame({"index": range(40), "id": ids, "niche": np.arange(40) % 8})
    means = {f"mean_{name}": 0.5 for name in ("cls", "uniqueness", "originality")}
    figure = drawn(
        plot_subniches,
        images=tmp_path / "images.npy",
        samples=table(tmp_path, "samples", pd.DataFrame({"id": ids})),
        umap=tmp_path / "umap.npy",
        subniches=table(tmp_path, "subniches", members),
        profile=table(tmp_path, "profile", [{"niche": k, "size": 5, **means} for k in range(8)]),
    )
    assert "; 6 of 8 sub-niches with images" in words(figure)
    save_npy(tmp_path / "traversal.npy", np.zeros((3, 5, 8, 8, 3), dtype=np.uint8))
    dimensions = pd.DataFrame({"dimension": range(8), "kl": np.arange(8.0)})
    given = {"traversal": tmp_path / "traversal.npy"}
    given["dimensions"] = table(tmp_path, "dimensions", dimensions)
    assert "; 3 of 8 dimensions" in words(drawn(plot_traversals, **given))


def test_checks_say_how_many_seeds_they_show(tmp_path: Path) -> None:
    posterior = table(tmp_path, "posterior", [{"mean": 0.0, "aggregated_variance": 1.0}] * 3)
    errors = [{"reconstruction_error": 1.0, "constant_error": 2.0}] * 3
    error = table(tmp_path, "errors", errors)
    check = table(tmp_path, "checks", [ALARM | {"alarm": 2.0, "meaning": "mean"}])
    for seeds in (4, 6):
        given = {"posteriors": [posterior] * seeds, "errors": [error] * seeds}
        text = words(drawn(plot_vae_checks, **given, diagnostics=[check] * seeds))
        assert ("values of 4 of 6 seeds" in text) is (seeds == 6)


def test_scenarios_say_how_many_detectors_they_compare(tmp_path: Path) -> None:
    ends = [f"{m}_{e}" for m in ("average_precision_interpolations", "f1") for e in ("mean", "sd")]
    rows = [
        dict.fromkeys(ends, 0.5) | {"scenario": "s", "detector": name, "family": family}
        for family, found in (("PyOD", [f"p{k}" for k in range(9)]), ("trivial", ["all"]),
                              ("ours", ["detect_authentic"]))
        for name in found
    ]  # fmt: skip
    comparison = table(tmp_path, "comparison", pd.DataFrame(rows).assign(n=3, prevalence=0.5))
    assert "; 6 of 10 detectors" in words(drawn(plot_scenarios, comparison=comparison))


def test_colours_are_those_that_the_note_names(tmp_path: Path) -> None:
    base = {"method": "m", "outcome": "coverage", "nominal": 0.95, "n": 100}
    rows = [base | {"value": 0.95, "outside": False}, base | {"value": 0.5, "outside": True}]
    figure = drawn(plot_calibration, calibration=table(tmp_path, "calibration", rows))
    assert "orange: outside" in words(figure)
    colours: Any = figure.axes[0].collections[0].get_facecolors()  # type: ignore[attr-defined]
    assert to_hex(colours[1]).upper() == style.OKABE_ITO[4]


def test_shares_below_the_scale_of_colours_are_marked(tmp_path: Path) -> None:
    rows = [
        {"source": source, "seed": 0, "true": a, "predicted": b, "share": float(a == b)}
        for source in ("human", "net") for a in "xy" for b in "xy"
    ]  # fmt: skip
    text = words(drawn(plot_confusions, confusions=table(tmp_path, "c", rows)))
    assert "≤ 0.1\n" in text  # percent, as in the cells


def test_the_stages_of_a_network_have_room_for_their_bars(tmp_path: Path) -> None:
    base = {"metric": "euclidean", "model": "net", "note": "", "n_images": 9, "n_pairs": 36}
    base |= {"label_only": 0.2, "value_ceiling": 0.9, "partial_label_ceiling": 0.9}
    rows = [
        base | {"layer": f"l{k}", "position": k, "depth": k / 2, "value_mean": 0.3,
                "value_sd": 0.4, "partial_label_mean": 0.2, "partial_label_sd": NAN}
        for k in range(3)
    ]  # fmt: skip
    layers = table(tmp_path, "layers", rows)
    below = drawn(plot_layers, layers=layers, metric="euclidean").axes[3]
    assert below.get_ylim()[0] < -0.1
    assert below.get_ylim()[1] > 0.7
