"""Studies with ``anonymise``: codes for ids and people everywhere, and nothing that undoes them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from step_helpers import load  # type: ignore[import-not-found]
from tests.readable import readable

import collect_judgements
import encode_attributes
import import_embeddings
import import_features
import join_samples
import match_ids
import pack_images
from latent_microscope.custom.anonymous import person_codes, require_no_names, with_codes
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy

PEOPLE = ["Anna Schmidt", "Bülent Öz", "Chloé", "李娜", "O'Neill", "Zoë van Dam"]
N = 30
WHO = [PEOPLE[row % 6] for row in range(N)]
IDS = [f"{WHO[row]}_{row:02d}" for row in range(N)]
VALUES = np.stack([np.arange(N), np.arange(N) % 7], axis=1).astype(float)
SETTINGS: dict[str, Any] = {
    "embeddings": {"array": None, "id": None},
    "images": {"ids": "name"},
    "attributes": {"id": None, "skip": ["who"]},
    "identities": {"id": None, "column": "who"},
    "labels": {"id": None, "column": "town"},
    "votes": {"id": None},
}
ENCODING = {**SETTINGS["attributes"], "types": {}, "thresholds": {}, "max_categories": 20}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Embeddings, attributes with identities, images, votes; ids are file names with names."""
    own = tmp_path / "own"
    (own / "photos").mkdir(parents=True)
    np.savez(own / "z.npz", z=VALUES, ids=np.array(IDS))
    table = pd.DataFrame({"id": IDS, "town": np.array(["Ulm", "Jena"])[np.arange(N) % 2]})
    table = table.assign(age=np.arange(N) + 0.5, who=WHO)
    table.iloc[::-1].to_csv(own / "t.csv", index=False)
    votes = pd.DataFrame({"id": IDS, "Jena": np.arange(N) % 3, "Ulm": 2})
    votes.to_csv(own / "votes.csv", index=False)
    for row, name in enumerate(IDS):
        Image.new("L", (8, 8), 8 * row).save(own / f"photos/{name}.png")
    return {"embeddings": own / "z.npz", "attributes": own / "t.csv", "images": own / "photos"} | {
        "votes": own / "votes.csv"
    }


def made(files: dict[str, Any], folder: Path, seed: int = 7, **more: Any) -> Path:
    """All steps that read the user's files; returns the folder of their results."""
    results, private = folder / "results", folder / "private/ids.parquet"
    outputs: dict[str, Any] = {
        f"{name}{csv}": results / f"{name}.{csv.strip('_') or 'parquet'}"
        for name in ("files", "unmatched")
        for csv in ("", "_csv")
    }
    table = files["attributes"]
    own: dict[str, Any] = {"identities": table, "labels": table}
    codes: dict[str, Any] = {"code_seed": seed}
    match_ids.main(ids=private, settings=SETTINGS, **outputs, **files, **own, **codes)
    samples = results / "samples.parquet"
    join_samples.main(
        ids=private, files=outputs["files"], unmatched=outputs["unmatched"],
        listed=outputs["unmatched_csv"], samples=samples, settings=SETTINGS, attributes=table,
        votes=files["votes"], **own, **more,
    )  # fmt: skip
    both: dict[str, Any] = {"ids": private, "samples": samples}
    import_embeddings.main(
        embeddings=files["embeddings"], latents=results / "latents.npy",
        encoding=results / "encoding.parquet", settings=SETTINGS["embeddings"], **both,
    )  # fmt: skip
    import_features.main(
        file=files["embeddings"], features=results / "f.npy", feature_ids=results / "f.parquet",
        **both,
    )  # fmt: skip
    encode_attributes.main(
        table=table, attributes=results / "attributes.parquet", numbers=results / "numbers.parquet",
        classes=results / "classes.parquet", report=results / "report.parquet",
        report_csv=results / "report.csv", settings=ENCODING,
        **both,
    )  # fmt: skip
    pack_images.main(
        source=files["images"], images=results / "images.npy", settings=SETTINGS["images"], size=8,
        **both,
    )  # fmt: skip
    collect_judgements.main(
        source=files["votes"], votes=results / "votes.parquet", settings=SETTINGS["votes"], **both
    )
    return results


def words_of_people() -> set[str]:
    return {word for name in PEOPLE for word in re.findall(r"\w{3,}|[^\x00-\x7f]+\w*", name)}


