"""Steps and figures of quality: each ``main()`` on two small synthetic runs, twice."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from figure_artefacts import portraits  # type: ignore[import-not-found]
from PIL import Image
from scored_run import SETTINGS  # type: ignore[import-not-found]
from step_helpers import columns, drawer, kinds, load, run_twice, tabulator  # type: ignore[import-not-found]

import assess_vae
import compute_sources
import find_duplicates
import probe_attributes
import probe_classes
import score_column_orders
import score_restarts
from latent_microscope.errors import InputError
from latent_microscope.forensics.rankings import creative_latent_score
from latent_microscope.forensics.sample_scores import uniqueness
from latent_microscope.io.artefacts import load_npy, save_npy, save_table
from latent_microscope.models.latents import dimension_table

N, D = 150, 5
LISTS = {
    "uniqueness": [20, True],
    "originality": [15, False],
    "stability": [20, True],
    "cls": [20, True],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two VAEs' latents of one set of images with copies, identities and attributes."""
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(0)
    images = portraits(rng, N, 32, 32)
    images[7] = images[3]
    images[8] = np.clip(images[4] * 0.7 + 40, 0, 255).astype(np.uint8)
    save_npy(folder / "images.npy", images)
    ids = [f"{i:06d}" for i in range(N)]
    people = np.arange(N) % 60
    people[7], people[8] = people[3], people[4]
    save_table(folder / "samples.parquet", pd.DataFrame({"id": ids, "identity": people}))
    common = rng.laplace(0, 1, (N, D))
    common[7], common[8] = common[3], common[4] + 0.01
    attributes = pd.DataFrame({"id": ids, "Bald": np.zeros(N, np.uint8)})
    attributes["Smiling"] = (common[:, 0] + rng.normal(0, 0.5, N) > 0).astype(np.uint8)
    attributes["Young"] = (rng.random(N) < 0.5).astype(np.uint8)
    save_table(folder / "attributes.parquet", attributes.iloc[::-1])
    for seed in (0, 1):
        made = folder / f"seed{seed}"
        z = (common + rng.normal(0, 0.2, (N, D)) * (np.arange(N) > 8)[:, None]).astype(np.float32)
        save_npy(made / "latents.npy", z)
        save_npy(made / "logvar.npy", np.full((N, D), -3.0, np.float32))
        error = np.square(images / 255.0 - 0.5).sum((1, 2, 3)) * 0.1
        encoding = pd.DataFrame({"id": ids, "reconstruction_error": error, "kl": 2.0})
        save_table(made / "encoding.parquet", encoding)
        save_table(made / "dimensions.parquet", dimension_table(np.full(D, 1.2), z.var(0)))
        compute_sources.main(
            latents=made / "latents.npy", sources=made / "sources.npy",
            restarts=made / "sources.parquet", unmixings=made / "unmixings.npy",
            n_restarts=3, components=4, seed=seed,
        )  # fmt: skip
        u = uniqueness(load_npy(made / "sources.npy"))
        o = rng.normal(0, 1, N)
        cls = creative_latent_score(u, o, 0.5)
        scores = {"uniqueness": u, "originality": o, "stability": z[:, 0].astype(float), "cls": cls}
        save_table(made / "scores.parquet", pd.DataFrame({"id": ids, **scores}))
    return folder


def both(study: Path, name: str) -> list[Path]:
    return [study / f"seed{seed}" / name for seed in (0, 1)]


def of_images(study: Path, seed: int) -> dict[str, Any]:
    made = study / f"seed{seed}"
    return {
        "latents": made / "latents.npy",
        "encoding": made / "encoding.parquet",
        "images": study / "images.npy",
        "samples": study / "samples.parquet",
    }


def drawn(png: Path) -> None:
    with Image.open(png) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert (pixels < 128).any(axis=2).sum() > 200, "nothing is drawn"
    border = [pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]]
    assert all((part == 255).all() for part in border), "something is cut off"


FIGURE = {"png": "figure.png", "pdf": "figure.pdf"}
TABLE = {"table": "t.parquet", "csv": "t.csv"}


