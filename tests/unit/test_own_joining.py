"""Joining by id: nothing is lost without a word."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latent_microscope.custom.joining import Joining, Source, joined_ids, match
from latent_microscope.custom.orders import better_order
from latent_microscope.custom.study import rows_of
from latent_microscope.custom.votes import read_votes
from latent_microscope.errors import InputError

IDS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True)


def source(name: str, ids: list[str] | None, count: int = 0, **more: str) -> Source:
    array = None if ids is None else np.array(ids, dtype=object)
    return Source(name, f"{name}.csv", len(ids) if ids else count, array, more or None)


@given(IDS, IDS, IDS)
def test_ids_are_those_of_all_files_in_the_order_of_the_first(
    a: list[str], b: list[str], c: list[str]
) -> None:
    sources = [source("one", a), source("two", b), source("three", c)]
    ids, files, unmatched = match(sources)
    wanted = [i for i in a if i in b and i in c]
    assert ids["id"][ids["complete"]].tolist() == wanted
    assert set(unmatched["id"]) == (set(a) | set(b) | set(c)) - set(wanted)
    for name, own in (("one", a), ("two", b), ("three", c)):
        lacking = set(unmatched["id"][unmatched["missing_from"].str.contains(name)])
        assert lacking == (set(a) | set(b) | set(c)) - set(own)
    assert (files["matched"] == len(wanted)).all()
    assert files["alone"].tolist() == [len(x) - len(wanted) for x in (a, b, c)]


def test_rows_without_ids_follow_the_first_file_that_has_some() -> None:
    sources = [source("z", None, 3), source("t", ["c", "a", "b"]), source("u", ["a", "b", "c"])]
    with pytest.raises(InputError, match=r"z.csv: has no ids.*`join: position`"):
        match(sources)
    ids, files, unmatched = match(sources, Joining(by_position=True))
    assert ids["id"].tolist() == ["c", "a", "b"]
    assert ids["position"].tolist() == [0, 1, 2]
    assert files["joined_by"].tolist() == ["position", "id", "id"]
    assert unmatched.empty


def test_without_any_ids_rows_are_numbered() -> None:
    ids, _, _ = match([source("z", None, 11), source("t", None, 11)])
    assert ids["id"].tolist() == [f"{i:02d}" for i in range(11)]


def test_another_number_of_rows_is_refused() -> None:
    with pytest.raises(InputError, match=r"z.csv: 4 rows .*t.csv has 3 rows"):
        match([source("z", None, 4), source("t", ["a", "b", "c"])], Joining(by_position=True))


def refusal(sources: list[Source]) -> str:
    with pytest.raises(InputError) as caught:
        joined_ids(*match(sources), drop=False, listed="unmatched.csv")
    return str(caught.value)


def test_what_does_not_match_is_an_error_that_names_it() -> None:
    sources = [source("one", list("abcd")), source("two", list("ab"))]
    message = refusal(sources)
    for fact in (
        "two.csv: does not contain 2 of 4 ids",
        "'c', 'd'",
        "unmatched.csv",
        "`unmatched: drop`",
    ):
        assert fact in message
    kept = joined_ids(*match(sources), drop=True, listed="unmatched.csv")
    assert kept.tolist() == ["a", "b"]


def test_an_empty_cell_does_not_match_either() -> None:
    sources = [source("one", list("abc")), source("two", list("abc"), b="age")]
    assert "two.csv: has an empty cell in 'age' for 1 of 3 ids, first 'b'" in refusal(sources)
    _, files, unmatched = match(sources)
    assert unmatched.to_dict("list") == {"id": ["b"], "missing_from": ["two: age"]}
    assert files["missing"].tolist() == [0, 1]
    assert joined_ids(*match(sources), drop=True, listed="x").tolist() == ["a", "c"]


def test_an_empty_cell_of_a_file_without_ids_is_found_by_position() -> None:
    sources = [source("one", list("abc")), Source("two", "two.csv", 3, None, {"2": "age"})]
    _, _, unmatched = match(sources, Joining(by_position=True))
    assert unmatched["id"].tolist() == ["c"]


def test_no_common_id_is_said_with_both_spellings() -> None:
    for drop in (True, False):
        with pytest.raises(InputError, match=r"one.csv and two.csv: .*'x1'.*'7'"):
            joined_ids(*match([source("one", ["x1"]), source("two", ["7"])]), drop=drop, listed="u")


def test_tables_have_plain_types() -> None:
    ids, files, unmatched = match([source("one", ["a"]), source("two", ["a"])])
    assert unmatched.empty
    for frame in (ids, files, unmatched):
        assert "object" not in {str(kind) for kind in frame.dtypes}


@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("zeros", ["00012", "00000", "00120"], ["12", "0", "120"]),
        ("zeros", ["img_007", "img_010", "img_100"], ["img_7", "img_10", "img_100"]),
        ("case", ["Anna", "Bo", "Cy"], ["anna", "BO", "cy"]),
        ("ending", ["a.npz", "b.npz", "c.v2"], ["a", "b", "c"]),
        ("folder", ["x/a", "y/b", "c"], ["a", "b", "z/c"]),
        ("unicode", ["caf\u00e9", "na\u00efve", "x"], ["cafe\u0301", "nai\u0308ve", "x"]),
    ],
)
def test_the_switch_that_joins_other_spellings_is_named(
    name: str, one: list[str], two: list[str]
) -> None:
    sources = [source("one", one), source("two", two[::-1])]
    assert f"`ignoring: [{name}]`" in refusal(sources)
    tables = match(sources, Joining(ignoring=(name,)))
    assert joined_ids(*tables).tolist() == one
    first, second = (np.array(ids, dtype=object) for ids in (one, two[::-1]))
    assert rows_of(second, first, Path("two.csv"), [name]).tolist() == [2, 1, 0]


def test_two_ids_that_become_one_are_refused() -> None:
    with pytest.raises(InputError, match=r"one\.csv: '007' and '7' are the same id"):
        match([source("one", ["007", "7"])], Joining(ignoring=("zeros",)))


def test_samples_without_votes_are_listed_and_no_error(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": list("abc"), "cat": [1, 0, 2], "dog": [3, 0, 0]})
    table.to_csv(tmp_path / "votes.csv", index=False)
    votes = read_votes(tmp_path / "votes.csv", {}).source(tmp_path / "votes.csv")
    tables = match([votes, source("z", list("abc"))])
    assert joined_ids(*tables).tolist() == ["a", "c"]
    assert tables[2].to_dict("list") == {"id": ["b"], "missing_from": ["votes: no votes"]}
    with pytest.raises(InputError, match="does not contain 1 of 4 ids, first 'd'"):
        joined_ids(*match([votes, source("z", list("abcd"))]), listed="u")


def orders(labels: np.ndarray, noise: float) -> np.ndarray:
    random = np.random.default_rng(0)
    return np.where(random.random(len(labels)) < noise, random.integers(0, 5, len(labels)), labels)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, _: x, ""),
        (lambda x, _: np.roll(x, 1), "shifted up by one"),
        (lambda x, _: np.roll(x, -1), "shifted down by one"),
        (lambda x, _: x[::-1], "reversed"),
        (lambda x, y: x[np.argsort(y, kind="stable")], "sorted by label"),
        (lambda x, _: np.random.default_rng(1).permutation(x), ""),
    ],
)
def test_rows_in_another_order_are_noticed(change: object, words: str) -> None:
    labels = np.random.default_rng(2).integers(0, 5, 300)
    found = better_order(change(orders(labels, 0.4), labels), labels)  # type: ignore[operator]
    assert words in found
    assert bool(found) == bool(words)


def test_order_is_not_doubted_by_chance() -> None:
    random = np.random.default_rng(4)
    pairs = [(random.integers(0, 3, 60), random.integers(0, 3, 60)) for _ in range(300)]
    assert not any(better_order(a, b) for a, b in pairs)
