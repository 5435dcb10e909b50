"""What a matrix means: found from its numbers, refused where they could mean two things."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

from latent_microscope.custom.arrays import read_rows
from latent_microscope.custom.dissimilarity import condensed, read_square
from latent_microscope.custom.externals import model_rows
from latent_microscope.custom.looking import look
from latent_microscope.custom.meaning import kind_of_outputs, kind_of_square, whole_square
from latent_microscope.errors import InputError
from latent_microscope.files.contents import Entry, entry_of
from latent_microscope.similarity.behaviour import softmax
from latent_microscope.similarity.observers import observer_ceiling, observer_scores, pooled
from latent_microscope.similarity.rdms import RDM
from latent_microscope.tables.dissimilarity import similarity_table

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(12, 30))
DISTANCES = squareform(pdist(X))
LOGITS = RANDOM.normal(size=(50, 4)) * 3


def entry(values: np.ndarray) -> Entry:
    return entry_of("", values, Path("z.npy"))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (1 - np.corrcoef(X), "dissimilarity"),
        (np.corrcoef(X), "similarity"),
        (np.corrcoef(X) * 7, "similarity"),
        (X @ X.T, None),
        (np.triu(DISTANCES), "triangle"),
        (np.where(np.tri(12, k=-1, dtype=bool), DISTANCES, np.nan), "triangle"),
        (np.where(np.eye(12, dtype=bool), np.nan, DISTANCES), "dissimilarity"),
        (DISTANCES.astype(np.float16), "dissimilarity"),
        (X[:, :12], None),
        (DISTANCES - DISTANCES.max(), None),
    ],
)
def test_squares(values: np.ndarray, kind: str | None) -> None:
    assert kind_of_square(values) == kind


@pytest.mark.parametrize(
    "write",
    [
        lambda p: np.save(p, DISTANCES),
        lambda p: np.save(p, np.triu(DISTANCES)),
        lambda p: np.save(p, np.where(np.tri(12, k=-1, dtype=bool), DISTANCES, np.nan)),
        lambda p: np.save(p, pdist(X)),
        lambda p: np.save(p, np.where(np.eye(12, dtype=bool), np.nan, DISTANCES)),
        lambda p: np.save(p, DISTANCES + 1e-9 * RANDOM.normal(size=(12, 12))),
    ],
)
def test_dissimilarities_in_other_forms(tmp_path: Path, write: object) -> None:
    write(tmp_path / "d.npy")  # type: ignore[operator]
    assert look(str(tmp_path / "d.npy")).role == "dissimilarity"
    found = read_square(tmp_path / "d.npy", {}).values[0]
    np.testing.assert_allclose(found, DISTANCES, atol=1e-7)
    assert (np.diag(found) == 0).all()


def test_similarities_need_a_word(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.corrcoef(X))
    with pytest.raises(InputError, match=r"similarity=.*s\.npy .*embeddings=.*s\.npy"):
        look(str(tmp_path / "s.npy"))
    found = look(f"similarity={tmp_path / 's.npy'}")
    assert (found.role, found.facts) == ("dissimilarity", {"similarity": True})
    values = read_square(tmp_path / "s.npy", {"similarity": True}).values[0]
    np.testing.assert_allclose(values, 1 - np.corrcoef(X), atol=1e-12)


@pytest.mark.parametrize("form", ["whole", "condensed", "upper", "lower", "zeros", "missing"])
def test_similarities_in_other_forms(tmp_path: Path, form: str) -> None:
    whole = np.corrcoef(X)
    forms = {
        "whole": whole,
        "condensed": squareform(whole, checks=False),
        "upper": np.triu(whole),
        "lower": np.where(np.tri(12, dtype=bool), whole, np.nan),
        "zeros": whole - np.diag(np.diag(whole)),
        "missing": np.where(np.eye(12, dtype=bool), np.nan, whole),
    }
    for values in (forms[form], np.stack([forms[form], forms[form] / 2])):
        np.save(tmp_path / "s.npy", values)
        found = read_square(tmp_path / "s.npy", {"similarity": True}).values
        expected = [(1 - whole / scale) * (1 - np.eye(12)) for scale in (1, 2)]
        np.testing.assert_allclose(found, expected[: len(found)], atol=1e-12)
    np.save(tmp_path / "s.npy", 7 * whole)
    with pytest.raises(InputError, match="is above 1; divide similarities by their largest"):
        read_square(tmp_path / "s.npy", {"similarity": True})


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (LOGITS, "logits"),
        (softmax(LOGITS), "probabilities"),
        (softmax(LOGITS).astype(np.float16), "probabilities"),
        (softmax(LOGITS).round(3), "probabilities"),
        (softmax(LOGITS) * 100, "percentages"),
        (np.log(softmax(LOGITS)), "log-probabilities"),
        (1 / (1 + np.exp(-LOGITS)), None),
        (np.abs(LOGITS), "logits"),
    ],
)
def test_outputs_of_classifiers(values: np.ndarray, kind: str | None) -> None:
    assert kind_of_outputs(entry(values)) == kind


@pytest.mark.parametrize("holds", ["logits", "probabilities", "log-probabilities", "percentages"])
def test_no_softmax_is_taken_twice(tmp_path: Path, holds: str) -> None:
    true = softmax(LOGITS)
    given = {
        "logits": LOGITS,
        "probabilities": true,
        "log-probabilities": np.log(true),
        "percentages": 100 * true,
    }
    path = tmp_path / "z.npy"
    np.save(path, given[holds])
    found, order = read_rows(path), np.arange(50)
    ids = order.astype(str).astype(object)
    np.testing.assert_allclose(softmax(model_rows(found, order, ids, path, holds)), true, atol=1e-6)
    wrong = "probabilities" if holds in ("logits", "log-probabilities") else "logits"
    with pytest.raises(InputError, match=rf"z\.npy: .*holds: {holds}"):
        model_rows(found, order, ids, path, wrong)


def observers(missing: float) -> list[RDM]:
    people = [pdist(X + RANDOM.normal(size=X.shape)) for _ in range(4)]
    people = [np.where(RANDOM.random(66) < missing, np.nan, one) for one in people]
    return [RDM(one) for one in people]


def test_missing_pairs_are_left_out_and_counted() -> None:
    people, model = observers(0.2), RDM(pdist(X))
    known = [np.isfinite(one.values) for one in people]
    expected = [
        spearmanr(model.values[here], one.values[here]).statistic
        for one, here in zip(people, known, strict=True)
    ]
    found = observer_scores({"m": model}, people, "spearman")[0]
    assert found == pytest.approx(np.mean(expected), abs=1e-6)
    table, _ = similarity_table(people, {"m": model}, None, n_draws=20, seed=0)
    assert (table["n_missing"] == sum((~one).sum() for one in known)).all()
    assert (table["n_pairs"] == np.any(known, axis=0).sum()).all()
    assert np.isfinite(table[["value", "low", "high", "ceiling_lower", "ceiling_upper"]]).all(
        axis=None
    )


def test_the_ceiling_of_incomplete_observers_is_over_the_pairs_that_both_judged() -> None:
    people = observers(0.1)
    whole = pooled(people, "pearson")
    both = [np.isfinite(one.values) & np.isfinite(whole) for one in people]
    upper = [
        pearsonr(one.values[here], whole[here]).statistic
        for one, here in zip(people, both, strict=True)
    ]
    assert observer_ceiling(people, "pearson")[1] == pytest.approx(np.mean(upper), abs=1e-6)


def test_a_pair_that_is_missing_on_one_side_is_known(tmp_path: Path) -> None:
    values = DISTANCES.copy()
    values[2, 5] = np.nan
    values[7, 3] = values[3, 7] = np.nan
    np.save(tmp_path / "d.npy", values)
    square = read_square(tmp_path / "d.npy", {})
    one = condensed(square, np.arange(12), np.arange(12).astype(str).astype(object))[0]
    assert np.isnan(one.values).sum() == 1
    assert square.values[0][2, 5] == DISTANCES[2, 5]
    assert "1 pairs missing" in look(str(tmp_path / "d.npy")).what


def hugging_face(path: Path, n: int = 20) -> None:
    """Images, embeddings, labels and unique texts in one file."""
    buffer = io.BytesIO()
    Image.new("RGB", (9, 8)).save(buffer, "PNG")
    cells = [{"bytes": buffer.getvalue(), "path": f"{k}.png"} for k in range(n)]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(3.0 * n)), 3)
    keys = [f"k{k}" for k in range(n)]
    columns = {"image": cells, "embedding": vectors, "label": np.arange(n) % 4, "key": keys}
    pq.write_table(pa.table(columns), path)


def test_one_file_with_everything(tmp_path: Path) -> None:
    hugging_face(tmp_path / "hf.parquet")
    given = str(tmp_path / "hf.parquet")
    found = look(given)
    assert (found.role, found.count) == ("images", 20)
    assert "without embedding, label" in found.what
    parts = [look(f"{role}={given}") for role in ("images", "embeddings", "attributes")]
    assert [part.role for part in parts] == ["images", "embeddings", "attributes"]
    for part in parts[:2]:
        assert part.ids is not None
        assert part.ids.tolist() == [f"k{k}" for k in range(20)]
    assert parts[2].facts["types"]["label"][0] == "categorical"


@pytest.mark.parametrize(("columns", "role"), [(9, None), (70, "matrix")])
def test_numbered_columns_of_whole_numbers(tmp_path: Path, columns: int, role: str | None) -> None:
    values = RANDOM.integers(-5, 5, size=(80, columns))
    path = tmp_path / "q.csv"
    names = [f"q{k}" for k in range(columns)]
    pd.DataFrame(values, columns=names).to_csv(path, index=False)
    if role is None:
        with pytest.raises(InputError, match=r"say embeddings=.* or attributes="):
            look(str(path))
        assert look(f"attributes={path}").role == "attributes"
    else:
        assert look(str(path)).role == role
    assert look(f"embeddings={path}").facts["columns"] == columns


def test_pooled_ranks_of_incomplete_observers_are_shares_of_their_pairs() -> None:
    people = [RDM(np.array([1.0, 2.0, np.nan])), RDM(np.array([3.0, 1.0, 2.0]))]
    expected = [(1 / 3 + 3 / 4) / 2, (2 / 3 + 1 / 4) / 2, 2 / 4]
    np.testing.assert_allclose(pooled(people, "spearman"), expected)


@pytest.mark.parametrize("observers", [1, 2, 11])
def test_condensed_dissimilarities_of_observers(tmp_path: Path, observers: int) -> None:
    pairs = RANDOM.random((observers, 55))  # of 11 samples
    np.save(tmp_path / "d.npy", pairs)
    found = read_square(tmp_path / "d.npy", {}).values
    np.testing.assert_allclose(found, np.stack([squareform(one) for one in pairs]))


def test_a_triangle_with_missing_pairs_is_completed() -> None:
    half = np.triu(DISTANCES, 1)
    half[2, 5] = np.nan
    for one in (half, half.T):
        found = whole_square(one)
        assert np.argwhere(np.isnan(found)).tolist() == [[2, 5], [5, 2]]
        np.testing.assert_allclose(np.nan_to_num(found), np.nan_to_num(half + half.T))
