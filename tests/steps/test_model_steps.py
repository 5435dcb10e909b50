"""Features of models, their own or brought along, and RDMs: each ``main()`` on synthetic images."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from alignment_study import (  # type: ignore[import-not-found]
    N,
    Study,
)
from scipy.spatial.distance import pdist
from scipy.special import softmax
from step_helpers import (  # type: ignore[import-not-found]
    columns,
    kinds,
    load,
    run_twice,
)

import apply_model
import compute_rdm
import import_external
import make_human_features
import pixel_features
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, save_npy, save_table
from latent_microscope.seeds import derive


def test_label_and_class_mean_features(study: Study, tmp_path: Path) -> None:
    outputs: dict[str, Any] = {"features": "features.npy", "ids": "features.parquet"}
    made = run_twice(
        make_human_features.main, tmp_path / "label", outputs, **study.people, kind="label"
    )
    features = load_npy(made["features"])
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, np.eye(3)[study.labels])
    assert load(made["ids"])["id"].tolist()[:2] == ["test-00000", "test-00001"]
    made = run_twice(
        make_human_features.main, tmp_path / "mean", outputs, **study.people, kind="class_mean"
    )
    means = np.stack([study.shares[study.labels == k].mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(load_npy(made["features"]), means[study.labels], rtol=1e-6)
    with pytest.raises(InputError, match="kind 'other'"):
        make_human_features.main(
            **study.people, kind="other", features=tmp_path / "f", ids=tmp_path / "i"
        )


def test_human_features_are_vote_shares(study: Study, tmp_path: Path) -> None:
    made = run_twice(
        make_human_features.main,
        tmp_path,
        {"features": "features.npy", "ids": "features.parquet"},
        **study.people,
    )
    features = load_npy(made["features"])
    assert features.dtype == np.float64
    np.testing.assert_array_equal(features, study.shares)
    assert kinds(load(made["ids"])) == {"id": "str"}


def test_votes_must_fit_the_samples(study: Study, tmp_path: Path) -> None:
    outputs: dict[str, Any] = {"features": tmp_path / "f.npy", "ids": tmp_path / "i.parquet"}
    votes = load(study["votes.parquet"])
    wrong = {
        "first 'test-00003'": votes[votes["id"] != "test-00003"],
        "column 0 is 'dog'": votes.rename(columns={"cat": "dog", "dog": "cat"}),
        "non-negative integer": votes.assign(cat=votes["cat"] / 20),
    }
    for message, table in wrong.items():
        save_table(tmp_path / "votes.parquet", table)
        with pytest.raises(InputError, match=message):
            make_human_features.main(
                votes=tmp_path / "votes.parquet", samples=study["samples.parquet"], **outputs
            )


def test_pixels(study: Study, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 1500  # two batches
    images = rng.integers(0, 256, (n, 4, 5, 3), dtype=np.uint8)
    save_npy(tmp_path / "images.npy", images)
    samples = pd.DataFrame({"id": [f"test-{i:05d}" for i in range(n)], "label": 0})
    save_table(tmp_path / "samples.parquet", samples)
    made = run_twice(
        pixel_features.main,
        tmp_path,
        {"features": "features.npy", "ids": "features.parquet"},
        images=tmp_path / "images.npy",
        samples=tmp_path / "samples.parquet",
    )
    features = load_npy(made["features"])
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, images.reshape(n, -1).astype(np.float32) / 255)
    assert columns(load(made["ids"])) == ["id"]
    with pytest.raises(InputError, match=r"images\.npy: uint8 of shape \(1500, 4, 5, 3\)"):
        pixel_features.main(
            images=tmp_path / "images.npy",
            samples=study["samples.parquet"],
            features=tmp_path / "f.npy",
            ids=tmp_path / "i.parquet",
        )


# --- models from elsewhere ---------------------------------------------------------------------


def bring(study: Study, folder: Path, file: Path, **options: Any) -> np.ndarray:
    made = run_twice(
        import_external.main,
        folder,
        {"features": "features.npy", "ids": "features.parquet"},
        file=file,
        samples=study["samples.parquet"],
        **options,
    )
    assert load(made["ids"])["id"].equals(load(study["samples.parquet"])["id"])
    rows = load_npy(made["features"])
    assert rows.dtype == np.float32
    return rows


def test_external_by_id(study: Study, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(N)
    ids = np.array([f"test-{i:05d}" for i in range(N)])
    more = np.concatenate([ids[order], ["test-99999"]])
    rows = np.concatenate([study.logits[order], [[0, 0, 0]]])
    np.savez(tmp_path / "a.npz", ids=more, net=rows, other=rows + 1)
    np.testing.assert_array_equal(
        bring(study, tmp_path / "npz", tmp_path / "a.npz", array="net"), study.logits
    )
    table = pd.DataFrame(rows, columns=["x", "y", "z"]).assign(id=more)
    save_table(tmp_path / "a.parquet", table)
    np.testing.assert_array_equal(
        bring(study, tmp_path / "parquet", tmp_path / "a.parquet", holds="features"), study.logits
    )


def test_external_by_position(
    study: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    np.save(tmp_path / "a.npy", study.logits)
    with caplog.at_level("INFO", logger="latent_microscope"):
        found = bring(study, tmp_path / "npy", tmp_path / "a.npy")
    np.testing.assert_array_equal(found, study.logits)
    assert "row i is taken for image i" in caplog.text
    np.savez(tmp_path / "a.npz", net=study.logits, labels=study.labels)
    np.testing.assert_array_equal(bring(study, tmp_path / "npz", tmp_path / "a.npz"), study.logits)


def test_external_logits_are_written_twice(study: Study, tmp_path: Path) -> None:
    made = run_twice(
        import_external.main,
        tmp_path,
        {"features": "f.npy", "ids": "f.parquet", "logits": "l.npy"},
        file=study["logits.npy"],
        samples=study["samples.parquet"],
    )
    assert made["features"].read_bytes() == made["logits"].read_bytes()


def test_external_mistakes(study: Study, tmp_path: Path) -> None:
    np.save(tmp_path / "short.npy", study.logits[:-1])
    bad = study.logits.copy()
    bad[9, 0] = np.nan
    np.save(tmp_path / "nan.npy", bad)
    np.savez(tmp_path / "two.npz", a=study.logits, b=study.logits)
    np.savez(tmp_path / "shifted.npz", a=study.logits, labels=np.roll(study.labels, 1))
    ids = [f"test-{i:05d}" for i in range(N)]
    np.savez(tmp_path / "lacking.npz", a=study.logits, ids=["x", *ids[1:]])
    np.savez(tmp_path / "twice.npz", a=study.logits, ids=[ids[1], *ids[1:]])
    np.savez(tmp_path / "flat.npz", a=study.logits[:, 0])
    (tmp_path / "text.csv").write_text("1,2\n")
    (tmp_path / "pickle.pkl").write_bytes(b"x")
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    mistakes = {
        "short.npy": f"{N - 1} rows .*{N} images",
        "nan.npy": r"row 9 \(id test-00009\)",
        "two.npz": "set `array` to one of a, b",
        "shifted.npz": "shifted.npz: .*'test-00000'",
        "lacking.npz": "lacking.npz: .*'test-00000'",
        "twice.npz": "twice.npz: .*'test-00001'",
        "flat.npz": "flat.npz",
        "text.csv": "text.csv: .*no rows",
        "pickle.pkl": "pickle.pkl: .*pickles can run code",
        "broken.npz": "broken.npz",
        "missing.npz": "missing.npz",
    }
    outputs: dict[str, Any] = {"features": tmp_path / "f.npy", "ids": tmp_path / "i.parquet"}
    for name, message in mistakes.items():
        with pytest.raises(InputError, match=message):
            import_external.main(file=tmp_path / name, samples=study["samples.parquet"], **outputs)
        assert not outputs["features"].exists()
    with pytest.raises(InputError, match="no logits to write"):
        import_external.main(
            file=study["logits.npy"],
            samples=study["samples.parquet"],
            **outputs,
            holds="features",
            logits=tmp_path / "l.npy",
        )


# --- RDMs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["euclidean", "correlation", "cosine"])
@pytest.mark.parametrize("transform", ["none", "softmax"])
def test_rdm(study: Study, tmp_path: Path, metric: str, transform: str) -> None:
    made = run_twice(
        compute_rdm.main,
        tmp_path,
        {"rdm": "net-features-seed0.npy", "rdm_ids": "net-features-seed0.ids.parquet"},
        features=study["logits.npy"],
        ids=study["samples.parquet"],
        metric=metric,
        transform=transform,
    )
    rdm = load_npy(made["rdm"])
    assert rdm.dtype == np.float32
    rows = study.logits.astype(np.float64)
    rows = softmax(rows, axis=1) if transform == "softmax" else rows
    np.testing.assert_allclose(rdm, pdist(rows, metric), atol=1e-5)
    ids = load(made["rdm_ids"])
    assert ids["id"].tolist() == load(study["samples.parquet"])["id"].tolist()
    assert (ids["metric"] == metric).all()


def test_rdm_mistakes(study: Study, tmp_path: Path) -> None:
    outputs: dict[str, Any] = {"rdm": tmp_path / "r.npy", "rdm_ids": tmp_path / "r.ids.parquet"}
    inputs: dict[str, Any] = {"features": study["logits.npy"], "ids": study["samples.parquet"]}
    with pytest.raises(InputError, match=r"must be named .*r\.ids\.parquet"):
        compute_rdm.main(**inputs, rdm=outputs["rdm"], rdm_ids=tmp_path / "other.parquet")
    with pytest.raises(InputError, match="transform 'tanh'"):
        compute_rdm.main(**inputs, **outputs, transform="tanh")
    save_npy(tmp_path / "short.npy", study.logits[1:])
    with pytest.raises(InputError, match=f"short.npy: {N - 1} rows"):
        compute_rdm.main(features=tmp_path / "short.npy", ids=study["samples.parquet"], **outputs)
    bad = study.logits.copy()
    bad[3] = np.inf
    save_npy(tmp_path / "bad.npy", bad)
    with pytest.raises(InputError, match="test-00003"):
        compute_rdm.main(features=tmp_path / "bad.npy", ids=study["samples.parquet"], **outputs)
    assert not outputs["rdm"].exists()


PICTURES = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    """Five images and their ids."""
    save_npy(tmp_path / "images.npy", PICTURES)
    save_table(tmp_path / "samples.parquet", pd.DataFrame({"id": list("badce"), "label": 0}))
    return {"images": tmp_path / "images.npy", "samples": tmp_path / "samples.parquet"}


def applied(
    function: Callable[..., Any], folder: Path, pictures: Mapping[str, Any], **arguments: Any
) -> tuple[np.ndarray, list[str]]:
    """What apply_model saves of a function's features."""
    outputs = {"features": [folder / "f.npy"], "feature_ids": [folder / "f.parquet"]}
    apply_model.finish("mine", function, outputs, settings={"k": 2}, **pictures, **arguments)
    return load_npy(folder / "f.npy"), load(folder / "f.parquet")["id"].tolist()


