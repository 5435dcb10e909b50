"""A score of another package, from its function to every table, figure and page that shows it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.colors
import numpy as np
import pandas as pd
import pytest
from explorer_study import write  # type: ignore[import-not-found]
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scored_run import D, N, Run  # type: ignore[import-not-found]
from step_helpers import drawer, load, run_twice, tabulator  # type: ignore[import-not-found]

import apply_score
import check_results
import make_explorer
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, save_npy, save_table
from latent_microscope.plots.stability import plot_reliability
from latent_microscope.plots.style import OKABE_ITO, look
from latent_microscope.seeds import derive
from latent_microscope.step import In

MAIN = ["uniqueness", "originality", "stability", "cls"]
LISTS = {name: [20, name != "originality"] for name in MAIN}


def depth(latents: np.ndarray, *, power: float = 1.0) -> np.ndarray:
    """Distance from the origin; it scribbles on what it is given."""
    assert latents.dtype == np.float64
    assert latents.flags.writeable
    found = np.linalg.norm(latents, axis=1) ** power
    latents[:] = 0
    return found


def drawn(latents: np.ndarray, *, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(len(latents))


def apply(made: Run, score: Callable[..., Any], folder: Path, **given: Any) -> Path:
    def main(*, score_file: Path, latents: In, encoding: In, **more: Any) -> None:
        apply_score.finish(
            "depth", partial(score), {"score": [score_file]}, latents=latents, encoding=encoding,
            **more,
        )  # fmt: skip

    inputs = {"latents": made["latents.npy"], "encoding": made["encoding.parquet"], "settings": {}}
    return run_twice(main, folder, {"score_file": "score-depth.parquet"}, **inputs | given)[
        "score_file"
    ]


def test_the_function_gets_latents_settings_and_a_seed(run: Run, tmp_path: Path) -> None:
    table = load(apply(run, depth, tmp_path / "a", settings={"power": 2.0}))
    assert table["id"].tolist() == load(run["encoding.parquet"])["id"].tolist()
    expected = np.square(load_npy(run["latents.npy"]).astype(np.float64)).sum(axis=1)
    np.testing.assert_allclose(table["depth"], expected)
    made = load(apply(run, drawn, tmp_path / "b", root_seed=3, seed=1))["depth"]
    assert made.dtype == np.float64
    wanted = drawn(np.zeros((N, D)), seed=derive(3, "apply_score", "depth", 1))
    assert made.tolist() == wanted.tolist()
    assert load(apply(run, drawn, tmp_path / "c", root_seed=3))["depth"].tolist() != made.tolist()


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda z: z[:-1, 0], r"returned float64 of shape \(89,\)"),
        (lambda z: z[:, :1], r"returned float64 of shape \(90, 1\)"),
        (lambda z: None, r"returned object of shape \(\)"),
        (lambda z: z[:, 0] * 1j, "returned complex128"),
        (lambda z: np.full(len(z), "high"), "returned <U4"),
        (lambda z: np.where(np.arange(len(z)) < 2, np.nan, 1), "for 2 of 90 samples.*'000000'"),
        (lambda z: np.where(np.arange(len(z)) == 4, np.inf, 1), "for 1 of 90 samples.*'000004'"),
    ],
)
def test_what_is_no_score_is_refused(
    run: Run, tmp_path: Path, score: Callable[..., Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        apply(run, score, tmp_path)
    assert f"score depth: {__name__}:<lambda>" in str(caught.value)
    assert not list(tmp_path.rglob("*.parquet"))


def test_latents_are_checked_as_for_our_scores(run: Run, tmp_path: Path) -> None:
    ids = load(run["encoding.parquet"])["id"]
    for name, found in {"short": ids[1:], "twice": ids.where(ids != ids[1], ids[0])}.items():
        save_table(tmp_path / f"{name}.parquet", pd.DataFrame({"id": found}))
    with pytest.raises(InputError, match=r"90 rows.* 89 ids"):
        apply(run, depth, tmp_path / "a", encoding=tmp_path / "short.parquet")
    with pytest.raises(InputError, match=r"id '\w+'"):
        apply(run, depth, tmp_path / "a", encoding=tmp_path / "twice.parquet")
    latents = load_npy(run["latents.npy"])
    latents[7, 0] = np.nan
    save_npy(tmp_path / "z.npy", latents)
    with pytest.raises(InputError, match=r"row 7 \(id 000007\)"):
        apply(run, depth, tmp_path / "a", latents=tmp_path / "z.npy")


@pytest.fixture
def runs(run: Run, tmp_path: Path) -> dict[str, Any]:
    """Two runs: all scores, a further one in another order, and ICA restarts of each."""
    rng = np.random.default_rng(0)
    first = load(run["scores.parquet"])
    found: dict[str, Any] = {"scores": [], "more": [], "restarts": []}
    steady = rng.normal(size=N)
    for seed in (0, 1):
        noisy = first.assign(**{name: first[name] + rng.normal(0, 0.1, N) for name in MAIN})
        values = pd.DataFrame({"id": first["id"], "depth": steady + rng.normal(0, 0.1, N)})
        restarts = pd.DataFrame({"id": first["id"], "chosen": 0, "restart_0": noisy["uniqueness"]})
        restarts["restart_1"] = noisy["uniqueness"] + rng.normal(0, 0.1, N)
        tables = {"scores": noisy, "more": values.iloc[::-1], "restarts": restarts}
        for name, table in tables.items():
            file = "score-depth" if name == "more" else name
            found[name].append(tmp_path / f"seed{seed}" / f"{file}.parquet")
            save_table(found[name][-1], table)
    return found


def test_reliability_of_a_further_score(runs: dict[str, Any], tmp_path: Path) -> None:
    outputs = {"table": "t.parquet", "csv": "t.csv", "intervals": "i.parquet"}
    tabulate = partial(run_twice, tabulator("tabulate_reliability"))
    ours = {"scores": runs["scores"], "restarts": runs["restarts"], "seeds": [0, 1]}
    alone = tabulate(tmp_path / "a", outputs, **ours, lists=LISTS)
    made = tabulate(
        tmp_path / "b", outputs, **ours, more=runs["more"], lists={**LISTS, "depth": [15, False]}
    )
    table = load(made["table"])
    assert table["score"].tolist()[-1] == "depth"
    row = table[table["score"] == "depth"].iloc[0]
    assert (row["over"], row["pairs"], row["list"]) == ("VAE seeds", 1, "lowest 15")
    assert row["spearman_mean"] > 0.9
    pd.testing.assert_frame_equal(table[table["score"] != "depth"], load(alone["table"]))
    intervals = load(made["intervals"])
    pd.testing.assert_frame_equal(
        intervals[intervals["score"] != "depth"], load(alone["intervals"])
    )
    figure = {"png": "f.png", "pdf": "f.pdf"}
    run_twice(
        drawer("reliability"), tmp_path / "f", figure, intervals=made["intervals"],
        reliability=made["table"], title="made up",
    )  # fmt: skip
    with pytest.raises(InputError, match=r"1 files of further scores .*2 "):
        tabulate(tmp_path / "c", outputs, **ours, more=runs["more"][:1], lists=LISTS)


@pytest.mark.parametrize("count", [1, 4, 5, 6, 9])
def test_any_number_of_scores_is_drawn(tmp_path: Path, count: int) -> None:
    names = ["uniqueness", *(f"a_score_with_quite_a_long_name_{k}" for k in range(1, count))]
    ids = [f"{i}" for i in range(30)]
    percent = np.linspace(0, 100, 30)
    numbers = ["median", "low", "high", "next_low", "next_high"]
    numbers += [f"noise_{name}" for name in numbers[:3]]
    intervals = pd.concat(
        [
            pd.DataFrame({"score": name, "id": ids, **dict.fromkeys(numbers, percent)})
            for name in names
        ]
    ).assign(replicates=2, vaes=2)
    told = {"over": "VAE seeds", "pairs": 1, "status": "ok", "spearman_mean": 0.9, "list_shared": 1}
    told |= {"list": "highest 3", "list_shared_chance": 0.1}
    files = {"intervals": tmp_path / "i.parquet", "reliability": tmp_path / "r.parquet"}
    save_table(files["intervals"], intervals)
    save_table(files["reliability"], pd.DataFrame({"score": names, **told}))
    with look("reliability") as made:
        figure = plot_reliability(**files, title="made up", look=made)
        renderer = FigureCanvasAgg(figure).get_renderer()
    assert made.panels == {*names, *(f"{name}_noise" for name in names)}
    tops = [ax for ax in figure.axes if ax.get_title("left").startswith("$")]
    assert len(tops) == count
    orange_and_black = {matplotlib.colors.to_rgb(OKABE_ITO[k]) for k in (4, 6)}
    for ax in tops:
        assert tuple(ax.collections[0].get_edgecolor()[0][:3]) not in orange_and_black
        box = ax.get_tightbbox(renderer)
        assert box is not None
        assert box.x1 < ax.bbox.x1 + 0.2 * figure.dpi, "into the next one"


def test_rankings_of_a_further_score(runs: dict[str, Any], tmp_path: Path) -> None:
    outputs = {"table": "t.parquet", "csv": "t.csv"}
    made = run_twice(
        tabulator("tabulate_rankings"), tmp_path, outputs, scores=runs["scores"], seeds=[0, 1],
        measured=["cls", "depth"], more=runs["more"],
    )  # fmt: skip
    table = load(made["table"])
    assert table["score"].tolist() == ["cls", "depth"]
    a, b = (load(path).set_index("id")["depth"] for path in runs["more"])
    assert table["mean"].iloc[1] == pytest.approx(a.corr(b, method="spearman"))


def test_correlations_with_a_further_score(runs: dict[str, Any], run: Run, tmp_path: Path) -> None:
    depths = load(runs["more"][1])
    numbers = depths.assign(age=-depths["depth"])[["id", "age"]]
    save_table(tmp_path / "numbers.parquet", numbers)
    made = run_twice(
        tabulator("tabulate_correlations"), tmp_path, {"table": "t.parquet", "csv": "t.csv"},
        numbers=tmp_path / "numbers.parquet", samples=run["samples.parquet"],
        scores=runs["scores"], seeds=[0, 1], measured=["cls", "depth"], more=runs["more"],
    )  # fmt: skip
    table = load(made["table"]).set_index(["seed", "score"])["spearman"]
    assert table.index.tolist() == [(0, "cls"), (0, "depth"), (1, "cls"), (1, "depth")]
    assert table[1, "depth"] == pytest.approx(-1)
    assert -1 < table[0, "depth"] < -0.9


def test_the_explorer_shows_a_further_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = write(tmp_path / "study")
    ids = load(arguments["samples"])["id"]
    further = tmp_path / "score-depth.parquet"
    save_table(further, pd.DataFrame({"id": ids[::-1], "depth": np.arange(len(ids))[::-1] / 7}))
    arguments["scores"].append(further)
    pages: list[Any] = []

    def taken(study: Any) -> str:
        pages.append(study)
        return ""

    monkeypatch.setattr(make_explorer, "write_page", taken)
    make_explorer.main(
        explorer=tmp_path / "page.html",
        titles={"depth": "depth <of> it"},
        first=[*MAIN, "depth"],
        **arguments,
    )
    columns = pages[0].payload["columns"]
    names = [column["name"] for column in columns]
    assert names[:5] == ["uniqueness", "originality", "cls", "depth", "reconstruction_error"]
    assert (columns[3]["title"], columns[3]["group"]) == ("depth <of> it", "score")


def test_further_scores_are_checked(run: Run, tmp_path: Path) -> None:
    made = apply(run, depth, tmp_path / "made")
    checks = tmp_path / "checks.parquet"
    files = [run["scores.parquet"].with_name("scores-intended.parquet"), made]
    files[0].write_bytes(run["scores.parquet"].read_bytes())
    check_results.main(artefacts=files, checks=checks, measured=MAIN)
    found = load(checks)
    of_it = found.loc[found["artefact"] == str(made), "check"].tolist()
    assert of_it == ["not empty", "has its columns", "ids are unique", "depth is finite"]
    save_table(made, load(made).assign(depth=np.nan))
    with pytest.raises(InputError, match=r"depth is finite.*90 not finite"):
        check_results.main(artefacts=files, checks=checks, measured=MAIN)
