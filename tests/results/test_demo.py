"""The finished embedded default: contracts of its artefacts, and the answers that it must give.

The votes of demo-alignment are drawn from known probabilities, so that its numbers have a right
answer: what votes drawn anew from the same probabilities say.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist

from formulas import rho_a  # type: ignore[import-not-found]
from latent_microscope.config.resolve import resolve
from latent_microscope.io.artefacts import load_json, load_npy, load_table
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.planning.usage import used
from latent_microscope.provenance.sidecars import SUFFIX, sha256_file
from latent_microscope.report.publishing import publish

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results"
STUDIES = ("demo-synthetic", "demo-faces", "demo-alignment")
NOT_RUN = next((s for s in STUDIES if not (RESULTS / s / "checks.parquet").is_file()), None)

pytestmark = [
    pytest.mark.demo,
    pytest.mark.skipif(NOT_RUN is not None, reason=f"results/{NOT_RUN}: not there; run make demo"),
]

RUNS = sorted(
    path.parent for study in STUDIES for path in RESULTS.glob(f"{study}/vae/*/*/latents.npy")
)
IDS = [str(run.relative_to(RESULTS)) for run in RUNS]
# demo-alignment says forensics: false, so its VAE has latents and no scores.
SCORED = [run for run in RUNS if run.parents[2].name != "demo-alignment"]
SCORED_IDS = [str(run.relative_to(RESULTS)) for run in SCORED]
HUMAN = -1

SCORES = {
    "id": "str",
    "uniqueness": "float64",
    "uniqueness_script": "float64",
    "uniqueness_notebook": "float64",
    "originality": "float64",
    "originality_script": "float64",
    "originality_notebook": "float64",
    "stability": "float64",
    "knn_density": "float64",
    "attractor_density": "float64",
    "attractor_density_adaptive": "float64",
    "neighbors": "int64",
    "norm": "float64",
    "cls": "float64",
    "detector_score": "float64",
    "detected": "bool",
    "copies": "int64",
}
CONTRACTS: dict[str, dict[str, str]] = {
    "training.parquet": {
        "epoch": "int64",
        **dict.fromkeys(("loss", "reconstruction", "kl", "beta", "learning_rate"), "float64"),
        "restart": "int64",
    },
    "encoding.parquet": {"id": "str", "reconstruction_error": "float64", "kl": "float64"},
    "dimensions.parquet": {
        "dimension": "int64",
        "kl": "float64",
        "mean_variance": "float64",
        "active": "bool",
    },
    "sources-*.parquet": {
        "restart": "int64",
        "random_state": "int64",
        "converged": "bool",
        "n_iter": "int64",
        "mean_abs_kurtosis": "float64",
        "chosen": "bool",
    },
    "scores-*.parquet": SCORES,
    "summary-*.parquet": {"quantity": "str", "value": "float64"},
    "overlaps.parquet": {
        "i": "int64",
        "j": "int64",
        "id_i": "str",
        "id_j": "str",
        "similarity": "float64",
        "distance": "float64",
    },
    "signatures.parquet": {
        "radius_kind": "str",
        "index": "int64",
        "id": "str",
        "originality": "float64",
        "density": "float64",
    },
    "clusters.parquet": {
        "id": "str",
        "cluster": "int64",
        "probability": "float64",
        **dict.fromkeys(("cmax", "scale_5", "scale_10", "scale_20", "scale_50"), "int64"),
    },
}
FUNNEL: dict[str, dict[str, str]] = {
    "funnel-*.parquet": {
        "uniqueness_percentile": "float64",
        "stability_percentile": "float64",
        **dict.fromkeys(("selected", "tp", "fp", "fn"), "int64"),
        **dict.fromkeys(("precision", "recall", "f1"), "float64"),
    },
    "detection-*.parquet": {
        "detector": "str",
        "roc_auc": "float64",
        "average_precision": "float64",
        "f1": "float64",
    },
}
GROUPS: dict[str, dict[str, str]] = {
    "profile.parquet": {
        "cluster": "int64",
        "size": "int64",
        "mean_cls": "float64",
        "creative": "bool",
    },
    "sbs.parquet": {"partition": "str", "share": "float64", "label": "Int64"},
    "abi.parquet": {
        "group": "str",
        "n_members": "int64",
        "definition": "str",
        "attribute": "str",
        **dict.fromkeys(("value", "estimate", "low", "high", "p", "q", "q_seed"), "float64"),
        **dict.fromkeys(("risk_difference", "cohens_h"), "float64"),
    },
    "rankings.parquet": {"list": "str", "rank": "int64", "index": "int64", "id": "str"},
}
OF_STUDY = {
    "demo-synthetic": CONTRACTS | FUNNEL,
    "demo-faces": CONTRACTS | GROUPS,
}


def table(path: Path) -> Any:
    """A table; ``Any``, for what tests do to tables is beyond the type stubs of pandas."""
    return load_table(path)


def samples_of(run: Path) -> Any:
    """The samples that a run's latents describe."""
    study = run.parents[2]
    part = {
        "demo-synthetic": f"data/{run.name}/samples.parquet",
        "demo-faces": "data/samples.parquet",
        "demo-alignment": "data/test/samples.parquet",
    }[study.name]
    return table(study / part)


