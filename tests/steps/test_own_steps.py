"""Steps of a study of one's own: files of every kind become the artefacts of other kinds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import spearmanr
from step_helpers import drawer, kinds, load, run_twice, tabulator  # type: ignore[import-not-found]

import collect_judgements
import compare_dissimilarity
import compute_rdm
import encode_attributes
import find_duplicates
import import_embeddings
import import_features
import join_samples
import match_ids
import measure_pixels
import pack_images
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import load_votes
from latent_microscope.similarity.files import load_rdm

N = 30
SCORES = ["uniqueness", "originality", "stability", "knn_density", "cls"]
IDS = [f"s{i:02d}" for i in range(N)]
MATCHED = {
    "ids": "ids.parquet",
    "files": "files.parquet",
    "files_csv": "files.csv",
    "unmatched": "unmatched.parquet",
    "unmatched_csv": "unmatched.csv",
}
ENCODING: dict[str, Any] = {"id": None, "types": {}, "thresholds": {}, "skip": ["who"]}
ENCODING["max_categories"] = 20
SETTINGS: dict[str, dict[str, Any]] = {
    "embeddings": {"array": None, "id": None},
    "images": {"ids": "name"},
    "attributes": {"id": None, "skip": ["who"]},
    "identities": {"column": "who"},
    "labels": {"column": "town"},
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Embeddings, attributes and images of the same samples, each in another order."""
    values = np.zeros((N, 4))
    values[:, 0], values[:, 1] = np.arange(N), np.arange(N) % 7
    values[:, 3] = 5.0
    np.savez(tmp_path / "z.npz", z=values, ids=np.array(IDS))
    table = pd.DataFrame(
        {
            "image": [f"{i}.png" for i in IDS],
            "town": np.array(["Ulm", "Bonn", "Jena"])[np.arange(N) % 3],
            "age": np.arange(N) + 0.5,
            "who": [f"p{i // 2}" for i in range(N)],
        }
    )
    table.iloc[::-1].to_csv(tmp_path / "t.csv", index=False)
    for row, name in enumerate(IDS):
        folder = tmp_path / "faces" / f"p{row // 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 8), row).save(folder / f"{name}.png")
    return {"embeddings": tmp_path / "z.npz", "attributes": tmp_path / "t.csv"} | {
        "images": tmp_path / "faces"
    }


def matched(files: dict[str, Path], folder: Path, **more: Path) -> dict[str, Path]:
    found: dict[str, Path] = run_twice(
        match_ids.main, folder, MATCHED, settings=SETTINGS, **files, **more
    )
    return found


def joined(found: dict[str, Path], samples: Path, **more: Any) -> Any:
    join_samples.main(
        ids=found["ids"],
        files=found["files"],
        unmatched=found["unmatched"],
        listed=found["unmatched_csv"],
        samples=samples,
        settings=SETTINGS | more.pop("settings", {}),
        **more,
    )
    return load(samples)


