"""Each figure on small synthetic artefacts: written, readable, the same bytes twice."""

import inspect
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import figure_artefacts as made_up  # type: ignore[import-not-found]
import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from step_helpers import drawer  # type: ignore[import-not-found]

from latent_microscope import project, registry
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_npy, save_table
from latent_microscope.plots import style
from latent_microscope.plots.behaviour import plot_confusions, plot_disputed
from latent_microscope.step import run_declared

Draw = Callable[..., Path]

# Names of artefacts that differ from the words of the script.
ALIASES = {
    "subniches": {"profile": "subniche-profile"},
    "identities": {
        "members": "identity-members",
        "groups": "identity-groups",
        "pairs": "identity-pairs",
    },
    "vae_samples": {"epochs": "history-epochs"},
    "model_similarity": {"similarity": "rsa-models"},
    "entropy": {"images": "image-table"},
    "disputed": {"pixels": "images", "images": "image-table"},
}
SYNTHETIC = ["latent_map", "density", "overlaps", "forensic_panels", "funnel", "detectors"]
FACES = [
    "components", "cluster_control", "clusters", "cluster_bias", "cmax_bias",
    "uniqueness_originality", "ranking_grid", "subniches", "identities", "overlaps", "density",
    "bias_forest", "cluster_images",
]  # fmt: skip
VAE = ["training", "vae_images", "traversals", "vae_samples", "vae_diagnostics"]
ALIGNMENT = ["rdms", "rsa", "model_similarity", "confusions", "entropy", "disputed"]
# Drawn in the tests of their other steps.
ELSEWHERE = {"sbs_sizes", "cluster_stability", "power", "calibration", "scenarios"}
ELSEWHERE |= {"recovery", "reliability", "vae_checks", "duplicates", "probes"}
ELSEWHERE |= {"layers", "leaderboard", "classes", "fold_training", "dissimilarity", "accuracy"}
ELSEWHERE |= {"cluster_pixels"}
DPI = 100  # less than the default: faster
MANY = {"training", "dimensions", "funnel", "detection"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("figures")


@pytest.fixture(scope="module")
def artefacts(folder: Path) -> Mapping[str, Any]:
    alone = {"models": ["philnet"], "seeds": 1}
    made = {
        "vae": made_up.vae_run(folder / "vae", epochs=12),
        "synthetic": made_up.scored(folder / "synthetic", n=120, kind="synthetic"),
        "faces": made_up.scored(folder / "faces", n=200),
        "many": made_up.scored(folder / "many", n=200, clusters=11),
        "no cluster": made_up.scored(folder / "none", n=60, clusters=0, empty=True),
        "nothing found": made_up.scored(
            folder / "nothing", n=60, kind="synthetic", clusters=0, empty=True
        ),
        "alignment": made_up.alignment(folder / "alignment", n=120),
        "one model": made_up.alignment(folder / "one", n=60, **alone),
    }
    for kind in ("faces", "alignment"):
        made[f"long {kind}"] = made_up.with_long_names(made[kind], folder / f"long-{kind}")
    return made


def arguments(name: str, made: Any, out: Path) -> dict[str, Any]:
    """Arguments of a figure's main: inputs by name, outputs in ``out``."""
    declared = registry.find("figures", name)
    assert isinstance(declared, registry.Figure)
    given: dict[str, Any] = {"title": "made up · seed 0"}
    given |= {end: out / f"{name}.{end}" for end in ("png", "pdf")}
    for key, parameter in inspect.signature(resolve_name(declared.function)).parameters.items():
        if key == "measured":
            given[key] = ["uniqueness", "originality", "stability", "cls"]
        elif name == "ranking_grid" and key == "names":
            given[key] = ["creative"]
        elif key == "column":
            given[key] = declared.params.get(key, parameter.default)
        elif name == "rdms" and key in ("models", "labels"):
            found = sorted(made.folder.glob("rdm-*.npy"))
            given[key] = found if key == "models" else [path.stem for path in found]
        elif name == "disputed" and key in ("model", "logits", "features"):
            given[key] = "philnet" if key == "model" else made[key]
        elif key not in ("title", "look") and parameter.default is parameter.empty:
            path = made[ALIASES.get(name, {}).get(key, key)]
            given[key] = [path] if key in MANY else path
    return given


def draw(figure: str, made: Any, out: Path, **extra: Any) -> Path:
    given = {"style": {"dpi": DPI}} | arguments(figure, made, out) | extra
    drawer(figure)(**given)
    return out / f"{figure}.png"


def opened(png: Path) -> np.ndarray:
    with Image.open(png) as image:
        image.load()
        return np.asarray(image.convert("RGB"))


def check(png: Path) -> np.ndarray:
    """The picture, after checks that hold for all figures."""
    pixels = opened(png)
    assert pixels.shape[1] >= 4 * DPI
    assert (pixels < 128).any(axis=2).sum() > 200, "nothing is drawn"
    edge = np.concatenate([pixels[:2].reshape(-1, 3), pixels[-2:].reshape(-1, 3)])
    assert (edge == 255).all(), "something is cut at the top or the bottom"
    for side in (pixels[:, :2], pixels[:, -2:]):
        assert (side == 255).all(), "something is cut at a side"
    pdf = png.with_suffix(".pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert b"CreationDate" not in pdf
    return pixels


CASES = [
    *[(name, "vae") for name in VAE],
    *[(name, "synthetic") for name in SYNTHETIC],
    *[(name, "nothing found") for name in SYNTHETIC],
    *[(name, "faces") for name in FACES],
    *[(name, "no cluster") for name in FACES],
    *[(name, "many") for name in ("components", "clusters", "cluster_bias")],
    *[(name, "alignment") for name in ALIGNMENT],
    *[(name, "one model") for name in ALIGNMENT],
    *[(name, "long faces") for name in ("bias_forest", "cluster_bias")],
    *[(name, "long alignment") for name in ("rdms", "rsa", "confusions", "entropy", "disputed")],
]


@pytest.fixture(scope="module")
def drawn(artefacts: Mapping[str, Any], folder: Path) -> Draw:
    """Draw a case, or take the picture that another test drew."""

    def draw_once(name: str, which: str) -> Path:
        png = folder / "drawn" / which / f"{name}.png"
        return png if png.exists() else draw(name, artefacts[which], png.parent)

    return draw_once


def same_files(first: Path, second: Path) -> bool:
    """Whether PNG and PDF of two drawings have the same bytes."""
    return all(
        first.with_suffix(end).read_bytes() == second.with_suffix(end).read_bytes()
        for end in (".png", ".pdf")
    )


@pytest.mark.parametrize(("name", "which"), CASES)
def test_figure_is_written_whole_and_the_same_again(
    name: str, which: str, artefacts: Mapping[str, Any], drawn: Draw, tmp_path: Path
) -> None:
    png = drawn(name, which)
    check(png)
    if which in ("vae", "synthetic", "faces", "alignment"):
        assert same_files(png, draw(name, artefacts[which], tmp_path))
        assert sorted(p.name for p in tmp_path.iterdir()) == [f"{name}.pdf", f"{name}.png"]


def test_every_figure_is_covered() -> None:
    declared = {
        figure.name
        for figure in registry.figures()
        if not registry.plugin_of("figures", figure.name)
    }
    nets = {"classifier_training", "compute"}
    assert declared == {name for name, _ in CASES} | nets | ELSEWHERE


_AGAIN = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
import figure_artefacts, test_figures
for name, folder in {wanted!r}:
    test_figures.draw(name, figure_artefacts.Made(Path(folder)), Path({out!r}))
print("torch" in sys.modules, "matplotlib.pyplot" in sys.modules)
"""


def test_same_bytes_in_another_process(
    artefacts: Mapping[str, Any], drawn: Draw, tmp_path: Path
) -> None:
    """Another process with another hash seed; and figures need neither torch nor pyplot."""
    wanted = [("forensic_panels", "synthetic"), ("subniches", "faces"), ("rdms", "alignment")]
    code = _AGAIN.format(
        paths=[str(Path(__file__).parent)],
        wanted=[(n, str(artefacts[k].folder)) for n, k in wanted],
        out=str(tmp_path),
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == ["False", "False"]
    for name, which in wanted:
        assert same_files(drawn(name, which), tmp_path / f"{name}.png"), name


def test_user_settings_of_matplotlib_change_nothing(
    artefacts: Mapping[str, Any], drawn: Draw, tmp_path: Path
) -> None:
    mine = {"axes.facecolor": "red", "font.size": 30, "lines.linewidth": 9, "figure.dpi": 31}
    with matplotlib.rc_context(mine):
        again = draw("density", artefacts["synthetic"], tmp_path)
        assert matplotlib.rcParams["font.size"] == 30
    assert same_files(drawn("density", "synthetic"), again)


def test_plain_figures_of_ten_thousand_points_stay_small(tmp_path: Path) -> None:
    """Rasterised points: the PDF does not grow with n; the PNG keeps below a megabyte."""
    rng = np.random.default_rng(1)
    n = 10_000
    ids = [str(i) for i in range(n)]
    made = made_up.Made(tmp_path)
    plane = rng.normal(size=(n, 2))
    made.array("umap", plane)
    made.table("clusters", id=ids, cluster=rng.integers(-1, 5, n))
    made.table(
        "scores", id=ids, cls=rng.random(n), uniqueness=rng.random(n), originality=plane[:, 0]
    )
    png = draw("clusters", made, tmp_path, style={"dpi": 150})
    assert png.stat().st_size < 1_000_000
    assert png.with_suffix(".pdf").stat().st_size < 1_500_000


def test_several_seeds_and_models(
    artefacts: Mapping[str, Any], drawn: Draw, folder: Path, tmp_path: Path
) -> None:
    more = [made_up.vae_run(folder / f"vae-{s}", s, epochs=9) for s in (1, 2)]
    runs = [artefacts["vae"], *more]
    one = opened(drawn("training", "vae"))
    three = check(draw("training", runs[0], tmp_path, training=[r["training"] for r in runs]))
    assert not np.array_equal(one, three)
    check(draw("vae_diagnostics", runs[0], tmp_path, dimensions=[r["dimensions"] for r in runs]))
    tables = [made_up.classifier_training(folder / f"net-{s}", s) for s in range(3)]
    given = {"png": tmp_path / "c.png", "pdf": tmp_path / "c.pdf", "title": "alignment"}
    for name in ("classifier_training", "compute"):
        module = drawer(name)
        module(training=tables, labels=["philnet", "philnet", "philnet_best"], **given)
        check(tmp_path / "c.png")
        with pytest.raises(InputError, match="3 tables and 1 labels"):
            module(training=tables, labels=["philnet"], **given)


def test_one_epoch(folder: Path, tmp_path: Path) -> None:
    check(draw("training", made_up.vae_run(folder / "short", epochs=1), tmp_path))


def test_ranking_lists(artefacts: Mapping[str, Any], drawn: Draw, tmp_path: Path) -> None:
    heights = [opened(drawn("ranking_grid", "faces")).shape[0]]
    for name in ("grey", "generic"):
        png = draw("ranking_grid", artefacts["faces"], tmp_path / name, names=[name])
        heights.append(check(png).shape[0])
    assert heights[0] > heights[1] > heights[2]  # 150, 50, none


def test_funnel_needs_the_percentile(artefacts: Mapping[str, Any], tmp_path: Path) -> None:
    check(draw("funnel", artefacts["synthetic"], tmp_path, percentile=80.0))
    with pytest.raises(InputError, match="percentile 33"):
        draw("funnel", artefacts["synthetic"], tmp_path, percentile=33.0)


def test_simulated_votes_show_no_published_network(
    artefacts: Mapping[str, Any], drawn: Draw, tmp_path: Path
) -> None:
    real = opened(drawn("rsa", "alignment"))
    simulated = opened(draw("rsa", artefacts["alignment"], tmp_path, simulated=True))
    assert not np.array_equal(real, simulated)


# -- limits and style --------------------------------------------------------------------------


def test_limits_fix_axes_and_colours() -> None:
    limits = {"clusters": {"xlim": [-1, 2]}, "clusters/cls": {"ylim": [3, 5], "clim": [0, 9]}}
    with style.look("clusters", {"limits": limits}) as made:
        ax = Figure().subplots()
        made.limit(ax, "cls")
        assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 2), (3, 5))
        other = Figure().subplots()
        made.limit(other, "uniqueness")
        assert (other.get_xlim(), other.get_ylim()) == ((-1, 2), (0, 1))
        assert made.bounds([100.0, 200.0], "cls") == (0, 9)
        assert made.bounds(np.arange(101.0), "uniqueness") == (1, 99)
        assert made.bounds([np.nan], "uniqueness") == (0, 1)
        low, high = made.bounds([4.0, 4.0], "uniqueness")
        assert low < 4 < high


def test_limits_reach_the_picture(
    artefacts: Mapping[str, Any], drawn: Draw, tmp_path: Path
) -> None:
    free = opened(drawn("clusters", "faces"))
    limits = {"clusters/cls": {"clim": [0.45, 0.55]}, "density/knn": {"xlim": [0, 1]}}
    fixed = opened(
        draw("clusters", artefacts["faces"], tmp_path, style={"dpi": DPI, "limits": limits})
    )
    different = (free != fixed).any(axis=2)
    rows, columns = np.nonzero(different)
    assert different.any()
    assert columns.min() > free.shape[1] * 0.5, "another panel than b changed"
    assert rows.max() < free.shape[0] * 0.6, "another panel than b changed"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"palette": "jet"}, "'jet'"),
        ({"limits": {"clusters": {"xlim": [1, 1]}}}, r"\[low, high\]"),
        ({"limits": {"clusters": {"clim": [2, 1]}}}, r"\[low, high\]"),
        ({"limits": {"clusters/clS": {"xlim": [0, 1]}}}, "no such panel"),
    ],
)
def test_wrong_style_is_named(
    wrong: dict, message: str, artefacts: Mapping[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        draw("clusters", artefacts["faces"], tmp_path, style=wrong)


def magenta(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(pixels.astype(int), 2, 0)
    return (red > 200) & (blue > 200) & (green < 170)


def test_style_sets_dpi_font_and_palette(
    artefacts: Mapping[str, Any], drawn: Draw, tmp_path: Path
) -> None:
    plain = opened(drawn("density", "synthetic"))
    given = {"dpi": 75, "font_size": 9, "palette": ["#ff00ff", "#00ff00"]}
    other = opened(draw("density", artefacts["synthetic"], tmp_path, style=given))
    assert other.shape[1] == pytest.approx(plain.shape[1] * 75 / DPI, abs=1)
    assert magenta(other).sum() > 100
    assert not magenta(plain).any()


def test_palette_is_told_apart_by_the_colour_blind() -> None:
    """Any two categorical colours differ clearly in luminance or in blue–yellow."""
    rgb = np.array([to_rgb(c) for c in style.OKABE_ITO])
    luminance = rgb @ [0.2126, 0.7152, 0.0722]
    yellow_blue = (rgb[:, 0] + rgb[:, 1]) / 2 - rgb[:, 2]
    for i in range(len(rgb)):
        for j in range(i):
            apart = max(abs(luminance[i] - luminance[j]), abs(yellow_blue[i] - yellow_blue[j]))
            assert apart > 0.08, (style.OKABE_ITO[i], style.OKABE_ITO[j])


def test_text_is_made_to_fit() -> None:
    assert style.fitting("short", 8, 7) == 8
    assert style.fitting("x" * 400, 8, 7) < 3
    assert style.pretty("philnet_best-probabilities") == "PhilNet best · probabilities"
    assert style.pretty("human") == "annotators"
    assert style.pretty("philnet_human-calibrated") == "PhilNet human · calibrated"
    assert style.pretty("5_o_Clock_Shadow") == "5 o Clock Shadow"


def test_runs_as_a_command(artefacts: Mapping[str, Any], tmp_path: Path) -> None:
    given = arguments("density", artefacts["synthetic"], tmp_path)
    argv = [t for k, v in given.items() for t in (f"--{k}", str(v))]
    finish = runpy.run_path(str(project.script("plot")))["finish"]
    argv = ["density", *argv, "--style", '{"dpi": 100}']
    run_declared("figures", finish, argv=argv, supplied=["look"])
    check(tmp_path / "density.png")
    assert (tmp_path / "density.png.meta.json").is_file()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [([], 2, "density"), (["--help"], 0, "density"), (["densty", "--png", "x"], 1, "'densty'")],
)
def test_the_name_of_a_figure_comes_first(words: list[str], status: int, said: str) -> None:
    script = project.script("plot")
    done = subprocess.run(
        [sys.executable, script, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert said in (done.stdout if status == 0 else done.stderr)


# -- ids and rows ------------------------------------------------------------------------------


def test_wrong_rows_and_ids_are_named(artefacts: Mapping[str, Any], tmp_path: Path) -> None:
    faces = artefacts["faces"]
    save_npy(tmp_path / "short.npy", np.zeros((7, 2)))
    with pytest.raises(InputError, match=r"short\.npy: 7 rows"):
        draw("clusters", faces, tmp_path, umap=tmp_path / "short.npy")
    for name, key, table in (
        ("ranking_grid", "rankings", "rankings"),
        ("subniches", "subniches", "subniches"),
        ("overlaps", "overlaps", "overlaps"),
        ("identities", "members", "identity-members"),
    ):
        wrong = load_table(faces[table])
        column = "id_j" if name == "overlaps" else "id"
        wrong.loc[0, column] = "999999"
        save_table(tmp_path / "wrong.parquet", wrong)
        with pytest.raises(InputError, match="'999999'"):
            draw(name, faces, tmp_path, **{key: tmp_path / "wrong.parquet"})


def test_missing_cmax_rows_are_no_members(artefacts: Mapping[str, Any], tmp_path: Path) -> None:
    clusters = load_table(artefacts["faces"]["clusters"])
    clusters["cmax"] = clusters["cmax"].astype("Int64")
    clusters.loc[5:, "cmax"] = pd.NA
    save_table(tmp_path / "clusters.parquet", clusters)
    check(draw("cmax_bias", artefacts["faces"], tmp_path, clusters=tmp_path / "clusters.parquet"))


def test_identities_without_any_repeated_person(
    artefacts: Mapping[str, Any], tmp_path: Path
) -> None:
    empty = {
        key: load_table(artefacts["faces"][name]).iloc[:0]
        for key, name in ALIASES["identities"].items()
    }
    for key, table in empty.items():
        save_table(tmp_path / f"{key}.parquet", table)
    paths = {key: tmp_path / f"{key}.parquet" for key in empty}
    check(draw("identities", artefacts["faces"], tmp_path, **paths))


def test_disputed_is_sorted_and_finds_the_models_rows_by_id(
    artefacts: Mapping[str, Any], tmp_path: Path
) -> None:
    made = artefacts["alignment"]
    given = arguments("disputed", made, tmp_path)
    with style.look("disputed") as settings:
        drawn = plot_disputed(
            **{k: v for k, v in given.items() if k not in ("png", "pdf")}, look=settings
        )
    table = load_table(made["image-table"])
    table = table[(table["model"] == "philnet") & (table["seed"] == 0)].set_index("id")
    order = table["jensen_shannon"].sort_values(ascending=False, kind="stable").index[:12]
    photos, bars = drawn.axes[::2], drawn.axes[1::2]
    titles = [ax.get_title(loc="left") for ax in photos]
    for title, key in zip(titles, order, strict=True):
        divergence, name = table.loc[key, ["jensen_shannon", "label_name"]]
        assert name in title
        assert f"{divergence:.2f}" in title
    labels = load_table(made["features"])["id"]
    logits = pd.DataFrame(load_npy(made["logits"]), index=labels).loc[order].to_numpy(float)
    predicted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    counts = load_table(made["votes"]).set_index("id").loc[order].to_numpy(float)
    shares = counts / counts.sum(axis=1, keepdims=True)
    for ax, votes, prediction in zip(bars, shares, predicted, strict=True):
        names = [tick.get_text() for tick in ax.get_yticklabels()]
        chosen = [made_up.CLASSES.index(name) for name in names]
        widths = [patch.get_width() for patch in ax.patches]  # type: ignore[attr-defined]
        np.testing.assert_allclose(widths, [*votes[chosen], *prediction[chosen]], rtol=1e-5)
    with pytest.raises(InputError, match="seed 9"):
        draw("disputed", made, tmp_path, seed=9)


def test_long_titles_take_two_lines() -> None:
    assert style.in_lines("pixels", 7, 1.2) == ("pixels", 7)
    text, size = style.in_lines("PhilNet best one-hot views · probabilities", 7, 1.2)
    assert text == "PhilNet best one-hot\nviews · probabilities"
    assert 5.5 < size <= 0.9 * 7
    assert (
        style.in_lines("PhilNet best · probabilities", 7, 1.2)[0] == "PhilNet best\nprobabilities"
    )
    alone, small = style.in_lines("a" * 40, 7, 1.2)
    assert alone == "a" * 40
    assert small < 4


def test_confusions_show_model_minus_annotators(artefacts: Mapping[str, Any]) -> None:
    """The sign in the title is that of the colours, and that of the artefact."""
    path = artefacts["one model"]["confusions"]
    table = load_table(path)
    with style.look("confusions") as made:
        figure = plot_confusions(confusions=path, title="title", look=made)
    shown = {ax.get_title(loc="left"): ax for ax in figure.axes}
    pictures = {name: np.asarray(ax.images[0].get_array()) for name, ax in shown.items() if name}
    assert set(pictures) == {"annotators", "PhilNet", "minus annotators"}
    human, model = pictures["annotators"], pictures["PhilNet"]
    difference = pictures["minus annotators"]
    np.testing.assert_allclose(difference, model - human)
    assert np.diag(difference).max() < 0, "the synthetic model is right less often"
    stored = table[table["source"] == "philnet"].pivot_table(
        index="true", columns="predicted", values="difference"
    )
    order = made_up.CLASSES
    np.testing.assert_allclose(difference, stored.loc[order, order].to_numpy(), atol=1e-12)


def test_rdms_over_other_images_are_refused(artefacts: Mapping[str, Any], tmp_path: Path) -> None:
    one = artefacts["one model"]
    with pytest.raises(InputError, match="other images"):
        draw("rdms", artefacts["alignment"], tmp_path, models=[one["human"]], labels=["x"])


def test_identities_whose_intervals_need_more_people(
    artefacts: Mapping[str, Any], tmp_path: Path
) -> None:
    table = load_table(artefacts["faces"].folder / "identity-pairs.parquet")
    status = "not available: needs at least 7 people, none with most of the pairs"
    pairs = tmp_path / "pairs.parquet"
    save_table(pairs, table.assign(low=np.nan, high=np.nan, status=status))
    check(draw("identities", artefacts["faces"], tmp_path, pairs=pairs))


def test_a_sample_of_the_pairs_of_identities(artefacts: Mapping[str, Any], tmp_path: Path) -> None:
    table = load_table(artefacts["faces"].folder / "identity-pairs.parquet")
    pairs = tmp_path / "pairs.parquet"
    save_table(pairs, table.assign(n_same=2_000_000, n_same_all=39_900_000))
    check(draw("identities", artefacts["faces"], tmp_path, pairs=pairs))
