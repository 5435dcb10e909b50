"""The loaders against the known facts of the real data sets, where those lie on this machine."""

from pathlib import Path

import numpy as np
import pytest

from latent_microscope.data.cifar import CIFAR10_CLASSES, open_split, sample_table
from latent_microscope.data.cifar10h import (
    check_probabilities,
    load_counts,
    vote_facts,
    votes_table,
)
from latent_microscope.data.content_checks import check_content
from latent_microscope.data.download import verify
from latent_microscope.data.faces import (
    join_attributes,
    join_identities,
    open_faces,
    packed_faces,
    parse_attributes,
    parse_identities,
)
from latent_microscope.data.manifest import find_file, load_manifest
from shared_data import DATA  # type: ignore[import-not-found]

ROOT = Path(__file__).resolve().parents[2]


def real(name: str) -> Path:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"no real data: {path}; set LATENT_MICROSCOPE_DATA")
    return path


def test_the_test_split_of_cifar10() -> None:
    split = open_split([real("cifar10/test-00000-of-00001.parquet")], "test")
    assert np.bincount(split.labels).tolist() == [1000] * 10
    images = np.stack(list(split.images(np.arange(len(split.labels)))))
    assert images.shape == (10_000, 32, 32, 3)
    means = images.reshape(-1, 3).mean(axis=0) / 255
    assert means == pytest.approx([0.49421, 0.48513, 0.45041], abs=6e-6)


def test_a_balanced_subset_of_the_train_split() -> None:
    split = open_split([real("cifar10/train-00000-of-00001.parquet")], "train")
    assert np.bincount(split.labels).tolist() == [5000] * 10
    rows = np.sort([np.flatnonzero(split.labels == label)[:50] for label in range(10)], axis=None)
    images = np.stack(list(split.images(rows)))
    assert images.shape == (500, 32, 32, 3)
    means = images.reshape(-1, 3).mean(axis=0) / 255
    assert means == pytest.approx([0.49140, 0.48216, 0.44653], abs=0.02)


def test_the_votes_of_cifar10h() -> None:
    counts = load_counts(real("cifar10h/cifar10h-counts.npy"))
    check_probabilities(counts, real("cifar10h/cifar10h-probs.npy"))
    split = open_split([real("cifar10/test-00000-of-00001.parquet")], "test")
    facts = vote_facts(counts, split.labels)
    assert facts["votes"] == 511_000
    assert (facts["min_votes"], facts["max_votes"]) == (47, 63)
    assert facts["mean_accuracy"] == pytest.approx(0.9523, abs=5e-5)
    assert facts["majority_accuracy"] == pytest.approx(0.9921)
    assert facts["unanimous"] == pytest.approx(0.439, abs=5e-4)
    assert facts["mean_entropy"] == pytest.approx(0.1545, abs=5e-5)
    assert facts["below_half"] == 122
    by_class = dict(zip(CIFAR10_CLASSES, facts["accuracy_by_class"], strict=True))  # type: ignore[arg-type]
    assert by_class["deer"] == min(by_class.values()) == pytest.approx(0.905, abs=5e-4)
    assert by_class["cat"] == pytest.approx(0.915, abs=5e-4)
    assert by_class["horse"] == max(by_class.values()) == pytest.approx(0.979, abs=5e-4)


def test_image_2405_is_a_cat_that_everyone_takes_for_a_frog() -> None:
    split = open_split([real("cifar10/test-00000-of-00001.parquet")], "test")
    sample = sample_table("test", np.array([2405]), split.labels, CIFAR10_CLASSES).iloc[0]
    assert (sample["id"], sample["label_name"]) == ("test-02405", "cat")
    counts = load_counts(real("cifar10h/cifar10h-counts.npy"))
    votes = votes_table(counts, ["test-02405"], CIFAR10_CLASSES).iloc[0]
    assert votes["frog"] == votes[CIFAR10_CLASSES].sum() > 40


def test_the_faces_their_attributes_and_people() -> None:
    with open_faces(real("celeba/celeba-dataset.zip")) as faces:
        assert len(faces.names) == 10_000
        assert (faces.names[0], faces.names[-1]) == ("000001.jpg", "010000.jpg")
        name, content = faces.attribute_bytes()
        images = np.stack(list(packed_faces(faces, faces.names[:1500])))
    table = join_attributes(parse_attributes(name, content), faces.names, name)
    assert table.shape == (10_000, 41)
    assert set(np.unique(table.drop(columns="id"))) == {0, 1}
    identities = parse_identities(real("celeba/identity_CelebA.txt"))
    people = join_identities(identities, faces.names, "identities")
    _, sizes = np.unique(people, return_counts=True)
    assert len(sizes) == 5429
    assert sizes.max() == 8
    assert int((sizes * (sizes - 1) // 2).sum()) == 7015
    assert (people >= 0).all()
    assert _separation(images, table["Smiling"].to_numpy()[:1500]) > 0.75
    shifted = np.roll(table["Smiling"].to_numpy()[:1500], 1)
    assert _separation(images, shifted) < 0.6


def _separation(images: np.ndarray, labels: np.ndarray) -> float:
    """AUC on the second half of a linear rule learnt on the first: does the join hold?"""
    from sklearn.linear_model import Ridge
    from sklearn.metrics import roc_auc_score

    pixels = images[:, ::4, ::4].reshape(len(images), -1) / 255.0
    half = len(images) // 2
    rule = Ridge(alpha=50.0).fit(pixels[:half], labels[:half])
    return float(roc_auc_score(labels[half:], rule.predict(pixels[half:])))


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("celeba-10k-half", "celeba-dataset.zip"),
        ("celeba-10k-half", "identity_CelebA.txt"),
        ("cifar10-parquet", "test-00000-of-00001.parquet"),
        ("cifar10h", "cifar10h-counts.npy"),
        ("cifar10h", "cifar10h-probs.npy"),
        ("cifar10h-published-predictions", "published_predictions.npz"),
    ],
)
def test_the_manifest_knows_the_real_files(dataset: str, name: str) -> None:
    file = find_file(load_manifest(ROOT / "config" / "datasets.yaml"), dataset, name)
    assert file.mirror is not None
    verify(real(file.mirror), file)


def test_the_pixel_digest_of_a_subset_differs() -> None:
    from latent_microscope.errors import InputError

    file = find_file(
        load_manifest(ROOT / "config" / "datasets.yaml"),
        "cifar10-parquet",
        "train-00000-of-00001.parquet",
    )
    assert file.check is not None
    with pytest.raises(InputError, match=r"rows .*10000.*50000"):
        check_content(real("cifar10/test-00000-of-00001.parquet"), file.check, "x")
