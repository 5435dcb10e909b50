"""Steps around the similarity to people: ceilings, intervals, equivalents, all measures."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from alignment_study import (  # type: ignore[import-not-found]
    CLASSES,
    N,
    Study,
    inputs_of,
)
from step_helpers import columns, drawer, load, run_twice, tabulator  # type: ignore[import-not-found]

import bootstrap_rsa
import compare_rdms
import count_annotators
import gather_rsa
import measure_behaviour
import noise_ceiling
import recover_models
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.similarity.bootstrap import bootstrap_compare
from latent_microscope.similarity.ceiling import noise_ceiling as split_halves
from latent_microscope.similarity.equivalents import annotator_equivalents
from latent_microscope.similarity.rdms import rdm
from latent_microscope.tables.behaviour import INTERVAL_MEASURES as PREDICTED
from latent_microscope.tables.intervals import DIFFERENCE_COLUMNS, INTERVAL_COLUMNS
from latent_microscope.tables.measures import BEHAVIOUR_MEASURES, COLUMNS, RSA_MEASURES

BOOTSTRAP = {
    "intervals": "i.parquet",
    "differences": "d.parquet",
    "kinds": "n.parquet",
    "check": "k.parquet",
}


def compared(study: Study, inputs: dict[str, Any]) -> Path:
    path = study["comparisons.parquet"]
    compare_rdms.main(**inputs, comparisons=path, similarity=study["similarity.parquet"])
    return path


def nets(study: Study) -> dict[str, Any]:
    """People, two nets and the label."""
    other = np.random.default_rng(3).normal(size=(N, 3)).astype(np.float32)
    return inputs_of(
        study, net=study.rdm("net", study.logits), poor=study.rdm("poor", study.logits + 2 * other)
    )


def intervals_of(study: Study, folder: Path, inputs: dict[str, Any], **options: Any) -> Any:
    arguments = {
        **{key: value for key, value in inputs.items() if key != "tau"},
        "comparisons": compared(study, inputs),
        "draws": 300,
        "check_images": 40,
        "check_draws": 60,
        **options,
    }
    return {
        name: load(path)
        for name, path in run_twice(bootstrap_rsa.main, folder, BOOTSTRAP, **arguments).items()
    }


def test_ceilings(study: Study, tmp_path: Path) -> None:
    outputs: dict[str, Any] = {"ceiling": "ceiling.parquet", "ceilings": "ceilings.parquet"}
    options = {"splits": 3, "simulated_datasets": 2, "tau": True, "root_seed": 1}
    made = run_twice(noise_ceiling.main, tmp_path, outputs, **study.people, **options)
    table = load(made["ceiling"])
    assert columns(table) == ["ceiling", "ceiling_sd", "status", "lower", "upper", "sd", "n_splits"]
    row = table.iloc[0]
    counts = study.votes
    expected = split_halves(counts, method="rho-a", n_splits=3, seed=1, n_simulated=2)
    assert row["ceiling"] == pytest.approx(expected.ceiling, abs=1e-12)
    assert row["ceiling_sd"] == pytest.approx(expected.ceiling_sd, abs=1e-12)
    assert row["lower"] == pytest.approx(expected.lower, abs=1e-12)
    assert row["upper"] == pytest.approx(expected.upper, abs=1e-12)
    assert row["sd"] == pytest.approx(expected.spread, abs=1e-12)
    every = load(made["ceilings"]).set_index("measure")
    assert every.loc["rho_a", "lower"] == row["lower"]
    assert every.loc["spearman", "lower"] == pytest.approx(
        split_halves(counts, n_splits=3, seed=1).lower, abs=1e-12
    )
    assert every.loc["tau_a", "lower"] == pytest.approx(
        split_halves(counts, method="tau-a", n_splits=3, seed=1).lower, abs=5e-3
    )
    label = rdm(np.eye(3)[study.labels])
    assert every.loc["partial_label", "lower"] == pytest.approx(
        split_halves(counts, n_splits=3, seed=1, controls=[label]).lower, abs=1e-12
    )
    known = every.dropna(subset=["ceiling"])
    assert (known["status"] == "").all()
    assert (known["ceiling"] > known["lower"]).all()
    assert (every["n_simulated_datasets"] == 2).all()
    again = {name: tmp_path / file for name, file in outputs.items()}
    noise_ceiling.main(**study.people, **again, splits=3, simulated_datasets=0, root_seed=2)
    assert load(again["ceiling"])["lower"][0] != row["lower"]
    assert load(again["ceilings"])["ceiling"].isna().all()


def test_intervals_and_differences(study: Study, tmp_path: Path) -> None:
    inputs = nets(study)
    made = intervals_of(study, tmp_path, inputs, tau=True)
    table = made["intervals"]
    assert columns(table) == INTERVAL_COLUMNS
    assert table["measure"].tolist() == list(RSA_MEASURES_IN_ORDER) * 3
    values = load(study["comparisons.parquet"]).set_index("model")
    rows = table.set_index(["model", "measure"])
    assert rows.loc[("net", "rho_a"), "value"] == values.loc["net", "value"]
    for model in ("net", "poor"):
        for measure in RSA_MEASURES_IN_ORDER:
            row = rows.loc[(model, measure)]
            name = "value" if measure == "rho_a" else measure
            assert row["value"] == pytest.approx(values.loc[model, name], abs=1e-12)
            assert row["low"] < row["value"] < row["high"], measure
    # Nothing to say of the label where it is held constant.
    undefined = rows.loc["label"].loc[["partial_label", "within_class"]]
    assert undefined[["value", "low", "high"]].isna().all().all()
    assert set(undefined["status"]) == {"not available: no variation among the pairs"}
    assert ((table["status"] == "") == table["low"].notna()).all()
    differences = made["differences"]
    assert columns(differences) == DIFFERENCE_COLUMNS
    pairs = differences[["model_a", "model_b"]].to_numpy().tolist()
    assert pairs == [["net", "poor"], ["net", "label"], ["poor", "label"]]
    first = differences.iloc[0]
    assert first["difference"] == pytest.approx(
        values.loc["net", "value"] - values.loc["poor", "value"], abs=1e-12
    )
    assert 0 < first["low"] < first["difference"] < first["high"]
    assert set(differences["measure"]) == {"rho_a"}
    assert (differences["p"] >= 2 / 301).all()
    kinds = made["kinds"]
    assert kinds["kind_a"].tolist() == ["net, features"] * 2 + ["poor, features"]
    np.testing.assert_allclose(kinds["difference"], differences["difference"])
    assert set(kinds["generalises_to"]) == {"these networks"}
    check = made["check"]
    assert check["measure"].value_counts().to_dict() == {"rho_a": 3, "partial_label": 3}
    known = check.dropna(subset=["value"])
    known = known[known["model"] != "label"]
    assert (known["correlation"] > 0.8).all()
    assert (known["n_images"] == 40).all()
    save_table(tmp_path / "c.parquet", load(study["comparisons.parquet"]).iloc[1:])
    with pytest.raises(InputError, match=r"no row for \('net', 'features', 0\)"):
        intervals_of(study, tmp_path, inputs, comparisons=tmp_path / "c.parquet")
    with pytest.raises(InputError, match="at least 2"):
        intervals_of(study, tmp_path, inputs, draws=1)


def test_a_part_with_too_few_pairs_says_what_it_needs(study: Study, tmp_path: Path) -> None:
    votes = pd.DataFrame(12 * np.eye(3, dtype=int)[study.labels], columns=CLASSES)
    ids = load(study["samples.parquet"])["id"]
    save_table(tmp_path / "votes.parquet", votes.assign(id=ids))
    inputs = nets(study) | {"votes": tmp_path / "votes.parquet"}
    table = intervals_of(study, tmp_path, inputs)["intervals"].set_index("measure")
    parts = table.loc[["non_unanimous", "non_unanimous_rho_a"]]
    assert parts["low"].isna().all()
    wanted = "not available: needs at least 2 pairs of images whose votes disagree"
    assert set(parts["status"]) == {wanted}
    assert set(table.loc["rho_a", "status"]) == {""}


RSA_MEASURES_IN_ORDER = (
    *("rho_a", "spearman", "tau_a", "cosine", "partial_label", "within_class_rho_a"),
    *("within_class", "non_unanimous_rho_a", "non_unanimous", "semipartial", "cka"),
)


def test_intervals_are_those_of_reranking(study: Study, tmp_path: Path) -> None:
    inputs = nets(study)
    table = intervals_of(study, tmp_path, inputs, draws=1000)["intervals"].set_index(
        ["model", "measure"]
    )
    exact = bootstrap_compare({"net": rdm(study.logits)}, rdm(study.shares), None, 1000)
    row, other = table.loc[("net", "spearman")], exact.scores.iloc[0]
    # 48 images: what the first order leaves out is largest here.
    assert row["sd"] == pytest.approx(other["sd"], rel=0.1)
    assert row["low"] == pytest.approx(other["low"], abs=0.03)
    assert row["high"] == pytest.approx(other["high"], abs=0.03)


def behaviour_arguments(study: Study) -> dict[str, Any]:
    return {"logits": [study["logits.npy"]], "names": ["net"], **study.people}


def behaviour_of(study: Study, **options: Any) -> dict[str, Any]:
    names = ("behaviour", "intervals", "images", "confusions", "shared")
    paths: dict[str, Any] = {name: study[f"behaviour/{name}.parquet"] for name in names}
    measure_behaviour.main(**behaviour_arguments(study), **paths, seeds=[0], folds=4, **options)
    return paths


def test_intervals_of_behaviour(study: Study) -> None:
    paths = behaviour_of(study, draws=2000)
    table = load(paths["intervals"])
    assert table["measure"].tolist() == list(PREDICTED) * 2
    values = load(paths["behaviour"]).set_index("model")
    rows = table.set_index(["model", "measure"])
    for measure in PREDICTED:
        row = rows.loc[("net", measure)]
        assert row["value"] == pytest.approx(values.loc["net", measure], abs=1e-9), measure
        assert row["low"] < row["value"] < row["high"], measure
    correct = study.logits.argmax(axis=1) == study.labels
    row = rows.loc[("net", "accuracy")]
    assert row["sd"] == pytest.approx(correct.std() / np.sqrt(N), rel=0.05)
    row = rows.loc[("class_mean", "accuracy")]
    assert row["value"] == row["low"] == row["high"] == 1.0
    assert load(behaviour_of(study, draws=0)["intervals"]).empty


def test_annotator_equivalents(study: Study, tmp_path: Path) -> None:
    inputs = {key: value for key, value in nets(study).items() if key != "tau"}
    sharp = study.folder / "oracle.npy"
    save_npy(sharp, np.log(study.shares + 1e-3).astype(np.float32))
    arguments = {
        **inputs,
        "logits": [study["logits.npy"], sharp],
        "names": ["net", "oracle"],
        "classifier_seeds": [0, 0],
        "folds": 4,
        "splits": 2,
    }
    made = run_twice(count_annotators.main, tmp_path, {"equivalents": "e.parquet"}, **arguments)
    table = load(made["equivalents"]).set_index(["model", "measure"])
    assert (table["max_votes"] == 10).all()
    assert table.loc[("oracle", "jensen_shannon"), "censored"] == ">"
    net = table.loc["net"]
    assert net.loc["kl", "votes"] == pytest.approx(net.loc["cross_entropy", "votes"])
    assert ((net["low"] <= net["votes"] + 1e-9) & (net["votes"] <= net["high"] + 1e-9)).all()
    for measure, score in (("accuracy", "accuracy"), ("jensen_shannon", "js")):
        alone = annotator_equivalents(
            score, study.votes, study.logits, study.labels, n_repeats=2, kind="logits"
        )
        assert net.loc[measure, "votes"] == pytest.approx(alone.votes)
        assert net.loc[measure, "censored"] == alone.censored
    assert net.loc["spearman", "metric"] == "euclidean"
    assert net.loc["spearman", "votes"] >= table.loc[("poor", "spearman"), "votes"]
    # No equivalent of what is not defined.
    assert ("label", "within_class") not in table.index
    assert ("label", "spearman") in table.index


@pytest.mark.parametrize("whole", [True, False], ids=["inference", "values only"])
def test_all_measures_in_one_table(study: Study, tmp_path: Path, whole: bool) -> None:
    inputs = nets(study)
    bare = {key: value for key, value in inputs.items() if key != "tau"}
    paths = behaviour_of(study, draws=100)
    ceiling, ceilings = study["ceiling.parquet"], study["ceilings.parquet"]
    noise_ceiling.main(
        **study.people, ceiling=ceiling, ceilings=ceilings, splits=2, simulated_datasets=1, tau=True
    )
    rsa = study["rsa.parquet"]
    gather_rsa.main(comparisons=compared(study, inputs), ceiling=ceiling, rsa=rsa)
    arguments: dict[str, Any] = {
        "rsa": [rsa],
        "ceilings": [ceilings],
        "behaviour": paths["behaviour"],
        "metrics": ["euclidean"],
        "label": "label",
        "simulated": True,
        "notes": {"net": "tiny"},
    }
    if whole:
        intervals_of(study, tmp_path, inputs)
        count_annotators.main(
            **bare,
            logits=[study["logits.npy"]],
            names=["net"],
            classifier_seeds=[0],
            folds=4,
            splits=1,
            equivalents=study["e.parquet"],
        )
        arguments["intervals"] = [tmp_path / "first/i.parquet", paths["intervals"]]
        arguments["equivalents"] = [study["e.parquet"]]
    outputs: dict[str, Any] = {
        "table": "m.parquet",
        "csv": "m.csv",
        "models": "w.parquet",
        "models_csv": "w.csv",
        "all_ceilings": "c.parquet",
        "all_ceilings_csv": "c.csv",
    }
    made = run_twice(tabulator("tabulate_measures"), tmp_path / "table", outputs, **arguments)
    table = load(made["table"])
    assert columns(table) == COLUMNS
    assert not table.duplicated(["model", "layer", "seed", "metric", "measure"]).any()
    rows = table.set_index(["model", "measure"])
    assert set(rows.loc["net"].index) == {*RSA_MEASURES, *BEHAVIOUR_MEASURES}
    row = rows.loc[("net", "rho_a")]
    bounds = load(ceilings).set_index("measure").loc["rho_a"]
    assert row["ceiling_upper"] == bounds["upper"]
    assert row["ceiling"] == bounds["ceiling"]
    assert row["ceiling_sd"] == pytest.approx(bounds["ceiling_sd"], nan_ok=True)
    assert row["baseline"] == rows.loc[("label", "rho_a"), "value"]
    assert row["baseline_name"] == "label"
    assert row["note"] == "tiny"
    assert row["n"] == N
    assert row["n_pairs"] == N * (N - 1) // 2
    unique, plain = rows.loc[("net", "semipartial")], rows.loc[("net", "spearman")]
    assert unique["value"] < unique["ceiling_upper"] < plain["ceiling_upper"]
    rho = rows.loc[("label", "rho_a")]
    assert rho["value"] <= rho["self_ceiling"] < 1
    loss = rows.loc[("net", "cross_entropy")]
    assert loss["ceiling_upper"] == rows.loc[("human", "cross_entropy"), "value"]
    assert loss["baseline_name"] == "class_mean"
    assert not loss["higher_is_better"]
    assert rows.loc[("net", "accuracy"), "baseline"] == pytest.approx(1 / 3)
    if whole:
        assert row["low"] < row["value"] < row["high"]
        assert row["n_draws"] == 300
        assert loss["low"] < loss["value"] < loss["high"]
        assert loss["equivalents_text"] != ""
        assert np.isfinite(row["equivalents"])
    else:
        assert table[["low", "high", "equivalents"]].isna().all().all()
        assert (table["n_draws"] == 0).all()
        assert (table["equivalents_text"] == "").all()
    wide = load(made["models"]).set_index("model")
    assert wide.loc["net", "rho_a_mean"] == row["value"]
    assert wide.loc["net", "cross_entropy_mean"] == loss["value"]
    assert wide.loc["net", "n"] == 1
    assert np.isnan(wide.loc["net", "spearman_sd"])
    assert wide.loc["label", "accuracy_mean"] == 1
    assert load(made["all_ceilings"])["metric"].unique().tolist() == ["euclidean"]
    with pytest.raises(InputError, match=r"ceilings .*'euclidean'"):
        tabulator("tabulate_measures")(
            **{**arguments, "metrics": ["cosine"]},
            **{name: tmp_path / file for name, file in outputs.items()},
        )


def test_inference_of_all_metrics(tmp_path: Path) -> None:
    save_table(tmp_path / "a.parquet", pd.DataFrame({"metric": ["a"], "p": [0.1]}))
    save_table(tmp_path / "b.parquet", pd.DataFrame({"metric": ["b"], "p": [0.2]}))
    both = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    outputs: dict[str, Any] = {
        "table": "t.parquet",
        "csv": "t.csv",
        "checks": "k.parquet",
        "checks_csv": "k.csv",
        "kinds": "n.parquet",
        "kinds_csv": "n.csv",
    }
    tabulate = tabulator("tabulate_inference")
    made = run_twice(tabulate, tmp_path, outputs, differences=both, check=both[:1], of_kinds=both)
    assert load(made["table"])["metric"].tolist() == ["a", "b"]
    assert load(made["checks"])["metric"].tolist() == ["a"]
    assert load(made["kinds"])["metric"].tolist() == ["a", "b"]
    assert made["csv"].read_text().startswith("metric,p\n")


def test_model_recovery(study: Study, tmp_path: Path) -> None:
    net = study["logits.npy"]
    other = study.folder / "other.npy"
    noise = np.random.default_rng(5).normal(size=(N, 3)).astype(np.float32)
    save_npy(other, 3 * noise)
    save_npy(study["again.npy"], (study.logits + 0.05 * noise).astype(np.float32))
    made = run_twice(
        recover_models.main,
        tmp_path,
        {"table": "t.parquet", "csv": "t.csv"},
        **study.people,
        logits=[net, study["again.npy"], other],
        names=["net", "net", "other"],
        seeds=[0, 1, 0],
        metrics=["euclidean", "cosine"],
        simulations=6,
        images=40,
    )
    table = load(made["table"])
    assert table["metric"].value_counts().to_dict() == {"euclidean": 16, "cosine": 16}
    table = table[table["metric"] == "euclidean"]
    names = ["net", "other", "label", "class_mean"]
    assert table["model"].unique().tolist() == names
    assert (table.groupby("model")["count"].sum() == 6).all()
    counts = table.pivot(index="model", columns="attributed", values="count").loc[names, names]
    # Votes of the label are the label; a net of another kind is never mixed up with the first.
    assert counts.loc["label", "label"] == 6
    assert counts.loc["other", "other"] == 6
    assert counts.loc["net", "net"] >= 5
    assert (table["n_images"] == 40).all()
    assert table["share"].max() == 1
    similar = table.set_index(["model", "attributed"])["similarity"]
    assert similar["label", "label"] == 1
    drawer("recovery")(
        recovered=made["table"], png=tmp_path / "r.png", pdf=tmp_path / "r.pdf", title="made up"
    )
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(InputError, match="simulations"):
        recover_models.main(
            **study.people,
            table=tmp_path / "t.parquet",
            csv=tmp_path / "t.csv",
            metrics=["euclidean"],
            simulations=0,
        )


def test_soft_labels_give_what_needs_no_number_of_votes(study: Study, tmp_path: Path) -> None:
    inputs = nets(study)
    table = load(study["votes.parquet"])
    shares = table.set_index("id").pipe(lambda one: one.div(one.sum(axis=1), axis=0)).reset_index()
    save_table(tmp_path / "votes.parquet", shares)
    found: dict[str, dict[str, Path]] = {}
    for kind, votes in (("counts", study["votes.parquet"]), ("soft", tmp_path / "votes.parquet")):
        people: dict[str, Any] = {"votes": votes, "samples": study["samples.parquet"]}
        path: dict[str, Any] = {
            n: tmp_path / kind / f"{n}.parquet" for n in ["ceiling", "ceilings", "rsa", "e", "r"]
        }
        path |= {n: tmp_path / kind / f"{n}.parquet" for n in ["behaviour", "intervals", "images"]}
        path |= {n: tmp_path / kind / f"{n}.parquet" for n in ("confusions", "shared")}
        given = {**inputs, **people}
        noise_ceiling.main(
            **people, **{n: path[n] for n in ("ceiling", "ceilings")}, splits=2,
            simulated_datasets=1,
        )  # fmt: skip
        comparisons = tmp_path / kind / "c.parquet"
        compare_rdms.main(
            **given, comparisons=comparisons, similarity=tmp_path / kind / "s.parquet"
        )
        gather_rsa.main(comparisons=comparisons, ceiling=path["ceiling"], rsa=path["rsa"])
        nets_of: dict[str, Any] = {"logits": [study["logits.npy"]], "names": ["net"]}
        bare = {key: value for key, value in given.items() if key != "tau"}
        count_annotators.main(
            **bare, **nets_of, classifier_seeds=[0], folds=4, splits=1, equivalents=path["e"]
        )
        recover_models.main(
            **people, **nets_of, seeds=[0], metrics=["euclidean"], simulations=1,
            table=path["r"], csv=tmp_path / kind / "r.csv",
        )  # fmt: skip
        outputs = ("behaviour", "intervals", "images", "confusions", "shared")
        measure_behaviour.main(
            **people, **nets_of, seeds=[0], draws=50, **{n: path[n] for n in outputs}
        )
        found[kind] = path
    counts, soft = ({n: load(one) for n, one in found[kind].items()} for kind in found)
    reason = "soft labels: the number of votes is not known"
    numbers = counts["rsa"].columns.drop(["ceiling_status", *counts["rsa"].filter(like="ceiling")])
    pd.testing.assert_frame_equal(soft["rsa"][numbers], counts["rsa"][numbers])
    assert set(soft["rsa"]["ceiling_status"]) == set(soft["ceilings"]["status"]) == {reason}
    assert soft["ceilings"][["ceiling", "lower", "upper"]].isna().all().all()
    assert (soft["ceilings"]["n_splits"] == 0).all()
    for name in ("intervals", "images"):
        pd.testing.assert_frame_equal(soft[name], counts[name])
    assert soft["e"].empty
    assert list(soft["e"].columns) == list(counts["e"].columns)
    assert soft["r"]["status"].unique().tolist() == [reason]
    assert soft["r"][["count", "share"]].isna().all().all()
    ours, theirs = (one["behaviour"].set_index("model") for one in (soft, counts))
    needs = ["second_best_accuracy", "entropy_spearman", "jensen_shannon", "error_consistency"]
    assert ours.loc[["human", "perfect"], needs].isna().all().all()
    assert ours.loc[["human", "perfect"], "status"].tolist() == [reason] * 2
    rest = ["net", "human_majority", "label", "class_mean", "uniform"]
    pd.testing.assert_frame_equal(ours.loc[rest], theirs.loc[rest])
    assert (theirs["status"] == "").all()
    assert ours.loc["human", "accuracy"] == theirs.loc["human", "accuracy"]
    assert ours.loc["human", "cross_entropy"] == theirs.loc["human", "cross_entropy"]
    human = soft["confusions"]["source"] == "human"
    assert soft["confusions"].loc[human, "count"].isna().all()
    assert soft["confusions"].loc[~human, "count"].tolist() == (
        counts["confusions"].loc[~human, "count"].tolist()
    )
    assert soft["shared"]["human"].isna().all()
    tables = {n: tmp_path / f"t-{n}.parquet" for n in ("table", "models", "all_ceilings")}
    tables |= {f"{n}_csv": tmp_path / f"t-{n}.csv" for n in ("models", "all_ceilings")}
    path = found["soft"]
    tabulator("tabulate_measures")(
        rsa=[path["rsa"]], ceilings=[path["ceilings"]], behaviour=path["behaviour"],
        metrics=["euclidean"], label="label", equivalents=[path["e"]],
        intervals=[path["intervals"]], csv=tmp_path / "t.csv", **tables,
    )  # fmt: skip
    measures = load(tables["table"]).set_index(["model", "measure"])
    assert measures.loc[("net", "rho_a"), "ceiling_status"] == reason
    assert measures.loc[("net", "cross_entropy"), "ceiling_status"] == reason
    assert measures.loc[("net", "accuracy"), "ceiling_status"] == ""
    assert (measures["equivalents_text"] == "not available").all()
