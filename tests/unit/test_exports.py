"""Exports of finished studies, read back by our readers and, where installed, by the tools'."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image
from rsatoolbox.rdm import load_rdm
from scipy.spatial.distance import pdist

from latent_microscope.commands.export import export
from latent_microscope.config.resolve import resolve
from latent_microscope.custom.arrays import read_rows
from latent_microscope.custom.dissimilarity import read_square
from latent_microscope.errors import InputError
from latent_microscope.files.contents import open_contents
from latent_microscope.io.artefacts import save_npy, save_table, save_text
from latent_microscope.io.inputs import save_ids
from latent_microscope.provenance.sidecars import write_sidecars
from latent_microscope.similarity.files import write_rdm

N, K = 40, 5
RANDOM = np.random.default_rng(3)
IDS = [f"bild-{k:02d}" for k in range(N - 1)] + ["größe/é"]
ORDER = RANDOM.permutation(N)  # of the latents: they are joined by id
LATENTS = RANDOM.normal(size=(N, 3)).astype(np.float32)
PLANE = RANDOM.normal(size=(N, 2)).astype(np.float32)
SCORES = RANDOM.random(N)
IMAGES = RANDOM.integers(0, 255, (N, 8, 8, 3)).astype(np.uint8)
NEAR = np.argsort(np.linalg.norm(LATENTS[:, None] - LATENTS[None], axis=2), axis=1)[:, 1 : K + 1]
DATA = {"embeddings": "z.npz", "images": "photos", "attributes": "t.csv"}


def finish(root: Path, **keys: Any) -> Path:
    """The results of a study that is finished, as far as exports read them."""
    given = {"kind": "custom", "data": DATA, **keys}
    config = resolve({"run": ["mine"], "studies": {"mine": given}})
    results, run = root / "results/mine", root / "results/mine/vae/whole/seed0"
    save_table(results / "checks.parquet", pd.DataFrame({"passed": [True]}))
    samples = pd.DataFrame({"id": IDS, "label": np.arange(N) % 2})
    samples["label_name"] = np.where(samples["label"] == 0, "cat", "dog")
    save_table(results / "data/samples.parquet", samples)
    hats = pd.DataFrame({"id": IDS, "hat/cap": (np.arange(N) % 3 == 0).astype(np.uint8)})
    save_table(results / "data/attributes.parquet", hats)
    save_table(results / "data/numbers.parquet", pd.DataFrame({"id": IDS, "x": SCORES * 2}))
    save_npy(results / "data/images.npy", IMAGES)
    light = pd.DataFrame({"id": IDS, "brightness": IMAGES.mean(axis=(1, 2, 3))})
    save_table(results / "data/pixels.parquet", light)
    save_npy(run / "latents.npy", LATENTS[ORDER])
    save_ids(run / "encoding.parquet", np.array(IDS, dtype=object)[ORDER])
    save_npy(run / "umap.npy", PLANE[ORDER])
    save_npy(run / "neighbours.npy", np.argsort(ORDER)[NEAR][ORDER].astype(np.int32))
    save_table(run / "scores-intended.parquet", pd.DataFrame({"id": IDS, "uniqueness": SCORES}))
    labels = np.where(np.arange(N) < 5, -1, np.arange(N) % 2)
    save_table(run / "clusters.parquet", pd.DataFrame({"id": IDS, "cluster": labels}))
    save_text(results / "report.html", "<html>")
    told = {"mine": {"settings": config["studies"]["mine"]}}
    facts = {"step": "write_report", "code": "", "params": {"studies": told}}
    write_sidecars([results / "report.html"], {}, seconds=1.0, **facts)
    return root


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return finish(tmp_path)


def scaled_distances() -> np.ndarray:
    z = (LATENTS - LATENTS.mean(axis=0)) / LATENTS.std(axis=0)
    return np.linalg.norm(z[:, None] - z[NEAR], axis=2)


def test_h5ad_is_what_our_reader_expects(root: Path) -> None:
    assert export("mine", to="h5ad").startswith(f"mine.h5ad: {N} samples, ")
    found = read_rows(Path("mine.h5ad"), array="X")
    assert found.ids is not None
    assert found.ids.tolist() == IDS
    np.testing.assert_array_equal(found.values, LATENTS)
    entries = open_contents(Path("mine.h5ad")).entries
    np.testing.assert_array_equal(entries["obsm/X_umap"].read(), PLANE)
    np.testing.assert_array_equal(entries["obs/uniqueness"].read(), SCORES)
    np.testing.assert_array_equal(entries["obs/x"].read(), SCORES * 2)
    hats = entries["obs/hat_cap"].read()
    assert hats.tolist() == [k % 3 == 0 for k in range(N)]
    clusters = entries["obs/cluster"].read().tolist()
    assert clusters == ["noise" if k < 5 else str(k % 2) for k in range(N)]
    whole = entries["obsp/distances"].read()
    assert (np.count_nonzero(whole, axis=1) == K).all()
    near = np.take_along_axis(whole, NEAR, axis=1)
    np.testing.assert_allclose(near, scaled_distances(), rtol=1e-5)


def test_h5ad_has_the_encoding_that_anndata_documents(root: Path) -> None:
    export("mine", to="h5ad")
    with h5py.File("mine.h5ad") as file:
        kinds = {"": file.attrs["encoding-type"]}
        file.visititems(lambda name, one: kinds.update({name: one.attrs.get("encoding-type")}))
        assert list(file["obs"].attrs["column-order"])[:2] == ["uniqueness", "x"]
    parts = {"layers", "obsm", "obsp", "uns", "varm", "varp", "uns/neighbors"}
    assert kinds[""] == "anndata"
    assert {kinds[part] for part in parts} == {"dict"}
    assert {kinds["obs"], kinds["var"]} == {"dataframe"}
    assert kinds["obsp/distances"] == "csr_matrix"
    assert kinds["obs/cluster"] == "categorical"
    bare = {name for name, kind in kinds.items() if kind is None}
    assert bare == {f"obsp/distances/{part}" for part in ("data", "indices", "indptr")}


def test_anndata_reads_it(root: Path) -> None:
    anndata = pytest.importorskip("anndata", reason="anndata is no dependency")
    export("mine", to="h5ad")
    found = anndata.read_h5ad("mine.h5ad")
    np.testing.assert_array_equal(found.X, LATENTS)
    assert found.obs_names.tolist() == IDS
    np.testing.assert_allclose(found.obsp["distances"].sum(), scaled_distances().sum(), rtol=1e-5)
    assert found.uns["neighbors"]["params"]["n_neighbors"] == K


def test_embedding_atlas_gets_one_row_per_sample(root: Path) -> None:
    told = export("mine", Path("for atlas.parquet"), to="embedding-atlas").splitlines()[-1]
    assert told == (
        "embedding-atlas 'for atlas.parquet' --x x --y y --neighbors neighbors --image image"
    )
    rows = pq.read_table("for atlas.parquet").to_pylist()
    assert [row["id"] for row in rows] == IDS
    np.testing.assert_array_equal([[row["x"], row["y"]] for row in rows], PLANE)
    near = [row["neighbors"] for row in rows]
    assert [one["ids"] for one in near] == NEAR.tolist()
    np.testing.assert_allclose([one["distances"] for one in near], scaled_distances(), rtol=1e-5)
    assert [row["label_name"] for row in rows] == ["cat", "dog"] * (N // 2)
    assert [row["hat_cap"] for row in rows] == [k % 3 == 0 for k in range(N)]
    with Image.open(io.BytesIO(rows[7]["image"]["bytes"])) as image:
        assert (image.format, image.size) == ("JPEG", (8, 8))
        assert np.abs(np.asarray(image.convert("L"), float) - IMAGES[7].mean(axis=2)).mean() < 40


VOTES = {"votes": "v.csv", "images": "photos"}
MODELS = {"m": {"type": "external", "file": "m.npz", "holds": "features"}}


def test_rdms_are_read_by_rsatoolbox_and_by_us(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    finish(tmp_path, data=VOTES, models=MODELS, metrics=["euclidean", "cosine"])
    wanted = []
    for metric in ("euclidean", "cosine"):
        for model in ("human", "label-features-seed0", "m-features-seed0", "pixels-features-seed0"):
            z = RANDOM.normal(size=(N, 4))
            write_rdm(tmp_path / f"results/mine/rdms/{metric}/{model}.npy", z, metric, IDS)
            wanted.append((model, metric, pdist(z, metric)))
    known = json.loads((tmp_path / "results/mine/report.html.meta.json").read_text())
    models = list(known["params"]["studies"]["mine"]["settings"]["models"])
    assert set(models) <= {"m", "label", "pixels", "class_mean"}
    for extra in set(models) - {"m", "label", "pixels"}:
        for metric in ("euclidean", "cosine"):
            path = tmp_path / f"results/mine/rdms/{metric}/{extra}-features-seed0.npy"
            write_rdm(path, RANDOM.normal(size=(N, 4)), metric, IDS)
    told = export("mine", to="rsatoolbox")
    assert "rsatoolbox.rdm.load_rdm('mine.h5')" in told
    found = load_rdm("mine.h5")
    assert found.dissimilarity_measure is None
    assert found.pattern_descriptors["id"][:2] == IDS[:2]
    assert found.pattern_descriptors["id"][-1] == r"gr\xf6\xdfe/\xe9"
    names = list(zip(found.rdm_descriptors["name"], found.rdm_descriptors["metric"], strict=True))
    ours = read_square(Path("mine.h5"), {})
    upper = np.triu_indices(N, 1)
    for model, metric, values in wanted:
        place = names.index((model, metric))
        np.testing.assert_allclose(found.dissimilarities[place], values, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(ours.values[place][upper], values, rtol=1e-5, atol=1e-6)


def test_images_that_are_not_shown_are_not_exported(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    finish(tmp_path, images="none")
    assert export("mine", to="embedding-atlas").endswith("--neighbors neighbors")
    assert "image" not in pq.read_schema("mine.parquet").names
    assert b"JFIF" not in Path("mine.parquet").read_bytes()


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / "results/mine" / name).unlink()


@pytest.mark.parametrize(
    ("spoil", "to", "message"),
    [
        (remove("checks.parquet"), "h5ad", "checks.parquet: missing: the study is not finished"),
        (remove("report.html"), "h5ad", "report.html: missing: the study is not finished"),
        (remove("vae/whole/seed0/latents.npy"), "embedding-atlas", "latents.npy: no such file"),
        (lambda root: None, "rsatoolbox", "has no RDMs, since it compares no models"),
        (lambda root: None, "zarr", "--to zarr: unknown; choose crate, rsatoolbox, h5ad, embed"),
        (lambda root: (root / "mine.h5ad").touch(), "h5ad", "mine.h5ad: already exists; --force"),
    ],
)
def test_what_cannot_be_exported_is_one_error_and_leaves_nothing(
    root: Path, spoil: Callable[[Path], None], to: str, message: str
) -> None:
    spoil(root)
    before = sorted(root.iterdir())
    with pytest.raises(InputError, match=message):
        export("mine", to=to)
    assert sorted(root.iterdir()) == before