@pytest.fixture(scope="module")
def restarts(study: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    found = []
    for seed in (0, 1):
        made = study / f"seed{seed}"
        paths = run_twice(
            score_restarts.main,
            tmp_path_factory.mktemp("restarts"),
            {"scores": "restart-scores.parquet"},
            latents=made / "latents.npy",
            encoding=made / "encoding.parquet",
            restarts=made / "sources.parquet",
            unmixings=made / "unmixings.npy",
        )
        found.append(paths["scores"])
    return found


def test_restarts(study: Path, restarts: list[Path]) -> None:
    table = load(restarts[0])
    assert columns(table) == ["id", "restart_0", "restart_1", "restart_2", "chosen"]
    exact = load(study / "seed0" / "scores.parquet")["uniqueness"]
    np.testing.assert_allclose(table[f"restart_{table['chosen'][0]}"], exact, rtol=1e-6)


@pytest.fixture(scope="module")
def moved(study: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Scores of each seed with its columns in another order."""
    found = []
    for seed in (0, 1):
        paths = run_twice(
            score_column_orders.main,
            tmp_path_factory.mktemp("moved"),
            {"scores": "column-scores.parquet"},
            latents=study / f"seed{seed}" / "latents.npy",
            encoding=study / f"seed{seed}" / "encoding.parquet",
            sources={"components": 4, "restarts": 2, "fit_rows": 1000},
            settings=SETTINGS,
        )
        found.append(paths["scores"])
    return found


@pytest.fixture(scope="module")
def reliability(
    study: Path, restarts: list[Path], moved: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    return run_twice(
        tabulator("tabulate_reliability"),
        tmp_path_factory.mktemp("reliability"),
        {"table": "t.parquet", "csv": "t.csv", "intervals": "i.parquet"},
        scores=both(study, "scores.parquet"),
        restarts=restarts,
        columns=moved,
        seeds=[0, 1],
        lists=LISTS,
    )


def test_reliability_warns_of_noise(
    study: Path, restarts: list[Path], reliability: dict[str, Path], tmp_path: Path,
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    table = load(reliability["table"]).set_index(["score", "over"])
    assert table.loc[("originality", "VAE seeds"), "status"] == "mostly noise"
    assert table.loc[("stability", "VAE seeds"), "status"] == "ok"
    orders = table.xs("column order", level="over")
    assert orders.index.tolist() == [name for name in LISTS if name != "stability"]
    assert table.loc[("stability", "noise draws"), "spearman_mean"] < 0.999
    assert (orders["pairs"] == 2).all()
    monkeypatch.setattr(logging.getLogger("latent_microscope"), "propagate", True)
    with caplog.at_level(logging.WARNING, "latent_microscope"):
        tabulator("tabulate_reliability")(
            scores=both(study, "scores.parquet"), restarts=restarts, seeds=[0, 1], lists=LISTS,
            table=tmp_path / "t", csv=tmp_path / "c", intervals=tmp_path / "i",
        )  # fmt: skip
    assert "originality over VAE seeds: mostly noise" in caplog.text
    intervals = load(reliability["intervals"])
    assert len(intervals) == 4 * N
    assert kinds(intervals, ["id", "low", "vaes"]) == {
        "id": "str", "low": "float64", "vaes": "int64",
    }  # fmt: skip


@pytest.mark.parametrize("seeds", [1, 2])
def test_figure_of_reliability(
    study: Path, restarts: list[Path], reliability: dict[str, Path], tmp_path: Path, seeds: int
) -> None:
    if seeds == 1:
        outputs: dict[str, Any] = {k: tmp_path / k for k in ("table", "csv", "intervals")}
        tabulator("tabulate_reliability")(
            scores=both(study, "scores.parquet")[:1], restarts=restarts[:1], seeds=[0], lists=LISTS,
            **outputs,
        )  # fmt: skip
        reliability = outputs
        assert set(load(reliability["table"])["status"]) == {"ok", "unknown"}
    made = run_twice(
        drawer("reliability"), tmp_path, FIGURE, intervals=reliability["intervals"],
        reliability=reliability["table"], title="made up",
    )  # fmt: skip
    drawn(made["png"])


def test_health(study: Path, tmp_path: Path) -> None:
    outputs = {"diagnostics": "h.parquet", "posterior": "p.parquet", "errors": "e.parquet"}
    runs = []
    for seed in (0, 1):
        made = study / f"seed{seed}"
        inputs: dict[str, Any] = {
            name: made / f"{name}.{end}"
            for name, end in (
                ("latents", "npy"), ("logvar", "npy"), ("encoding", "parquet"),
                ("dimensions", "parquet"),
            )
        }  # fmt: skip
        inputs["images"] = study / "images.npy"
        runs.append(run_twice(assess_vae.main, tmp_path / str(seed), outputs, **inputs))
    errors = load(runs[0]["errors"])
    assert columns(errors) == ["id", "reconstruction_error", "constant_error", "held_out"]
    assert not errors["held_out"].any()
    assert len(load(runs[0]["posterior"])) == D
    tables = run_twice(
        tabulator("tabulate_diagnostics"), tmp_path / "table", TABLE,
        diagnostics=[r["diagnostics"] for r in runs], crops=["whole"] * 2, seeds=[0, 1],
    )  # fmt: skip
    table = load(tables["table"]).set_index("check")
    assert table.loc["active_units", "mean"] == D
    assert table.loc["kl_share_of_log_n", "status"] == "ok"
    figure = run_twice(
        drawer("vae_checks"), tmp_path / "figure", FIGURE, title="made up",
        posteriors=[r["posterior"] for r in runs], errors=[r["errors"] for r in runs],
        diagnostics=[r["diagnostics"] for r in runs],
    )  # fmt: skip
    drawn(figure["png"])
    parted = run_twice(
        assess_vae.main, tmp_path / "parted", outputs, **inputs, held_out=0.25,
        images_of=study / "samples.parquet",
    )  # fmt: skip
    errors, found = load(parted["errors"]), load(parted["diagnostics"]).set_index("check")["value"]
    means = errors.groupby("held_out")[["reconstruction_error", "constant_error"]].mean()
    assert 0 < errors["held_out"].mean() <= 0.25
    assert found["held_out_gap"] == pytest.approx(
        means.loc[True, "reconstruction_error"] / means.loc[False, "reconstruction_error"]
    )
    assert found["held_out_error_ratio"] == pytest.approx(
        means.loc[True, "reconstruction_error"] / means.loc[True, "constant_error"]
    )
    save_npy(tmp_path / "short.npy", np.zeros((3, 4, 4, 3), np.uint8))
    inputs["images"] = tmp_path / "short.npy"
    with pytest.raises(InputError, match="3 images"):
        assess_vae.main(**inputs | {name: tmp_path / "no" / name for name in outputs})


def test_duplicates(study: Path, tmp_path: Path) -> None:
    found = [
        run_twice(
            find_duplicates.main, tmp_path / str(seed), {"duplicates": "d.parquet"},
            **of_images(study, seed), near_matches=5, difference=0.1,
        )["duplicates"]
        for seed in (0, 1)
    ]  # fmt: skip
    tables = run_twice(
        tabulator("tabulate_duplicates"), tmp_path / "table", TABLE,
        duplicates=found, seeds=[0, 1], samples=study / "samples.parquet",
        attributes=study / "attributes.parquet",
    )  # fmt: skip
    table = load(tables["table"])
    first = table.iloc[0]
    assert (first["id_i"], first["id_j"], first["verdict"]) == ("000003", "000007", "copy")
    assert (first["same"], first["seeds_found"]) == ("yes", 2)
    assert ("000004", "000008") in set(zip(table["id_i"], table["id_j"], strict=True))
    for name, part in (("all", table), ("none", table.iloc[:0])):
        save_table(tmp_path / f"{name}.parquet", part)
        figure = run_twice(
            drawer("duplicates"), tmp_path / name, FIGURE, images=study / "images.npy",
            samples=study / "samples.parquet", pairs=tmp_path / f"{name}.parquet", title="made up",
        )  # fmt: skip
        drawn(figure["png"])
    wrong = of_images(study, 0)
    save_table(tmp_path / "other.parquet", load(wrong["samples"]).iloc[::-1])
    wrong["samples"] = tmp_path / "other.parquet"
    with pytest.raises(InputError, match="are not those of"):
        find_duplicates.main(**wrong, duplicates=tmp_path / "no")


def test_probes(study: Path, tmp_path: Path) -> None:
    found = [
        run_twice(
            probe_attributes.main, tmp_path / str(seed), {"probes": "p.parquet"},
            **of_images(study, seed), attributes=study / "attributes.parquet",
        )["probes"]
        for seed in (0, 1)
    ]  # fmt: skip
    table = load(found[0]).set_index("attribute")
    assert table.loc["Smiling", "low"] > 0.7
    assert table.loc["Bald", "status"] == "constant"
    tables = run_twice(
        tabulator("tabulate_probes"), tmp_path / "table", TABLE,
        probes=found, seeds=[0, 1],
    )  # fmt: skip
    assert load(tables["table"])["attribute"].iloc[0] == "Smiling"
    figure = run_twice(
        drawer("probes"), tmp_path / "figure", FIGURE, probes=tables["table"], by_seed=found,
        title="made up",
    )  # fmt: skip
    drawn(figure["png"])


def test_probes_of_many_classes(study: Path, tmp_path: Path) -> None:
    given = of_images(study, 0)
    names = load(given["samples"])["id"].astype(str)
    first = np.load(given["latents"])[:, 0]
    order = np.argsort(np.argsort(first))
    classes = pd.DataFrame({"id": load(given["encoding"])["id"], "band": (order * 4 // len(order))})
    classes["band"] = classes["band"].astype(str)
    save_table(tmp_path / "classes.parquet", classes.iloc[::-1])
    save_table(tmp_path / "none.parquet", classes[["id"]])
    tables = {}
    for name in ("classes", "none"):
        found = run_twice(
            probe_classes.main, tmp_path / f"{name}-probes", {"probes": "p.parquet"},
            **given, classes=tmp_path / f"{name}.parquet",
        )["probes"]  # fmt: skip
        made = run_twice(
            tabulator("tabulate_class_probes"), tmp_path / f"{name}-table", TABLE,
            probes=[found, found], seeds=[0, 1],
        )  # fmt: skip
        tables[name] = load(made["table"])
    row = tables["classes"].iloc[0]
    assert (row["attribute"], row["classes"], row["n"]) == ("band", 4, 2)
    assert row["samples"] == len(names)
    assert row["accuracy_mean"] > 0.5 > row["chance"]
    assert tables["none"].empty
    assert list(tables["none"].columns) == list(tables["classes"].columns)
