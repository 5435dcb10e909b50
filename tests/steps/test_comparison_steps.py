"""RDMs of models against those of people, and the table over runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from alignment_study import (  # type: ignore[import-not-found]
    N,
    Study,
    inputs_of,
)
from scipy.stats import rankdata, spearmanr
from step_helpers import (  # type: ignore[import-not-found]
    columns,
    load,
    run_twice,
    tabulator,
)

import compare_rdms
import gather_rsa
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, save_table
from latent_microscope.similarity import compare, linear_cka
from latent_microscope.similarity.rdms import class_rdm, rdm
from latent_microscope.tables.rsa import COMPARISON_COLUMNS, RSA_COLUMNS, sources

SOURCES = ("features", "feature_ids", "models", "layers", "seeds", "transforms")
COMPARED = {"comparisons": "c.parquet", "similarity": "s.parquet"}


def partial(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    ab, ac, bc = (spearmanr(x, y).statistic for x, y in ((a, b), (a, c), (b, c)))
    return (ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2))


def explained(y: np.ndarray, *others: np.ndarray) -> float:
    x = np.stack([np.ones(len(y)), *(rankdata(o) for o in others)], axis=1)
    ranks = rankdata(y)
    left = ranks - x @ np.linalg.lstsq(x, ranks, rcond=None)[0]
    return 1 - left.var() / ranks.var()


def test_comparison(study: Study, tmp_path: Path) -> None:
    net = study.rdm("net", study.logits)
    inputs = inputs_of(study, net=net)
    made = run_twice(compare_rdms.main, tmp_path, COMPARED, **inputs)
    table = load(made["comparisons"])
    assert columns(table) == COMPARISON_COLUMNS
    assert table["model"].tolist() == ["net", "label"]
    row = table.iloc[0]
    assert row[["layer", "seed", "metric", "method"]].tolist() == [
        "features",
        0,
        "euclidean",
        "rho-a",
    ]
    human, other, label = (load_npy(path) for path in inputs["rdms"])
    i, j = np.triu_indices(N, 1)
    same = study.labels[i] == study.labels[j]
    disputed = (study.votes > 0).sum(axis=1) > 1
    assert 0 < disputed.sum() < N
    both = disputed[i] & disputed[j]
    classes = [class_rdm(x, study.labels) for x in (study.shares, study.logits)]
    expected = {
        "value": compare(human, other, "rho-a"),
        "spearman": spearmanr(human, other).statistic,
        "partial_label": partial(human, other, label),
        "within_class": spearmanr(human[same], other[same]).statistic,
        "non_unanimous": spearmanr(human[both], other[both]).statistic,
        "within_class_rho_a": compare(human[same], other[same], "rho-a"),
        "non_unanimous_rho_a": compare(human[both], other[both], "rho-a"),
        "label_only": compare(human, label, "rho-a"),
        "tau_a": compare(human, other, "tau-a"),
        "cosine": human @ other / np.sqrt(human @ human * (other @ other)),
        "semipartial": (explained(human, other, label) - explained(human, label)) ** 0.5,
        "class_level": spearmanr(classes[0].values, classes[1].values).statistic,
        "cka": linear_cka(study.shares, study.logits),
        "self_rho_a": compare(other, other, "rho-a"),
    }
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, abs=1e-6), name
    assert row["n_images"] == N
    assert row["n_pairs"] == N * (N - 1) // 2
    row = table.iloc[1]
    assert row["value"] == row["label_only"]
    assert row["value"] <= row["self_rho_a"] < 1
    assert row[["partial_label", "within_class"]].isna().all()
    compare_rdms.main(
        **{**inputs, "tau": False, "threads": 2},
        comparisons=tmp_path / "c.parquet",
        similarity=tmp_path / "s.parquet",
    )
    again = load(tmp_path / "c.parquet")
    assert again["tau_a"].isna().all()
    pd.testing.assert_frame_equal(again.drop(columns="tau_a"), table.drop(columns="tau_a"))


@pytest.mark.parametrize("metric", ["euclidean", "correlation"])
def test_rdms_need_no_files(study: Study, tmp_path: Path, metric: str) -> None:
    """Without files of RDMs they are computed from the features, to the same numbers."""
    inputs = inputs_of(study, net=study.rdm("net", study.logits))
    if metric != "euclidean":
        with pytest.raises(InputError, match=r"contains euclidean distances, not correlation"):
            compare_rdms.main(
                **{**inputs, "metric": metric},
                comparisons=tmp_path / "c.parquet",
                similarity=tmp_path / "s.parquet",
            )
    bare = {key: value for key, value in inputs.items() if key not in ("rdms", "rdm_ids")}
    made = run_twice(compare_rdms.main, tmp_path, COMPARED, **{**bare, "metric": metric})
    row = load(made["comparisons"]).iloc[0]
    human, net = (rdm(x, metric) for x in (study.shares, study.logits))
    assert row["value"] == pytest.approx(compare(human, net, "rho-a"), abs=1e-9)
    rest = [inputs[key] for key in SOURCES]
    wrong: list[tuple[Any, Any]] = [
        (inputs["rdms"][:1], []),
        (inputs["rdms"], None),
        (None, inputs["rdm_ids"]),
    ]
    for given in wrong:
        with pytest.raises(InputError, match=r"RDMs, . tables of their ids, 3 features and 3"):
            sources(*given, *rest)
    flat = study.logits.copy()
    flat[5] = 1.0
    given = inputs_of(study, flat=study.rdm("flat", flat))
    _, one, _ = sources(None, None, *(given[key] for key in SOURCES))
    with pytest.raises(InputError, match=r"npy \(flat, features, seed 0\): Image id .* variance"):
        one.side("correlation")


def test_similarity_of_all_models(study: Study, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nets = {"net": study.logits, "noise": rng.normal(size=(N, 4))}
    inputs = inputs_of(study, **{name: study.rdm(name, rows) for name, rows in nets.items()})
    # A second run of the net: no rival of the first, and not in the matrix.
    other = study.rdm("again", study.logits + 0.1 * rng.normal(size=(N, 3)).astype(np.float32))
    more = inputs_of(study, net=other)
    for key in ("rdms", "rdm_ids", "features", "feature_ids", "layers", "transforms"):
        inputs[key] = [*inputs[key], more[key][1]]
    inputs["models"].append("net")
    inputs["seeds"].append(1)
    made = run_twice(compare_rdms.main, tmp_path, COMPARED, **inputs)
    square = load(made["similarity"])
    assert columns(square) == ["model_a", "model_b", "value"]
    names = ["human", "net-features", "noise-features", "label-features"]
    assert square["model_a"].unique().tolist() == names
    square = square.pivot(index="model_a", columns="model_b", values="value").loc[names, names]
    values = [load_npy(path) for path in inputs["rdms"]]
    expected = spearmanr(np.stack(values[:4], axis=1)).statistic
    np.testing.assert_allclose(square, expected, atol=1e-9)
    assert (np.diag(square) == 1).all()
    unique = load(made["comparisons"])["semipartial"] ** 2
    human, net, noise, label, second = values
    assert unique[0] == pytest.approx(
        explained(human, net, noise, label) - explained(human, noise, label), abs=1e-9
    )
    assert unique[3] == pytest.approx(
        explained(human, second, noise, label) - explained(human, noise, label), abs=1e-9
    )
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".tmp")] == []


def test_comparison_refuses_other_ids(study: Study, tmp_path: Path) -> None:
    ids = load(study["samples.parquet"])["id"].tolist()
    options: dict[str, Any] = {key: tmp_path / name for key, name in COMPARED.items()}
    moved = study.rdm("moved", study.logits, [ids[1], ids[0], *ids[2:]])
    with pytest.raises(InputError, match="different ids"):
        compare_rdms.main(**inputs_of(study, net=moved), **options)
    fine = inputs_of(study, net=study.rdm("net", study.logits))
    with pytest.raises(InputError, match="euclidean distances, not cosine"):
        compare_rdms.main(**{**fine, "metric": "cosine"}, **options)
    with pytest.raises(InputError, match=r"\.ids\.parquet"):
        compare_rdms.main(**{**fine, "rdm_ids": fine["rdm_ids"][::-1]}, **options)
    with pytest.raises(InputError, match=r"\d RDMs"):
        compare_rdms.main(**{**fine, "models": ["human", "net"]}, **options)
    with pytest.raises(InputError, match=r"\('label', 'features', 0\) "):
        compare_rdms.main(**{**fine, "models": ["human", "label", "label"]}, **options)
    save_table(tmp_path / "ids.parquet", pd.DataFrame({"id": ids[::-1]}))
    wrong = [*fine["feature_ids"]]
    wrong[1] = tmp_path / "ids.parquet"
    with pytest.raises(InputError, match=r"net\.npy: .*ids"):
        compare_rdms.main(**{**fine, "feature_ids": wrong}, **options)
    fewer = load(study["samples.parquet"]).iloc[:-1]
    save_table(tmp_path / "samples.parquet", fewer)
    votes = load(study["votes.parquet"])
    save_table(tmp_path / "votes.parquet", votes[votes["id"].isin(fewer["id"])])
    people = {"samples": tmp_path / "samples.parquet", "votes": tmp_path / "votes.parquet"}
    with pytest.raises(InputError, match=rf"{N} images .*{N - 1}"):
        compare_rdms.main(**{**fine, **people}, **options)


def test_gathered_rsa(tmp_path: Path) -> None:
    base = dict.fromkeys(COMPARISON_COLUMNS, 0.1)
    table = pd.DataFrame([{**base, "model": "b", "seed": 1}, {**base, "model": "a", "seed": 0}])
    save_table(tmp_path / "comparisons.parquet", table)
    save_table(
        tmp_path / "ceiling.parquet",
        pd.DataFrame({"ceiling": [0.8], "lower": [0.7], "upper": [0.9], "status": [""]}),
    )
    arguments: dict[str, Any] = {"comparisons": tmp_path / "comparisons.parquet"}
    made = run_twice(
        gather_rsa.main,
        tmp_path,
        {"rsa": "rsa.parquet"},
        **arguments,
        ceiling=tmp_path / "ceiling.parquet",
    )
    table = load(made["rsa"])
    assert columns(table) == RSA_COLUMNS
    assert table["model"].tolist() == ["b", "a"]
    assert (table["ceiling"] == 0.8).all()
    assert (table["ceiling_lower"] == 0.7).all()
    assert (table["ceiling_upper"] == 0.9).all()
    save_table(tmp_path / "none.parquet", pd.DataFrame({"lower": [], "upper": []}))
    with pytest.raises(InputError, match="ceiling"):
        gather_rsa.main(**arguments, ceiling=tmp_path / "none.parquet", rsa=tmp_path / "r.parquet")


def rsa_rows() -> pd.DataFrame:
    rows = []
    for model, layer, values in (
        ("philnet", "features", [0.3, 0.5]),
        ("published_vgg15", "probabilities", [0.4926]),
        ("label", "features", [0.2695]),
    ):
        for seed, value in enumerate(values):
            row = dict.fromkeys(COMPARISON_COLUMNS, value / 2) | {"model": model, "layer": layer}
            row |= {"seed": seed, "metric": "euclidean", "method": "rho-a", "value": value}
            row |= {
                "label_only": 0.2695,
                "ceiling": 0.8,
                "ceiling_lower": 0.7,
                "ceiling_upper": 0.9,
                "ceiling_status": "",
            }
            rows.append(row | {"n_images": 100, "n_pairs": 4950})
    table = pd.DataFrame(rows)
    table.loc[table["model"] == "label", "partial_label"] = np.nan
    return table


def test_alignment_table(tmp_path: Path) -> None:
    save_table(tmp_path / "euclidean.parquet", rsa_rows())
    save_table(tmp_path / "cosine.parquet", rsa_rows().assign(metric="cosine"))
    rsa = [tmp_path / "euclidean.parquet", tmp_path / "cosine.parquet"]
    made = run_twice(
        tabulator("tabulate_alignment"),
        tmp_path,
        {"table": "t.parquet", "csv": "t.csv"},
        rsa=rsa,
    )
    table = load(made["table"])
    for name in ("model", "layer", "metric", "mean", "sd", "n", "partial", "within_class_rho_a"):
        assert name in table
    assert table["metric"].tolist() == ["euclidean"] * 7 + ["cosine"] * 3
    networks = table.iloc[3:7].set_index("model")  # vgg15 is a model of the study
    assert networks["mean"].isna().all()
    assert (networks["n"] == 0).all()
    assert networks.loc["resnext (published predictions)", "published"] == 0.5318
    part = table.iloc[:3]
    assert part["model"].tolist() == ["published_vgg15", "philnet", "label"]
    rows = part.set_index("model")
    assert rows.loc["philnet", "mean"] == pytest.approx(0.4)
    assert rows.loc["philnet", "sd"] == pytest.approx(0.2 / np.sqrt(2))
    assert rows.loc["philnet", "n"] == 2
    assert np.isnan(rows.loc["label", "sd"])
    assert np.isnan(rows.loc["label", "partial"])
    assert rows.loc["philnet", "above_label"] == pytest.approx(0.4 - 0.2695)
    assert rows.loc["philnet", "ceiling_upper"] == 0.9
    assert rows["published"].fillna(-1).tolist() == [0.4926, -1, 0.2695]
    assert rows["published_spearman"].fillna(-1).tolist() == [0.494, -1, 0.52]
    assert "Peterson" in rows.loc["label", "published_source"]
    # Published with the Euclidean distance only.
    assert table["published"].iloc[7:].isna().all()
    assert not table["simulated_votes"].any()
    tabulator("tabulate_alignment")(
        rsa=rsa, table=tmp_path / "t.parquet", csv=tmp_path / "t.csv", simulated=True
    )
    table = load(tmp_path / "t.parquet")
    assert table["published"].isna().all()
    assert len(table) == 6
    assert table["simulated_votes"].all()