def test_no_name_is_in_the_results_and_the_key_is_beside_them(
    files: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results = made(files, tmp_path)
    everything = readable(results) + caplog.text.casefold()
    assert {"Anna", "Schmidt", "Chloé", "李娜", "Neill"} <= words_of_people()
    assert [w for w in words_of_people() if w.casefold() in everything] == []
    key = load(tmp_path / "private/ids.parquet")
    assert sorted(key["id"]) == sorted(IDS)
    assert key["code"].tolist() == [f"sample-{k:02d}" for k in range(N)]


def test_values_stay_with_their_samples(files: dict[str, Path], tmp_path: Path) -> None:
    results = made(files, tmp_path)
    key = load(tmp_path / "private/ids.parquet").set_index("code")["id"]
    samples = load(results / "samples.parquet")
    row = np.array([IDS.index(key[code]) for code in samples["id"]])
    assert sorted(row) == list(range(N))
    for name in ("latents.npy", "f.npy"):
        np.testing.assert_array_equal(load_npy(results / name), VALUES[row])
    assert load_npy(results / "images.npy")[:, 0, 0, 0].tolist() == (8 * row).tolist()
    for name in ("encoding", "f", "attributes", "numbers", "votes"):
        assert load(results / f"{name}.parquet")["id"].tolist() == samples["id"].tolist()
    assert load(results / "numbers.parquet")["age"].tolist() == (row + 0.5).tolist()
    assert load(results / "votes.parquet")["Jena"].tolist() == (row % 3).tolist()
    # One code per person, numbered in the order of the shuffled samples.
    people = pd.DataFrame({"code": samples["identity_name"], "who": np.array(WHO)[row]})
    assert people.drop_duplicates().nunique().tolist() == [6, 6]
    assert len(people.drop_duplicates()) == 6
    assert samples["identity_name"].tolist() == [f"person-{k}" for k in samples["identity"]]
    assert samples["identity"].drop_duplicates().tolist() == list(range(6))


def test_codes_are_stable_and_follow_neither_names_nor_their_order() -> None:
    ids = pd.DataFrame({"id": [f"x{k:03d}" for k in range(200)]})
    none = pd.DataFrame({"id": pd.Series([], dtype="str")})
    ours, more = (with_codes(one, none, 1)[0] for one in (ids, ids.iloc[::-1]))
    order = ours["id"].str[1:].astype(int)
    assert abs(np.corrcoef(order, np.arange(200))[0, 1]) < 0.2
    assert ours.equals(with_codes(ids, none, 1)[0])
    assert not ours.equals(with_codes(ids, none, 2)[0])
    assert sorted(more["id"]) == sorted(ours["id"])
    # Another list of ids, another order: a code cannot be computed from an id alone.
    other = with_codes(pd.concat([ids, pd.DataFrame({"id": ["y"]})]), none, 1)[0]
    codes = (one.set_index("id")["code"].loc[ids["id"]] for one in (ours, other))
    first, second = codes
    assert (first.to_numpy() == second.to_numpy()).mean() < 0.1


def test_unmatched_ids_are_codes_in_the_list_and_ids_in_the_message(
    files: dict[str, Path], tmp_path: Path
) -> None:
    table = pd.read_csv(files["attributes"])
    table[table["id"] != IDS[3]].to_csv(files["attributes"], index=False)
    with pytest.raises(InputError, match=re.escape(repr(IDS[3]))):
        made(files, tmp_path)
    listed = pd.read_csv(tmp_path / "results/unmatched.csv")
    key = load(tmp_path / "private/ids.parquet").set_index("code")["id"]
    assert [key[code] for code in listed["id"]] == [IDS[3]]
    assert len(made(files, tmp_path, drop=True).joinpath("latents.npy").read_bytes()) > 0
    assert len(load(tmp_path / "results/samples.parquet")) == N - 1


def test_an_unknown_person_stays_unknown() -> None:
    numbers, names = person_codes(["b", None, "a", "b"])
    assert numbers.tolist() == [0, -1, 1, 0]
    assert names == ["person-0", None, "person-1", "person-0"]


def table(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(columns)


@pytest.mark.parametrize(
    ("attributes", "classes", "written", "message"),
    [
        (table(note=["with Bülent Öz", "-"]), [], [], "t.csv: the column 'note' holds the name"),
        (table(note=["2019-ANNA_schmidt.jpg"]), [], [], "'note' holds the name of a person"),
        (table(chloé=[0, 1]), [], [], "leave the column out by data.attributes.skip"),
        (table(hat=[0, 1]), ["cat", "o'neill"], [], "v.csv: the name of a class holds that of"),
        (table(hat=[0, 1]), ["cat"], ["photos/李娜的照片/"], "a path, pattern, column or model of"),
    ],
)
def test_names_elsewhere_are_refused(
    attributes: pd.DataFrame, classes: list[str], written: list[str], message: str
) -> None:
    given = (attributes, Path("t.csv"), classes, Path("v.csv"), written)
    with pytest.raises(InputError, match=re.escape(message)):
        require_no_names([*PEOPLE, None, "Chloé"], *given)


def test_what_is_no_name_is_taken(files: dict[str, Path], tmp_path: Path) -> None:
    harmless = table(note=["Annas Schmidtchen", "Öz"], n=[1, 12], s01=["a", "1"])
    people = [*PEOPLE, "1", "12", "a", "2021"]
    require_no_names(people, harmless, Path("t.csv"), ["Anna"], None, ["photos-2021/1.csv"])
    require_no_names(PEOPLE, None, None, [], None, [])
    assert made(files, tmp_path, written=["photos", "who", "mine"]).is_dir()
