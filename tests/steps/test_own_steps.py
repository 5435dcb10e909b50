"""Steps of a study of one's own: files of every kind become the artefacts of other kinds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from step_helpers import kinds, load, run_twice  # type: ignore[import-not-found]

import encode_attributes
import import_embeddings
import join_samples
import match_ids
import pack_images
from latent_microscope.errors import InputError

N = 30
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
    table.loc[table["image"] == "s09.png", "age"] = None
    table.to_csv(files["attributes"], index=False)
    found = matched(files, tmp_path / "match")
    assert load(found["unmatched"]).to_dict("list") == {
        "id": ["s07", "s09"],
        "lacks": ["images", "attributes: age"],
    }
    with pytest.raises(InputError, match=r"2 do not match, all in .*unmatched\.csv"):
        joined(found, tmp_path / "no.parquet")
    assert not (tmp_path / "no.parquet").exists()
    samples = joined(found, tmp_path / "samples.parquet", drop=True)
    assert samples["id"].tolist() == [i for i in IDS if i not in ("s07", "s09")]
    assert (samples["identity"] == -1).all()


def test_too_few_samples_are_said_with_the_setting(files: dict[str, Path], tmp_path: Path) -> None:
    found = matched(files, tmp_path / "match")
    with pytest.raises(InputError, match=r"30 samples are left and clusters.neighbors needs 31"):
        joined(found, tmp_path / "s.parquet", least=31, least_reason="clusters.neighbors")


def test_embeddings_that_do_not_vary_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    found = matched(files, tmp_path / "match")
    joined(found, tmp_path / "samples.parquet")
    values = np.zeros((N, 4))
    values[:, 0] = np.arange(N)
    np.savez(files["embeddings"], z=values, ids=np.array(IDS))
    with pytest.raises(InputError, match="1 of its columns vary; two are needed"):
        import_embeddings.main(
            embeddings=files["embeddings"],
            ids=found["ids"],
            samples=tmp_path / "samples.parquet",
            latents=tmp_path / "latents.npy",
            encoding=tmp_path / "encoding.parquet",
            settings=SETTINGS["embeddings"],
        )
    assert not (tmp_path / "latents.npy").exists()
