"""The explorer's parts: arrays in a page, columns, lists."""

import base64
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latent_microscope.errors import InputError
from latent_microscope.explorer.columns import (
    attribute_columns,
    category,
    packed,
    packed_positions,
    sample_columns,
)
from latent_microscope.explorer.lists import largest, ranked_lists
from latent_microscope.explorer.page import embedded_json
from latent_microscope.explorer.sprites import ON_A_SHEET, sheets


@given(st.text(), st.lists(st.text(), max_size=5))
def test_embedded_json_holds_any_text_and_no_markup(key: str, texts: list[str]) -> None:
    content = {key: texts}
    text = embedded_json(content)
    assert json.loads(text) == content
    assert not set(text) & set("<>&\u2028\u2029")


def test_embedded_json_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        embedded_json([float("nan")])


@pytest.mark.parametrize(
    ("largest_value", "name"), [(0, "u1"), (255, "u1"), (256, "u2"), (65535, "u2"), (65536, "u4")]
)
def test_whole_numbers_take_the_narrowest_type(largest_value: int, name: str) -> None:
    array = packed(np.array([0, largest_value]))
    assert array["type"] == name
    raw = base64.b64decode(array["data"])
    assert np.frombuffer(raw, dtype=f"<{name}").tolist() == [0, largest_value]


def test_floats_keep_nan() -> None:
    raw = base64.b64decode(packed(np.array([1.5, np.nan]))["data"])
    np.testing.assert_array_equal(np.frombuffer(raw, dtype="<f4"), [1.5, np.nan])


def test_one_place_for_all_images_is_a_map_too() -> None:
    made = packed_positions(np.full((4, 2), 3.0))
    assert made["low"] == [3.0, 3.0]
    assert set(base64.b64decode(made["data"])) == {0}


def test_levels_are_by_frequency_then_name_and_missing_is_one() -> None:
    made = category("x", pd.Series(["b", "a", None, "b", "c", 2.0]), "label")
    assert made.levels == ["b", "2", "a", "c", "unknown"]
    assert made.values.tolist() == [0, 2, 4, 0, 3, 1]


def test_attributes_of_all_kinds() -> None:
    table = pd.DataFrame(
        {
            "id": list("abcd"),
            "sign": [1, -1, -1, 1],
            "flag": [True, False, True, True],
            "age": [20.0, np.nan, 31.0, 44.0],
            "hair": ["fair", "black", None, "black"],
        }
    )
    made = {column.title: column for column in attribute_columns(table)}
    assert list(made) == [
        "sign",
        "flag",
        "age",
        "hair",
        "hair: black",
        "hair: fair",
        "hair: unknown",
    ]
    assert made["sign"].values.tolist() == [True, False, False, True]
    assert made["hair: black"].values.tolist() == [False, True, False, True]
    assert [made[name].group for name in ("sign", "age", "hair")] == ["attribute", "score", "label"]


def test_levels_in_columns_of_their_own_are_a_category_again() -> None:
    levels = {"digit=0": [1, 0, 0], "digit=1": [0, 1, 0], "a=1": [1, 1, 0], "a=2": [1, 0, 0]}
    table = pd.DataFrame({"id": list("abc"), **levels, "b=1": [1, 0, 1]})
    made = {column.title: column for column in attribute_columns(table)}
    assert list(made) == ["digit", "digit=0", "digit=1", "a=1", "a=2", "b=1"]
    assert made["digit"].levels == ["0", "1", "unknown"]
    assert made["digit"].values.tolist() == [0, 1, 2]


def test_people_have_the_names_that_the_user_gave() -> None:
    table = pd.DataFrame({"id": ["a", "b", "c"], "identity": [1, 0, -1]})
    named = table.assign(identity_name=["17", "4", np.nan])
    (column,) = sample_columns(named)
    assert (column.name, column.levels) == ("identity", ["17", "4", "unknown"])
    (column,) = sample_columns(table)
    assert column.levels == ["0", "1", "unknown"]


def test_samples_without_known_people_have_no_identity() -> None:
    table = pd.DataFrame({"id": ["a", "b"], "identity": [-1, -1], "label": [0, 1]})
    table["label_name"] = ["cat", "dog"]
    assert [column.name for column in sample_columns(table)] == ["label_name"]


def test_lists_rank_ties_by_row_and_leave_out_nan() -> None:
    assert largest(np.array([1.0, np.nan, 3.0, 3.0])).tolist() == [2, 3, 0]
    with pytest.raises(InputError, match=r"rankings.*'z'"):
        list(
            ranked_lists(
                pd.DataFrame({"list": ["creative"], "rank": [0], "id": ["z"]}), {}, {"a": 0}
            )
        )


def test_a_sheet_is_full_at_256() -> None:
    images = np.zeros((ON_A_SHEET + 1, 4, 4, 1), dtype=np.uint8)
    made = sheets(images, 4, 50)
    assert len(made.files) == 2
    assert made.files == sheets(images, 4, 50).files
    with pytest.raises(InputError, match="float64"):
        sheets(np.zeros((2, 4, 4, 3)), 4, 50)
