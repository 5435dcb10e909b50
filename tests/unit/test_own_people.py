"""Votes and dissimilarities of unknown origin."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from scipy.spatial.distance import squareform
from scipy.stats import pearsonr, spearmanr, t

from latent_microscope.custom.dissimilarity import condensed, read_square
from latent_microscope.custom.looking import look
from latent_microscope.custom.votes import class_codes, majority, read_votes
from latent_microscope.custom.writing import draft
from latent_microscope.errors import InputError
from latent_microscope.seeds import rng as stream
from latent_microscope.similarity.bootstrap import bootstrap_compare
from latent_microscope.similarity.observers import observer_ceiling, observer_scores
from latent_microscope.similarity.rdms import RDM, rdm
from latent_microscope.tables.dissimilarity import label_rdm, similarity_table

COUNTS = np.array([[3, 0, 1], [0, 2, 2], [0, 0, 5]])
CLASSES = ["cat", "dog", "eel"]
IDS = ["a", "b", "c"]


def long_table() -> pd.DataFrame:
    rows = [
        (f"{name}.png", label, f"p{k}")
        for name, row in zip(IDS, COUNTS, strict=True)
        for label, count in zip(CLASSES, row, strict=True)
        for k in range(count)
    ]
    return pd.DataFrame(rows, columns=["image", "choice", "person"])


def test_counts_and_judgements_say_the_same(tmp_path: Path) -> None:
    wide = pd.DataFrame(COUNTS, columns=CLASSES).assign(id=IDS)[["id", *CLASSES]]
    wide.to_csv(tmp_path / "wide.csv", index=False)
    wide.to_parquet(tmp_path / "wide.parquet")
    long_table().to_csv(tmp_path / "long.csv", index=False)
    counted = long_table().groupby(["image", "choice"]).size().rename("n").reset_index()
    counted.to_csv(tmp_path / "counted.csv", index=False)
    np.savez(tmp_path / "x.npz", votes=COUNTS, ids=np.array(IDS))
    for name, settings in (
        ("wide.csv", {}),
        ("wide.parquet", {}),
        ("long.csv", {}),
        ("counted.csv", {"count": "n"}),
        ("x.npz", {"classes": CLASSES}),
    ):
        found = read_votes(tmp_path / name, settings)
        assert found.ids is not None, name
        assert found.ids.tolist() == IDS, name
        assert found.classes == CLASSES, name
        assert found.answers.dtype == np.int64
        np.testing.assert_array_equal(found.answers, COUNTS, err_msg=name)


def write_columns(path: Path, table: pd.DataFrame) -> None:
    """The columns of a table as a file of this ending."""
    arrays = {name: table[name].to_numpy() for name in table.columns}
    objects = {n: a.astype(object) if a.dtype.kind not in "iu" else a for n, a in arrays.items()}
    if path.suffix == ".npz":
        np.savez(path, **{n: a.astype(str) if a.dtype == object else a for n, a in objects.items()})  # type: ignore[arg-type]
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, array in objects.items():
                file[name] = array
    elif path.suffix == ".mat":
        savemat(path, objects)
    else:
        table.to_json(path, orient="records", lines=path.suffix != ".json")


@pytest.mark.parametrize("ending", ["npz", "h5", "mat", "json", "jsonl", "ndjson"])
def test_columns_are_votes_with_names_in_every_format(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"votes.{ending}"
    wide = pd.DataFrame({"id": IDS} | dict(zip(CLASSES, COUNTS.T, strict=True)))
    write_columns(path, wide)
    assert look(f"votes={path}").facts["classes"] == CLASSES
    write_columns(path, wide.assign(label=CLASSES))
    labelled = look(str(path))
    assert labelled.facts["labels"] == {"column": "label", "id": "id"}
    assert labelled.facts["classes"] == CLASSES
    write_columns(path, long_table())
    found = read_votes(path, {})
    assert found.classes == CLASSES
    assert found.ids is not None
    assert found.ids.tolist() == IDS
    np.testing.assert_array_equal(found.answers, COUNTS)


@pytest.mark.parametrize(
    ("scale", "settings"),
    [(1.0, {}), (100.0, {}), (1.0, {"holds": "probabilities"}), (100.0, {"holds": "percentages"})],
)
def test_rows_of_shares_are_soft_labels(
    tmp_path: Path, scale: float, settings: dict[str, str]
) -> None:
    shares = np.array([[0.5, 0.25, 0.25], [1, 0, 0], [0, 0, 0], [0.2, 0.3, 0.5004], [np.nan] * 3])
    table = pd.DataFrame(shares * scale, columns=["cat", "dog", "eel"])
    table.insert(0, "id", list("abcde"))
    path = tmp_path / "soft.csv"
    table.to_csv(path, index=False)
    found = read_votes(path, settings)
    known = shares[[0, 1, 3]]
    expected = known / known.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.answers[[0, 1, 3]], expected, atol=1e-12)
    assert found.source(path).incomplete == {"c": "no votes", "e": "no votes"}
    assert look(str(path)).role == "votes"
    assert look(str(path)).what.startswith("soft labels of 5 samples, 3 classes, 2 samples without")
    table.to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(InputError, match=r"votes=.*attributes="):
        look(str(tmp_path / "other.csv"))


@pytest.mark.parametrize("holds", ["counts", "percentages"])
def test_a_hundred_votes_or_percentages_is_said(tmp_path: Path, holds: str) -> None:
    path = tmp_path / "votes.npy"
    np.save(path, np.array([[60, 40], [100, 0]]))
    with pytest.raises(InputError, match="votes:percentages="):
        look(str(path))
    found = look(f"votes:{holds}={path}")
    assert found.facts["holds"] == holds
    answers = read_votes(path, {"holds": holds}).answers
    assert answers.tolist() == ([[60, 40], [100, 0]] if holds == "counts" else [[0.6, 0.4], [1, 0]])


def test_probabilities_alone_could_be_soft_labels(tmp_path: Path) -> None:
    path = tmp_path / "p.npy"
    np.save(path, np.full((30, 4), 0.25))
    with pytest.raises(InputError, match=r"votes=.*embeddings="):
        draft([look(str(path))], None, "")
    assert "embeddings: {file" in draft([look(f"embeddings={path}")], None, "").text


@pytest.mark.parametrize(
    ("table", "settings", "message"),
    [
        (
            "id,cat,dog\na,0.5,0.4\nb,1,0\nc,0.9,0\n",
            {},
            r"rows 0 \(id 'a'\), 2 .* sums 0\.9, 0\.9;",
        ),
        ("id,cat,dog\na,0.5,0.502\nb,1,0\n", {}, r"within 0\.001; rows 0 \(id 'a'\) have"),
        ("id,cat,dog\na,50,50\nb,99.5,0\n", {}, r"is 100, within 0\.1; rows 1 \(id 'b'\)"),
        ("id,cat,dog\na,50,50\nb,99,1\n", {}, "votes:counts=FILE or votes:percentages=FILE"),
        ("id,cat,dog\na,3,1\nb,1,0\n", {"holds": "probabilities"}, r"rows 0 .* sums 4;"),
        ("id,cat,dog\na,0.5,0.5\n", {"holds": "counts"}, r"'a'.*'cat': 0.5 votes"),
        ("id,choice,n\na,cat,0.5\na,dog,0.5\n", {"count": "n"}, r"'a'.*'cat': 0.5 votes"),
        ("id,cat,dog\na,-1,3\n", {}, r"'a'.*'cat': -1.0 votes"),
        ("id,cat,dog\na,,3\n", {}, r"'a'.*'cat': nan votes"),
        ("id,cat\na,1\n", {}, "1 classes"),
        ("id,colour\na,red\na,blue\n", {}, "`choice`"),
        ("id,choice\na,cat\na,\n", {}, "row 1 .*'choice'"),
        ("id,choice\na,cat\na,dog\na,dog\n,dog\n", {}, "row 3 has no id"),
        ("id,choice\na,cat\na,dog\n", {"choice": "vote"}, "'vote'"),
    ],
)
def test_votes_that_are_none_are_refused(
    tmp_path: Path, table: str, settings: dict[str, str], message: str
) -> None:
    (tmp_path / "v.csv").write_text(table)
    with pytest.raises(InputError, match=message):
        read_votes(tmp_path / "v.csv", settings)


def test_the_majority_is_the_first_class_on_a_tie() -> None:
    assert majority(COUNTS).tolist() == [0, 1, 2]


def test_a_class_that_nobody_could_vote_for_is_named() -> None:
    assert class_codes(["eel", "cat"], CLASSES, Path("l.csv")).tolist() == [2, 0]
    with pytest.raises(InputError, match=r"l.csv: .*'fox'.*cat, dog, eel"):
        class_codes(["cat", "fox"], CLASSES, Path("l.csv"))


N = 8


def cube(observers: int = 3, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.uniform(0.1, 1, (observers, N, N))
    values += values.transpose(0, 2, 1)
    values[:, np.arange(N), np.arange(N)] = 0
    return values


def test_squares_are_read_from_every_kind_of_file(tmp_path: Path) -> None:
    names = [f"s{i}" for i in range(N)]
    one = cube()[0]
    np.save(tmp_path / "x.npy", one)
    np.savez(tmp_path / "x.npz", d=one, ids=np.array(names))
    pd.DataFrame(one, columns=[f"{n}.png" for n in names], index=names).to_csv(
        tmp_path / "x.csv", index_label="image"
    )
    for name in ("x.npy", "x.npz", "x.csv"):
        found = read_square(tmp_path / name, {})
        np.testing.assert_allclose(found.values, one[None])
        assert (found.ids is None) == (name == "x.npy")
        assert found.ids is None or found.ids.tolist() == names


def changed(row: int, column: int, value: float) -> np.ndarray:
    values = cube()[0]
    values[row, column] = value
    return values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (changed(1, 2, 9.0), "x.npy: .*'1' and '2'"),
        (1e-9 * changed(1, 2, 0.5), "x.npy: .*'1' and '2'"),
        (changed(3, 3, 1.0), "'3' and '3', 1, is not 0"),
        (changed(1, 2, -1.0), "'1' and '2', -1, is negative"),
        (changed(1, 2, np.inf), "'1' and '2', inf, .*not finite"),
        (cube()[0][:, :-1], r"x.npy: .*\(8, 7\)"),
        (np.zeros(4), "x.npy: 4 numbers"),
        (np.zeros((2, 2, 3, 3)), "x.npy: .*shape"),
        (np.zeros((0, 0)), "x.npy: .*shape"),
        (np.array([["a"]]), "x.npy: .*square"),
        (np.corrcoef(cube()[0]), "x.npy: similarities .*`similarity: true`"),
    ],
)
def test_what_is_no_dissimilarity_is_refused(
    tmp_path: Path, values: np.ndarray, message: str
) -> None:
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(InputError, match=message):
        read_square(tmp_path / "x.npy", {})


def test_rounding_is_no_mistake(tmp_path: Path) -> None:
    """Up to 0.00001 of the largest value."""
    values = cube()[0] / cube()[0].max()
    values[0, 1] = values[1, 0] = 1.0
    values[3, 3] = 1e-5
    np.save(tmp_path / "x.npy", values)
    values[3, 3] = 0.0
    np.testing.assert_array_equal(read_square(tmp_path / "x.npy", {}).values[0], values)


def test_other_ids_above_than_beside_are_refused(tmp_path: Path) -> None:
    pd.DataFrame(np.zeros((2, 2)), columns=["a", "b"], index=["b", "a"]).to_csv(tmp_path / "x.csv")
    with pytest.raises(InputError, match=r"x.csv: "):
        read_square(tmp_path / "x.csv", {})


def observers() -> list[RDM]:
    from latent_microscope.custom.dissimilarity import Square

    ids = np.array([f"s{i}" for i in range(N)], dtype=object)
    return condensed(Square(ids, cube()), np.arange(N), ids)


def test_rows_are_taken_in_the_order_of_the_samples() -> None:
    from latent_microscope.custom.dissimilarity import Square

    order = np.array([4, 1, 6])
    ids = np.array(["p", "q", "r"], dtype=object)
    found = condensed(Square(None, cube()), order, ids)
    assert len(found) == 3
    wanted = squareform(cube()[1][np.ix_(order, order)], checks=False)
    np.testing.assert_allclose(found[1].values, wanted, rtol=1e-6)
    assert found[1].ids.tolist() == ["p", "q", "r"]


@pytest.mark.parametrize(
    ("method", "toolbox"), [("spearman", "spearman"), ("pearson", "corr"), ("rho-a", "rho-a")]
)
def test_ceilings_are_those_of_rsatoolbox(method: str, toolbox: str) -> None:
    rsatoolbox = pytest.importorskip("rsatoolbox.rdm")
    ceilings = pytest.importorskip("rsatoolbox.inference.noise_ceiling")
    people = observers()
    values = np.stack([one.values for one in people]).astype(np.float64)
    # Ties, and people who use the scale differently.
    values[1] = np.round(values[1], 1) * 7.0
    people = [RDM(row.astype(np.float32), people[0].ids) for row in values]
    values = np.stack([one.values for one in people]).astype(np.float64)
    wanted = ceilings.boot_noise_ceiling(rsatoolbox.RDMs(values), toolbox)
    assert observer_ceiling(people, method) == pytest.approx(wanted, abs=1e-6)
    model = rdm(np.random.default_rng(1).normal(size=(N, 3)), ids=people[0].ids)
    one = rsatoolbox.RDMs(model.values[None].astype(np.float64))
    score = rsatoolbox.compare(one, rsatoolbox.RDMs(values), toolbox).mean()
    assert observer_scores({"m": model}, people, method)[0] == pytest.approx(score, abs=1e-6)
    assert np.isnan(observer_ceiling(people[:1], method)).all()


@pytest.mark.parametrize("method", ["spearman", "pearson", "rho-a"])
def test_no_model_passes_the_upper_ceiling(method: str) -> None:
    random = np.random.default_rng(0)
    truth = rdm(random.normal(size=(12, 3)))
    scale = np.array([0.2, 1.0, 3.0, 8.0])[:, None]
    noisy = truth.values + scale * np.abs(random.normal(size=(4, len(truth))))
    people = [RDM(row.astype(np.float32)) for row in noisy]
    lower, upper = observer_ceiling(people, method)
    models = {str(i): RDM(row.astype(np.float32)) for i, row in enumerate(noisy)}
    models |= {"truth": truth, "mean": RDM(noisy.mean(axis=0).astype(np.float32))}
    scores = observer_scores(models, people, method)
    assert scores.max() <= upper + 1e-9
    assert lower < upper < 1


def test_the_table_has_value_interval_and_baseline() -> None:
    people = observers()
    random = np.random.default_rng(1)
    features = random.normal(size=(N, 3))
    models = {"m": rdm(features, ids=people[0].ids), "same": people[0]}
    labels = np.arange(N) % 2
    table, _ = similarity_table(people, models, labels, n_draws=50, seed=0)
    assert table["method"].tolist() == [m for m in ("spearman", "pearson", "rho-a") for _ in "ab"]
    first = table.iloc[0]

    def mean(function: Callable, model: RDM) -> float:
        return float(np.mean([function(model.values, one.values)[0] for one in people]))

    assert first["value"] == pytest.approx(mean(spearmanr, models["m"]), abs=1e-6)
    assert table["value"][2] == pytest.approx(mean(pearsonr, models["m"]), abs=1e-5)
    assert first["low"] <= first["value"] <= first["high"]
    each = [bootstrap_compare(models, one, n_draws=50) for one in people]
    drawn = np.array([one.draws[:, 0] for one in each])
    places = stream(0, "bootstrap_observers").integers(0, 3, (50, 3))
    both = [np.mean([drawn[o, draw] for o in row]) for draw, row in enumerate(places)]
    images = np.var(drawn.mean(axis=0), ddof=1)
    others = np.var([one.scores["score"][0] for one in each], ddof=1) / 3
    variance = 2 * (images + others) - np.var(both, ddof=1)  # Schütt et al. 2023
    least, most = max(images, others), max(np.var(both, ddof=1), images, others)
    assert first["sd"] == pytest.approx(np.clip(variance, least, most) ** 0.5)
    assert first["high"] - first["value"] == pytest.approx(t.ppf(0.975, 2) * first["sd"])
    assert (table["value"] <= table["ceiling_upper"] + 1e-9).all()
    label = label_rdm(labels, people[0].ids)
    wanted = mean(spearmanr, label)
    assert first["label_only"] == pytest.approx(wanted, abs=1e-6)
    assert np.isfinite(first["partial_label"])
    assert (table["n_observers"] == 3).all()
    alone, _ = similarity_table(people[:1], models, None, n_draws=0, seed=0)
    assert alone[["low", "high", "label_only", "ceiling_lower"]].isna().all().all()