def test_files_become_samples_latents_attributes_and_images(
    files: dict[str, Path], tmp_path: Path
) -> None:
    table = files["attributes"]
    found = matched(files, tmp_path / "match", identities=table, labels=table)
    assert load(found["unmatched"]).empty
    assert load(found["files"])["matched"].tolist() == [N] * 5
    samples = joined(found, tmp_path / "samples.parquet", identities=table, labels=table)
    assert samples["id"].tolist() == IDS
    assert samples["identity_name"].tolist() == [f"p{i // 2}" for i in range(N)]
    assert samples["identity"].nunique() == N // 2
    assert samples["label_name"].tolist()[:3] == ["Ulm", "Bonn", "Jena"]
    assert samples["label"].tolist()[:3] == [2, 0, 1]

    both = {"ids": found["ids"], "samples": tmp_path / "samples.parquet"}
    made = run_twice(
        import_embeddings.main,
        tmp_path / "latents",
        {"latents": "latents.npy", "encoding": "encoding.parquet"},
        embeddings=files["embeddings"],
        settings=SETTINGS["embeddings"],
        **both,
    )
    latents = np.load(made["latents"])
    assert latents.dtype == np.float32
    np.testing.assert_array_equal(latents, np.stack([np.arange(N), np.arange(N) % 7], axis=1))
    assert load(made["encoding"])["id"].tolist() == IDS

    made = run_twice(
        encode_attributes.main,
        tmp_path / "attributes",
        {
            "attributes": "attributes.parquet",
            "numbers": "numbers.parquet",
            "classes": "classes.parquet",
            "report": "report.parquet",
            "report_csv": "report.csv",
        },
        table=table,
        settings=ENCODING,
        **both,
    )
    ones = load(made["attributes"])
    assert list(ones.columns) == ["id", "town=Bonn", "town=Jena", "town=Ulm", "age>15"]
    assert kinds(ones) == {"id": "str", **dict.fromkeys(ones.columns[1:], "uint8")}
    assert ones["town=Ulm"].tolist() == [int(i % 3 == 0) for i in range(N)]
    assert ones["age>15"].tolist() == [int(i >= 15) for i in range(N)]
    assert load(made["numbers"])["age"].tolist() == [i + 0.5 for i in range(N)]
    assert load(made["classes"])["town"].tolist() == [
        ["Ulm", "Bonn", "Jena"][i % 3] for i in range(N)
    ]

    made = run_twice(
        pack_images.main,
        tmp_path / "images",
        {"images": "images.npy"},
        source=files["images"],
        settings=SETTINGS["images"],
        size=8,
        **both,
    )
    images = np.load(made["images"])
    assert images.shape == (N, 8, 8, 3)
    assert images[:, 0, 0, 0].tolist() == list(range(N))