def test_a_declared_function_gets_images_settings_and_a_seed_of_its_own(
    tmp_path: Path, pictures: dict[str, Path]
) -> None:
    def noisy(images: np.ndarray, settings: Mapping[str, Any], *, seed: int) -> np.ndarray:
        assert images.dtype == np.uint8
        assert not images.flags.writeable
        noise = np.random.default_rng(seed).random(len(images))
        return np.column_stack([images.mean(axis=(1, 2, 3)) * settings["k"], noise])

    found, ids = applied(noisy, tmp_path, pictures, root_seed=9, seed=4)
    assert found.dtype == np.float32
    assert ids == list("badce")
    means = PICTURES.mean(axis=(1, 2, 3)) * 2
    noise = np.random.default_rng(derive(9, "apply_model", "mine", 4)).random(5)
    np.testing.assert_array_equal(found, np.column_stack([means, noise]).astype(np.float32))
    again, _ = applied(noisy, tmp_path, pictures, root_seed=9, seed=4)
    other, _ = applied(noisy, tmp_path, pictures, root_seed=9, seed=5)
    np.testing.assert_array_equal(found, again)
    assert (found[:, 1] != other[:, 1]).all()


GOOD = np.arange(10.0).reshape(5, 2)


@pytest.mark.parametrize(
    ("wrong", "good", "message"),
    [
        (GOOD[:, 0], GOOD[:, :1], r"float64 .*\(5,\).*\(5, f"),
        (GOOD[:4], GOOD, r"float64 of shape \(4, 2\)"),
        (GOOD[:, :0], GOOD, r"float64 of shape \(5, 0\)"),
        (GOOD.astype(str), GOOD.astype(int), r"<U\d+ of shape \(5, 2\)"),
        (GOOD * 1j, GOOD > 3, r"complex128 of shape"),
        (None, GOOD.tolist(), r"object of shape \(\)"),
        (np.where(GOOD == 5, np.nan, GOOD), -GOOD, "'d'"),
        (GOOD * 1e300, GOOD * 1e30, r"'b'.*float32"),
    ],
)
def test_features_of_a_declared_function_are_checked(
    tmp_path: Path, pictures: dict[str, Path], wrong: Any, good: Any, message: str
) -> None:
    with pytest.raises(InputError, match=f"^model type mine: .*{message}"):
        applied(lambda images, settings, *, seed: wrong, tmp_path, pictures)
    assert not (tmp_path / "f.npy").exists()
    found, _ = applied(lambda images, settings, *, seed: good, tmp_path, pictures)
    np.testing.assert_array_equal(found, np.asarray(good, dtype=np.float32))


def test_a_declared_function_gets_an_id_for_each_image(
    tmp_path: Path, pictures: dict[str, Path]
) -> None:
    save_table(pictures["samples"], pd.DataFrame({"id": list("badc")}))
    with pytest.raises(InputError, match=r"samples\.parquet: 4 rows .*5 images.*images\.npy"):
        applied(lambda images, settings, *, seed: GOOD, tmp_path, pictures)