def test_every_study_has_runs() -> None:
    assert {run.parents[2].name for run in RUNS} == set(STUDIES)
    assert {run.parents[2].name for run in SCORED} == {"demo-synthetic", "demo-faces"}


@pytest.mark.parametrize("study", STUDIES)
def test_all_checks_passed(study: str) -> None:
    checks = table(RESULTS / study / "checks.parquet")
    assert len(checks) > 20
    assert checks.loc[~checks["passed"], ["artefact", "check", "detail"]].to_numpy().tolist() == []


@pytest.mark.parametrize("run", SCORED, ids=SCORED_IDS)
def test_tables_have_their_columns_and_types(run: Path) -> None:
    for pattern, wanted in OF_STUDY[run.parents[2].name].items():
        files = list(run.glob(pattern))
        assert files, pattern
        for file in files:
            found = {name: str(kind) for name, kind in table(file).dtypes.items()}
            assert {name: found.get(name) for name in wanted} == wanted, file.name


@pytest.mark.parametrize("run", SCORED, ids=SCORED_IDS)
def test_rows_describe_the_samples_in_order(run: Path) -> None:
    ids = samples_of(run)["id"].tolist()
    assert len(set(ids)) == len(ids)
    for name in ("encoding", "clusters", *(p.stem for p in run.glob("scores-*.parquet"))):
        assert table(run / f"{name}.parquet")["id"].tolist() == ids, name
    for name in ("signatures", "rankings"):
        if (run / f"{name}.parquet").exists():
            listed = table(run / f"{name}.parquet")
            assert [ids[i] for i in listed["index"]] == listed["id"].tolist(), name
    for name in (
        "latents",
        "logvar",
        "umap",
        "factors",
        *(p.stem for p in run.glob("sources-*.npy")),
    ):
        assert len(load_npy(run / f"{name}.npy")) == len(ids), name


@pytest.mark.parametrize("run", RUNS, ids=IDS)
def test_arrays_have_their_types(run: Path) -> None:
    for name in ("latents", "logvar", *(["umap"] if run in SCORED else [])):
        array = load_npy(run / f"{name}.npy")
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
    for name in ("history", "reconstructions", "traversal", "interpolation", "variations"):
        array = load_npy(run / f"{name}.npy")
        assert array.dtype == np.uint8
        assert array.ndim == 5
        assert array.shape[-1] == 3
    dimensions = table(run / "dimensions.parquet")
    assert len(dimensions) == load_npy(run / "latents.npy").shape[1]


@pytest.mark.parametrize("run", SCORED, ids=SCORED_IDS)
def test_plain_scores_are_the_variant_of_the_study(run: Path) -> None:
    variant = "script" if run.parents[2].name == "demo-synthetic" else "notebook"
    files = sorted(run.glob("scores-*.parquet"))
    assert files
    for file in files:
        scores = table(file)
        for name in ("uniqueness", "originality"):
            assert scores[name].equals(scores[f"{name}_{variant}"].rename(name))
        assert scores["cls"].between(0, 1).all()


def artefacts(study: str) -> Iterator[Path]:
    for path in sorted((RESULTS / study).rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(RESULTS).parts)
        if path.suffix in (".npy", ".parquet", ".pt", ".png", ".pdf", ".csv") and not hidden:
            yield path