def test_images_and_their_files_have_covariates(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for row in range(N):
        path = (
            folder / ("red" if row < 10 else "blue") / f"s{row:02d}.{'png' if row % 3 else 'jpg'}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = (200, 0, 0) if row < 10 else (0, 0, 200)
        Image.new("RGB", (12 if row % 2 else 24, 12), colour).save(path, quality=95)
    settings = {"images": {"ids": "name"}}
    found = run_twice(match_ids.main, tmp_path / "m", MATCHED, settings=settings, images=folder)
    joined(found, tmp_path / "samples.parquet", settings=settings)
    both = {"ids": found["ids"], "samples": tmp_path / "samples.parquet"}
    pack = {"source": folder, "settings": settings["images"], **both}
    pack_images.main(images=tmp_path / "images.npy", size=8, **pack)

    def measured(**more: Any) -> pd.DataFrame:
        images = tmp_path / "images.npy"
        pixels = {"pixels": "pixels.parquet"}
        made = run_twice(measure_pixels.main, tmp_path / "p", pixels, images=images, **more)
        table: pd.DataFrame = load(made["pixels"]).set_index("id").loc[IDS]
        return table

    table = measured(**pack)
    assert (table["red_minus_blue"] > 0).tolist() == [row < 10 for row in range(N)]
    assert table["file_aspect"].tolist() == [1.0 if row % 2 else 2.0 for row in range(N)]
    assert table["file_pixels"].tolist() == pytest.approx(
        [np.log10(144 if row % 2 else 288) for row in range(N)]
    )
    assert table["ending=jpg"].tolist() == [float(row % 3 == 0) for row in range(N)]
    assert table["folder=red"].tolist() == [float(row < 10) for row in range(N)]
    named = {"ending=jpg", "folder=red"}
    assert {name for name in map(str, table) if "=" in name} == named
    assert "folder=red" not in measured(**pack, folders=False)
    samples = load(tmp_path / "samples.parquet")
    row = samples["id"].str[1:].astype(int)
    samples["identity"] = (row < 10).astype(int)
    save_table(both["samples"], samples)
    assert "folder=red" not in measured(**pack)
    samples["identity"] = row // 5
    save_table(both["samples"], samples)
    assert "folder=red" in measured(**pack)
    alone = measured(samples=both["samples"])
    assert not [name for name in map(str, alone) if name.startswith(("file", "ending", "folder"))]


def test_folders_are_identities(files: dict[str, Path], tmp_path: Path) -> None:
    found = matched(files, tmp_path / "match")
    settings = {"identities": {"folder": True, "pattern": None}}
    samples = joined(found, tmp_path / "samples.parquet", images=files["images"], settings=settings)
    assert samples["identity_name"].tolist() == [f"p{i // 2}" for i in range(N)]


def test_an_unknown_identity_is_nobody(files: dict[str, Path], tmp_path: Path) -> None:
    table = pd.read_csv(files["attributes"])
    table.loc[table["image"] == "s03.png", "who"] = None
    table.to_csv(files["attributes"], index=False)
    found = matched(files, tmp_path / "match", identities=files["attributes"])
    samples = joined(found, tmp_path / "s.parquet", identities=files["attributes"])
    assert samples["identity"].tolist()[3] == -1
    assert samples["identity_name"].isna().tolist() == [i == 3 for i in range(N)]
    assert (samples["identity"].drop(3) >= 0).all()


def test_what_does_not_match_is_listed_and_dropped_on_demand(
    files: dict[str, Path], tmp_path: Path
) -> None:
    next((tmp_path / "faces").rglob("s07.png")).unlink()
    table = pd.read_csv(files["attributes"])
    table.loc[table["image"] == "s09.png", "age"] = None  # costs this attribute, not the sample
    table.to_csv(files["attributes"], index=False)
    found = matched(files, tmp_path / "match")
    assert load(found["unmatched"]).to_dict("list") == {
        "id": ["s07"],
        "missing_from": ["images"],
    }
    with pytest.raises(InputError, match=r"1 do not match.*unmatched\.csv"):
        joined(found, tmp_path / "no.parquet")
    assert not (tmp_path / "no.parquet").exists()
    samples = joined(found, tmp_path / "samples.parquet", drop=True)
    assert samples["id"].tolist() == [i for i in IDS if i != "s07"]
    assert (samples["identity"] == -1).all()


def test_too_few_samples_are_said_with_the_setting(files: dict[str, Path], tmp_path: Path) -> None:
    found = matched(files, tmp_path / "match")
    with pytest.raises(
        InputError, match=r"files\.parquet: 30 samples .*clusters\.neighbors needs 31"
    ):
        joined(found, tmp_path / "s.parquet", least=31, least_reason="clusters.neighbors")


def test_embeddings_that_do_not_vary_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    found = matched(files, tmp_path / "match")
    joined(found, tmp_path / "samples.parquet")
    values = np.zeros((N, 4))
    values[:, 0] = np.arange(N)
    np.savez(files["embeddings"], z=values, ids=np.array(IDS))
    with pytest.raises(InputError, match="1 of its columns"):
        import_embeddings.main(
            embeddings=files["embeddings"],
            ids=found["ids"],
            samples=tmp_path / "samples.parquet",
            latents=tmp_path / "latents.npy",
            encoding=tmp_path / "encoding.parquet",
            settings=SETTINGS["embeddings"],
        )
    assert not (tmp_path / "latents.npy").exists()


VOTES = {"id": None, "choice": None, "count": None, "array": None, "classes": None}


@pytest.fixture
def judged(tmp_path: Path) -> dict[str, Path]:
    """Votes, logits and dissimilarities of the same samples, each in another order."""
    random = np.random.default_rng(0)
    classes = ["Bonn", "Jena", "Ulm"]
    truth = np.array([2, 0, 1])[np.arange(N) % 3]
    chances = np.full((N, 3), 0.2) + 0.4 * np.eye(3)[truth]
    counts = np.array([random.multinomial(12, p) for p in chances])
    table = pd.DataFrame(counts, columns=classes).assign(id=IDS)
    table.iloc[::-1].to_csv(tmp_path / "votes.csv", index=False)
    order = random.permutation(N)
    logits = np.log(chances) + random.normal(0, 0.1, (N, 3))
    np.savez(tmp_path / "logits.npz", x=logits[order], ids=np.array(IDS)[order])
    square = np.abs(np.arange(N)[:, None] - np.arange(N)[None, :]).astype(float)
    np.savez(tmp_path / "square.npz", d=square[np.ix_(order, order)], ids=np.array(IDS)[order])
    return {name: tmp_path / name for name in ("votes.csv", "logits.npz", "square.npz")}


def judged_samples(judged: dict[str, Path], folder: Path, **more: Any) -> dict[str, Path]:
    found = run_twice(
        match_ids.main,
        folder / "match",
        MATCHED,
        settings=SETTINGS | {"votes": VOTES, "dissimilarity": {"array": None}},
        votes=judged["votes.csv"],
        dissimilarity=judged["square.npz"],
        models=[judged["logits.npz"]],
        arrays={"net": None},
    )
    assert load(found["files"])["source"].tolist() == ["votes", "dissimilarity", "model net"]
    joined(
        found,
        folder / "samples.parquet",
        votes=judged["votes.csv"],
        settings={"votes": VOTES},
        **more,
    )
    return {"ids": found["ids"], "samples": folder / "samples.parquet"}


def test_votes_logits_and_dissimilarities_are_joined_by_id(
    judged: dict[str, Path], tmp_path: Path
) -> None:
    both = judged_samples(judged, tmp_path)
    votes = run_twice(
        collect_judgements.main,
        tmp_path / "votes",
        {"votes": "votes.parquet"},
        source=judged["votes.csv"],
        settings=VOTES,
        **both,
    )["votes"]
    human = load_votes(votes, both["samples"])
    given = pd.read_csv(judged["votes.csv"]).set_index("id").loc[human.ids.tolist()]
    np.testing.assert_array_equal(human.answers, given.to_numpy())
    # Without labels the class is that of most votes.
    np.testing.assert_array_equal(human.labels, human.answers.argmax(axis=1))

    made = run_twice(
        import_features.main,
        tmp_path / "features",
        {"features": "features.npy", "feature_ids": "features.parquet"},
        file=judged["logits.npz"],
        votes=votes,
        **both,
    )
    with np.load(judged["logits.npz"]) as archive:
        wanted = pd.DataFrame(archive["x"], index=archive["ids"]).loc[human.ids.tolist()].to_numpy()
    np.testing.assert_array_equal(np.load(made["features"]), wanted.astype(np.float32))

    compute_rdm.main(
        features=made["features"],
        ids=made["feature_ids"],
        rdm=tmp_path / "net.npy",
        rdm_ids=tmp_path / "net.ids.parquet",
        metric="euclidean",
    )
    found = run_twice(
        compare_dissimilarity.main,
        tmp_path / "compared",
        {
            **{"table": "t.parquet", "csv": "t.csv", "similarity": "m.parquet"},
            **{"differences": "d.parquet", "differences_csv": "d.csv"},
            **{"annotators": "a.parquet", "annotators_csv": "a.csv"},
            **{"rdm": "people.npy", "mean_ids": "people.ids.parquet"},
        },
        human=judged["square.npz"],
        rdms=[tmp_path / "net.npy"],
        rdm_ids=[tmp_path / "net.ids.parquet"],
        names=["net"],
        metrics=["euclidean"],
        settings={"array": None},
        draws=20,
        **both,
    )
    place = np.array([IDS.index(name) for name in human.ids])
    square = np.abs(place[:, None] - place[None, :])[np.triu_indices(N, 1)]
    row = load(found["table"]).iloc[0]
    wanted_value = spearmanr(load_rdm(tmp_path / "net.npy").values, square)[0]
    assert row["value"] == pytest.approx(wanted_value, abs=1e-6)
    assert row["low"] <= row["value"] <= row["high"]
    assert np.isnan(row["ceiling_lower"])
    assert np.isfinite(row["label_only"])
    np.testing.assert_allclose(load_rdm(found["rdm"]).values, square)
    assert load(found["differences"])["model_b"].tolist() == ["true label"]
    inputs: dict[str, dict[str, Any]] = {
        "dissimilarity": {"table": found["table"]},
        "model_similarity": {"similarity": found["similarity"], "metric": "euclidean"},
        "rdms": {
            **{"human": found["rdm"], "models": [tmp_path / "net.npy"], "labels": ["net-features"]},
            "samples": both["samples"],
        },
    }
    for name, files in inputs.items():
        outputs = {"png": f"{name}.png", "pdf": f"{name}.pdf"}
        run_twice(drawer(name), tmp_path / "figure", outputs, title="mine", **files)


def test_logits_of_another_number_of_classes_are_refused(
    judged: dict[str, Path], tmp_path: Path
) -> None:
    both = judged_samples(judged, tmp_path)
    votes = pd.DataFrame({"id": IDS, "a": 1, "b": 1})
    votes.to_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"logits\.npz: 3 columns.* 2 classes"):
        import_features.main(
            file=judged["logits.npz"],
            features=tmp_path / "f.npy",
            feature_ids=tmp_path / "f.parquet",
            votes=tmp_path / "other.parquet",
            ids=both["ids"],
            samples=both["samples"],
        )


def test_labels_are_numbered_as_the_classes_of_the_votes(
    judged: dict[str, Path], files: dict[str, Path], tmp_path: Path
) -> None:
    table = files["attributes"]
    samples = load(judged_samples(judged, tmp_path, labels=table)["samples"])
    classes = ["Bonn", "Jena", "Ulm"]
    assert samples["label_name"].tolist() == [classes[k] for k in samples["label"]]
    frame = pd.read_csv(table).replace({"town": {"Ulm": "Bern"}})
    frame.to_csv(table, index=False)
    with pytest.raises(InputError, match=r"t\.csv: .*'Bern'"):
        judged_samples(judged, tmp_path / "again", labels=table)


def test_numbers_are_correlated_with_scores(tmp_path: Path) -> None:
    samples = pd.DataFrame({"id": IDS, "identity": np.arange(N) // 2})
    samples.to_parquet(tmp_path / "samples.parquet")
    numbers = pd.DataFrame({"id": IDS[::-1], "age": np.arange(N)[::-1] + 0.5})
    numbers.to_parquet(tmp_path / "numbers.parquet")
    scores = pd.DataFrame({"id": IDS, **{name: np.arange(N, 0, -1.0) for name in SCORES}})
    scores.to_parquet(tmp_path / "scores.parquet")
    found = run_twice(
        tabulator("tabulate_correlations"),
        tmp_path / "t",
        {"table": "t.parquet", "csv": "t.csv"},
        numbers=tmp_path / "numbers.parquet",
        samples=tmp_path / "samples.parquet",
        scores=[tmp_path / "scores.parquet"],
        measured=SCORES,
        seeds=[0],
    )
    table = load(found["table"])
    assert table["spearman"].tolist() == pytest.approx([-1.0] * 5)
    assert table["units"].tolist() == [N // 2] * 5
    assert set(table["resampled"]) == {"people"}


def test_equal_embeddings_are_said_to_be_equal(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(N, 5)).astype(np.float32)
    values[7] = values[3]
    values[9] = values[4] + 1e-5
    np.save(tmp_path / "z.npy", values)
    frame = pd.DataFrame({"id": IDS, "identity": -1})
    frame.to_parquet(tmp_path / "samples.parquet")
    made = run_twice(
        find_duplicates.main,
        tmp_path / "alike",
        {"duplicates": "duplicates.parquet"},
        latents=tmp_path / "z.npy",
        encoding=tmp_path / "samples.parquet",
        near_matches=3,
    )
    found = load(made["duplicates"])
    assert found[["id_i", "id_j"]].to_numpy()[:2].tolist() == [["s03", "s07"], ["s04", "s09"]]
    verdicts = ["identical latents", "near-identical latents", *["near match"] * 3]
    assert found["verdict"].tolist() == verdicts
    listed = run_twice(
        tabulator("tabulate_duplicates"),
        tmp_path / "listed",
        {"table": "t.parquet", "csv": "t.csv"},
        duplicates=[made["duplicates"]],
        seeds=[0],
        samples=tmp_path / "samples.parquet",
        pictures=False,
    )
    table = load(listed["table"])
    assert table["action"].tolist()[0] == "same latents: look at the samples"
    assert not table["action"].str.contains("photograph").any()
