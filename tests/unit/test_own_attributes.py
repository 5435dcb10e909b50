"""Attributes of unknown origin: types found, categories and numbers as 0/1 columns."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latent_microscope.custom.attributes import Encoding, column_of, encode, found_type
from latent_microscope.errors import InputError

FILE = Path("people.csv")


def table(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["0", "1", "1"], "binary"),
        (["-1", "1", "1"], "binary"),
        ([0.0, 1.0, 1.0], "binary"),
        ([True, False, True], "binary"),
        (["Yes", "no", "no"], "binary"),
        (["m", "f", "f"], "binary"),
        (["1", "2", "2"], "categorical"),
        ([str(i % 10) for i in range(40)], "categorical"),
        ([str(i % 13) for i in range(40)], "numeric"),
        (["0.5", "1.5", "2"], "numeric"),
        (["1e3", "-2", "7.5"], "numeric"),
        (["a", "b", "c"], "categorical"),
        ([f"t{i}" for i in range(21)], "text"),
        ([f"t{i % 21}" for i in range(42)], "categorical"),
        ([f"t{min(i, 51)}" for i in range(100)], "text"),
        ([f"t{min(i, 50)}" for i in range(100)], "categorical"),
        (["x", "x", "x"], "constant"),
        ([None, None], "constant"),
        ([None, "x", "y"], "binary"),
    ],
)
def test_types_are_found(cells: list[object], kind: str) -> None:
    assert found_type(column_of(table(a=cells), "a")) == kind


def test_every_type_becomes_0_and_1() -> None:
    ones, numbers, classes, done = encode(
        table(
            hat=["yes", "no", "yes", "no"],
            sex=["m", "f", "f", "m"],
            town=["Ulm", "Bonn", "Jena", "Ulm"],
            age=["20", "31.5", "40", "50"],
            size=["1", "2", "3", "4"],
        ),
        Encoding(types={"size": "numeric"}, thresholds={"age": 45}),
        FILE,
    )
    assert ones.to_dict("list") == {
        "hat": [1, 0, 1, 0],
        "sex=m": [1, 0, 0, 1],
        "town=Bonn": [0, 1, 0, 0],
        "town=Jena": [0, 0, 1, 0],
        "town=Ulm": [1, 0, 0, 1],
        "age>45": [0, 0, 0, 1],
        "size>2.5": [0, 0, 1, 1],
    }
    assert (ones.dtypes == np.uint8).all()
    assert numbers.to_dict("list") == {"age": [20, 31.5, 40, 50], "size": [1, 2, 3, 4]}
    assert classes.to_dict("list") == {"town": ["Ulm", "Bonn", "Jena", "Ulm"]}
    rows = done.set_index("attribute")
    assert rows.loc["age>45", "rule"] == "> 45, from the config"
    assert rows.loc["size>2.5", "rule"] == "> 2.5, the median"
    assert rows["declared"].to_dict() == {
        name: name.startswith(("age", "size")) for name in ones.columns
    }
    assert rows["positives"].tolist() == ones.sum().tolist()


@pytest.mark.parametrize("count", [2, 10, 100, 1000, 9140])
def test_many_categories_become_classes_and_are_listed(count: int) -> None:
    cells: list[object] = [f"t{i % count}" for i in range(max(20, 2 * count))]
    ones, _, classes, done = encode(table(a=cells), Encoding(), FILE)
    assert len(ones) == len(cells)
    assert ones.shape[1] == {2: 1, 10: 10}.get(count, 0)
    assert classes.shape[1] == (count > 2)
    assert count == 2 or classes["a"].tolist() == cells
    assert len(done) == max(ones.shape[1], 1)
    assert done["positives"].isna().all() == (count > 20)
    assert count <= 20 or f"{count} values, more than max_categories (20)" in done["rule"][0]


def test_texts_of_their_own_can_be_declared_categories() -> None:
    cells: list[object] = [f"t{i}" for i in range(30)]
    _, _, classes, _ = encode(table(a=cells), Encoding(types={"a": "categorical"}), FILE)
    assert classes["a"].nunique() == 30


def test_the_rule_of_a_number_divides_as_its_attribute_does() -> None:
    """Six digits of this median, 4.89062, are below it: it would count as above itself."""
    cells: dict[str, list[object]] = {
        "ink": [4.875, 4.890625, 4.90625],
        "year": [20250811, 20250812, 20250813],
    }
    ones, _, _, done = encode(table(**cells), Encoding(thresholds={"year": 20250811}), FILE)
    assert ones.to_dict("list") == {"ink>4.890625": [0, 0, 1], "year>20250811": [0, 1, 1]}
    assert done["rule"].tolist() == ["> 4.890625, the median", "> 20250811, from the config"]
    # Between the middle two of these six digits are enough.
    long: list[object] = [0.1 + 0.2, 0.7, 0.123456789, 0.9]
    assert list(encode(table(a=long), Encoding(), FILE)[0]) == ["a>0.5"]


def test_a_median_that_is_the_largest_value_still_divides() -> None:
    ones, _, _, done = encode(table(a=["0.5", "2", "2", "2"]), Encoding(), FILE)
    assert ones.to_dict("list") == {"a>=2": [0, 1, 1, 1]}
    assert done["rule"].tolist() == [">= 2, the median"]


@pytest.mark.parametrize(
    ("cells", "encoding", "message"),
    [
        (["x", "x"], Encoding(), "'a' .*'x'.*`skip`"),
        ([f"t{i}" for i in range(30)], Encoding(), "'a' .*30 values.*`skip`.*`types`"),
        (["a", "b", "c"], Encoding(types={"a": "binary"}), "'a' .*binary.*3 values"),
        (["1", "b", "c"], Encoding(types={"a": "numeric"}), "'a' .*numeric.*'b'"),
        (["1", "b", "c"], Encoding(thresholds={"a": 2}), "'a' .*numeric.*'b'"),
        ([*map(str, range(30)), "inf"], Encoding(), "'a' is infinite in some rows.*`skip`"),
        (["1.5", "2", "3"], Encoding(thresholds={"a": 9}), "'a' .*9.*`thresholds`"),
        (["1", "2", "3"], Encoding(types={"b": "numeric"}), "'b'"),
    ],
)
def test_what_cannot_be_encoded_is_one_sentence(
    cells: list[object], encoding: Encoding, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        encode(table(a=cells), encoding, FILE)
    assert str(caught.value).startswith("people.csv: ")


def test_two_attributes_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="'a=y'"):
        encode(pd.DataFrame({"a": ["x", "y"], "a=y": ["0", "1"]}), Encoding(), FILE)


@given(st.lists(st.sampled_from(["red", "green", "blue", "7"]), min_size=4, max_size=30))
def test_categories_divide_the_samples(cells: list[str]) -> None:
    if len(set(cells)) < 3:
        return
    ones, _, _, done = encode(table(colour=list(cells)), Encoding(), FILE)
    assert (ones.sum(axis=1) == 1).all()
    assert [f"colour={c}" for c in sorted(set(cells))] == list(ones.columns)
    assert done["share"].sum() == pytest.approx(1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=40, unique=True))
def test_the_median_puts_half_above_it(values: list[float]) -> None:
    cells: list[object] = [repr(v) for v in values]
    ones, numbers, _, _ = encode(table(x=cells), Encoding(types={"x": "numeric"}), FILE)
    assert int(ones.iloc[:, 0].sum()) == len(values) // 2
    np.testing.assert_array_equal(numbers["x"], values)