@pytest.mark.parametrize("study", STUDIES)
def test_every_artefact_leads_back_to_its_job(study: str) -> None:
    found = list(artefacts(study))
    assert len(found) > 50
    for path in found:
        sidecar = load_json(path.with_name(path.name + SUFFIX))
        assert sidecar["sha256"] == sha256_file(path), path
        assert len(sidecar["code"]) == 16, path
        assert sidecar["step"], path
        assert sidecar["libraries"]["numpy"], path
        assert sidecar["seconds"] >= 0, path
        assert sidecar["peak_memory_mib"] > 0, path


def test_synthetic_truth_and_counts() -> None:
    for run in RUNS:
        if run.parents[2].name == "demo-synthetic":
            samples = samples_of(run)
            authentic = int(samples["authentic"].sum())
            assert (authentic, len(samples) - authentic) == (5 * 20, 60)
            assert (samples["authentic"] == (samples["kind"] == "authentic")).all()
            assert (samples["alpha"].notna() == ~samples["authentic"]).all()
            funnels = [table(file) for file in sorted(run.glob("funnel-*.parquet"))]
            assert funnels
            for funnel in funnels:
                assert len(funnel) == 8
                assert (funnel["tp"] + funnel["fn"] == authentic).all()
                assert (funnel["tp"] + funnel["fp"] == funnel["selected"]).all()


ALIGNMENT = RESULTS / "demo-alignment"


@pytest.fixture(scope="module")
def probabilities() -> np.ndarray:
    """What the votes of each test image were drawn from."""
    return load_npy(ROOT / "data/demo-objects/probabilities.npy")


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return table(ALIGNMENT / "data/test/samples.parquet")["label"].to_numpy()


@pytest.fixture(scope="module")
def rsa() -> Any:
    """Similarity to people by model and layer."""
    found = table(ALIGNMENT / "rsa/euclidean.parquet")
    return found.set_index(["model", "layer"])


def redrawn(probabilities: np.ndarray, seed: int) -> np.ndarray:
    """Shares of 55 new votes an image: other people with the same opinions."""
    return np.random.default_rng(seed).multinomial(55, probabilities) / 55


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """rho-a of the two RDMs."""
    return rho_a(pdist(a), pdist(b))


def test_label_and_class_means_score_what_the_simulation_implies(
    probabilities: np.ndarray, labels: np.ndarray, rsa: Any
) -> None:
    one_hot = np.eye(10)[labels]
    means = np.stack([probabilities[labels == k].mean(axis=0) for k in range(10)])[labels]
    people = [redrawn(probabilities, seed) for seed in range(5)]
    label = np.mean([agreement(one_hot, p) for p in people])
    class_mean = np.mean([agreement(means, p) for p in people])
    assert rsa["value"]["label", "features"] == pytest.approx(label, abs=0.02)
    assert rsa["value"]["class_mean", "features"] == pytest.approx(class_mean, abs=0.03)


def test_the_truth_reaches_the_noise_ceiling(probabilities: np.ndarray, rsa: Any) -> None:
    """The probabilities are the best model that there is: they score as the ceiling says."""
    votes = table(ALIGNMENT / "data/votes.parquet").drop(columns="id").to_numpy(float)
    truth = agreement(probabilities, votes / votes.sum(axis=1, keepdims=True))
    assert truth == pytest.approx(rsa["ceiling"].iloc[0], abs=0.03)
    halves = agreement(redrawn(probabilities, 1), redrawn(probabilities, 2))
    assert rsa["ceiling_lower"].iloc[0] < halves < rsa["ceiling"].iloc[0]


def test_models_stand_in_the_order_that_the_simulation_implies(rsa: Any) -> None:
    """Votes follow the classes: knowing them beats learning them, learning beats not learning."""
    value = rsa["value"]
    known = value["class_mean", "features"]
    for layer in ("features", "probabilities"):
        assert known > value["philnet", layer]
        for untrained in ("random", "resnet50", "pixels", "vae"):
            assert value["philnet", layer] > value[untrained, "features"]
    assert value.max() < rsa["ceiling"].iloc[0]
    assert abs(value["random", "features"]) < 0.1


def test_votes_and_confusions_follow_the_probabilities(
    probabilities: np.ndarray, labels: np.ndarray
) -> None:
    votes = table(ALIGNMENT / "data/votes.parquet").drop(columns="id")
    totals = votes.sum(axis=1)
    assert totals.between(47, 63).all()
    confusions = table(ALIGNMENT / "confusions.parquet")
    human = confusions[(confusions["source"] == "human") & (confusions["seed"] == HUMAN)]
    names = votes.columns.tolist()
    shares = human.pivot(index="true", columns="predicted", values="share").loc[names, names]
    wanted = np.stack([probabilities[labels == k].mean(axis=0) for k in range(10)])
    assert np.abs(shares.to_numpy() - wanted).max() < 0.03
    assert (human["difference"] == 0).all()


def test_human_rows_of_the_behaviour_table(probabilities: np.ndarray, labels: np.ndarray) -> None:
    behaviour = table(ALIGNMENT / "behaviour.parquet").set_index("model")
    right = probabilities[np.arange(len(labels)), labels].mean()
    assert behaviour["accuracy"]["human"] == pytest.approx(right, abs=0.01)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.nansum(probabilities * np.log(probabilities), axis=1).mean()
    assert 0.8 * entropy < behaviour["cross_entropy"]["human"] < entropy
    assert behaviour["cross_entropy"]["uniform"] == pytest.approx(np.log(10))
    assert behaviour["accuracy"]["philnet"] > 0.2


def test_simulated_votes_are_called_so() -> None:
    for name in ("alignment", "behaviour"):
        made = table(ALIGNMENT / f"tables/{name}.parquet")
        assert made["simulated_votes"].all()
        assert pd.read_csv(ALIGNMENT / f"tables/{name}.csv")["simulated_votes"].all()
        published = [c for c in made if c.startswith("published") and c != "published_source"]
        assert published
        assert made[published].isna().all(axis=None), "no published value is comparable"


@pytest.mark.parametrize("study", STUDIES)
def test_every_figure_has_both_formats(study: str) -> None:
    figures = {p.with_suffix("") for p in artefacts(study) if p.suffix == ".png"}
    assert len(figures) >= 10
    assert figures == {p.with_suffix("") for p in artefacts(study) if p.suffix == ".pdf"}


def test_the_report_has_every_study() -> None:
    listed = (RESULTS / "report.html").read_text(encoding="utf-8")
    for study in STUDIES:
        assert f'href="{study}/report.html"' in listed
        text = (RESULTS / study / "report.html").read_text(encoding="utf-8")
        assert f'id="{study}/origins"' in text
        assert "Synthetic demo data" in text
        for path in artefacts(study):
            if path.suffix == ".png" or (path.suffix == ".csv" and path.parent.name == "tables"):
                assert path.relative_to(ROOT).as_posix() in text, path


def test_requests_of_memory_are_those_of_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shares = [step.used_memory / step.memory for step in used(["--config", "device=cpu"])]
    assert len(shares) > 100
    assert max(shares) < 0.95
    assert float(np.median(shares)) > 0.15


@pytest.mark.slow
def test_published_logits_lead_to_the_tables_of_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another folder, without a network."""
    monkeypatch.chdir(ROOT)
    folder, study = tmp_path / "results/published/demo-alignment", Path("results/demo-alignment")
    config = resolve(load_yaml(Path("config/config.yaml")))
    publish(
        sorted(study.glob("tables/*.parquet")), [], folder,
        study=study.name, settings=config["studies"][study.name], results=study,
        root_seed=config["root_seed"],
        logits={"philnet-seed0": study / "models/philnet/seed0/logits.npy"},
    )  # fmt: skip
    names = ("alignment", "behaviour", "ceilings")
    tables = [f"results/demo-alignment-logits/tables/{name}.parquet" for name in names]
    command = ["-m", "snakemake", "--cores", "2", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(tmp_path), "--configfile", str(folder / "recompute.json")]
    ran = subprocess.run(
        [sys.executable, *command, "--", *tables], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    for path in map(Path, tables):
        again = load_table(tmp_path / path)
        before = load_table(folder / "tables" / path.name)
        keys = [key for key in ("model", "layer", "metric", "measure") if key in again]
        again, before = (table.set_index(keys).sort_index() for table in (again, before))
        assert len(again) >= 4
        columns = [name for name in again if name != "note"]  # for how long it was trained
        pd.testing.assert_frame_equal(
            again[columns], before.loc[again.index, columns], check_exact=True
        )
