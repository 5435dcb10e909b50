"""Synthetic people, cartoon faces, toy objects and simulated annotators: the truth is known."""

import io
import zipfile

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import correlate1d
from scipy.stats import chisquare

from latent_microscope.data.cifar import CIFAR10_CLASSES
from latent_microscope.errors import InputError
from latent_microscope.seeds import rng
from latent_microscope.synthetic.faces_demo import faces_archive, person_sizes
from latent_microscope.synthetic.objects_demo import (
    CLASSES,
    LOOK_ALIKE,
    confusion_matrix,
    draw_object,
    draw_split,
    draw_votes,
    parquet_bytes,
    simulate_votes,
    vote_probabilities,
)
from latent_microscope.synthetic.people import (
    PEOPLE,
    PeopleSettings,
    authentic_images,
    eye_region,
    interpolated_images,
    people_data,
    quantise,
    templates,
)

ATTRIBUTES = [
    *("Glasses", "Hat", "Smiling", "Dark_Hair", "Long_Hair"),
    *("Beard", "Earrings", "Rosy_Cheeks", "Bow_Tie", "Blue_Background"),
]
BOXES = {  # rows, left columns, right columns, scale, offset: the preprint's experiment
    "large": ((8, 22), (10, 32), (32, 54), 0.7, 0.2),
    "small": ((12, 18), (16, 26), (38, 48), 0.5, 0.4),
    "brows": ((6, 8), (12, 28), (36, 52), 0.2, 0.0),
    "almond": ((10, 20), (14, 30), (34, 50), 0.6, 0.3),
    "mixed": ((9, 19), (13, 31), (33, 51), 0.65, 0.25),
}


def people(seed: int = 0, per_person: int = 40, mixtures: int = 200):
    settings = PeopleSettings(per_person, mixtures)
    return people_data(settings, rng(seed, "templates"), rng(seed, "samples"))


def test_templates_have_the_boxes_of_the_preprint() -> None:
    made = np.stack([templates(rng(k, "t")) for k in range(20)])
    assert made.shape == (20, 5, 32, 64, 3)
    assert [p.name for p in PEOPLE] == list(BOXES)
    for k, (rows, left, right, scale, offset) in enumerate(BOXES.values()):
        inside = np.zeros((32, 64), dtype=bool)
        for columns in (left, right):
            inside[slice(*rows), slice(*columns)] = True
        box, rest = made[:, k, inside], made[:, k, ~inside]
        assert box.min() >= offset
        assert box.max() <= offset + scale
        assert box.min() == pytest.approx(offset, abs=0.02 * scale)
        assert box.max() == pytest.approx(offset + scale, abs=0.02 * scale)
        assert box.mean() == pytest.approx(offset + scale / 2, abs=0.02)
        assert (rest.min(), rest.max()) == pytest.approx((0.3, 0.7), abs=0.001)
        assert rest.mean() == pytest.approx(0.5, abs=0.003)


def test_authentic_images_are_template_plus_noise() -> None:
    bases = np.full((2, 32, 64, 3), 0.5)
    bases[1] = 0.98
    images = authentic_images(bases, 30, rng(0, "a"))
    assert images.shape == (60, 32, 64, 3)
    assert images[:30].std() == pytest.approx(0.05, rel=0.01)
    assert images[:30].mean() == pytest.approx(0.5, abs=0.001)
    assert images.max() == 1
    assert authentic_images(bases, 3, rng(0, "a"), noise=0).std(axis=(1, 2, 3)).max() < 1e-12


def test_interpolations_are_mixtures_of_two_different_people() -> None:
    bases = templates(rng(0, "t"))
    images, mixed = interpolated_images(bases, 1000, rng(1, "i"), noise=0.0)
    assert (mixed.person_a != mixed.person_b).all()
    pairs = pd.Series(list(zip(mixed.person_a, mixed.person_b, strict=True))).value_counts()
    assert len(pairs) == 20
    assert chisquare(pairs.to_numpy()).pvalue > 1e-4
    assert mixed.alpha.mean() == pytest.approx(0.5, abs=0.04)
    assert (mixed.alpha.min(), mixed.alpha.max()) == pytest.approx((0, 1), abs=0.02)
    for i in range(5):
        alpha = mixed.alpha[i]
        expected = alpha * bases[mixed.person_a[i]] + (1 - alpha) * bases[mixed.person_b[i]]
        assert np.allclose(images[i], expected)
    images, noisy = interpolated_images(bases, 50, rng(1, "i"))
    rest = images[:, 25:] - np.stack(
        [
            a * bases[p, 25:] + (1 - a) * bases[q, 25:]
            for a, p, q in zip(noisy.alpha, noisy.person_a, noisy.person_b, strict=True)
        ]
    )
    assert rest.std() == pytest.approx(0.03, rel=0.02)


def test_interpolations_need_two_people() -> None:
    with pytest.raises(InputError, match="two people"):
        interpolated_images(np.zeros((1, 32, 64, 3)), 3, rng(0, "i"))
    assert len(interpolated_images(np.zeros((1, 32, 64, 3)), 0, rng(0, "i"))[0]) == 0


def test_labels_travel_with_the_samples() -> None:
    images, table = people()
    assert images.shape == (400, 32, 64, 3)
    assert images.dtype == np.uint8
    assert list(table.columns) == ["id", "kind", "person_a", "person_b", "alpha", "authentic"]
    assert table["id"].is_unique
    first, last = table[:200], table[200:]
    assert first["authentic"].all()
    assert not last["authentic"].any()
    assert (first["kind"] == "authentic").all()
    assert (last["kind"] == "interpolation").all()
    assert first["person_a"].tolist() == sorted(list(range(5)) * 40)
    assert (first["person_b"] == -1).all()
    assert first["alpha"].isna().all()
    assert last["alpha"].between(0, 1).all()
    assert (last["person_b"] >= 0).all()
    bases = quantise(templates(rng(0, "templates"))).astype(float)
    flat = images.reshape(400, -1).astype(float)
    distances = ((flat[:200, None] - bases.reshape(1, 5, -1)) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == first["person_a"]).all()


def test_the_same_seed_gives_the_same_people() -> None:
    (a, s), (b, t), (c, _) = people(1, 3, 4), people(1, 3, 4), people(2, 3, 4)
    assert np.array_equal(a, b)
    assert s.equals(t)
    assert not np.array_equal(a, c)


def test_quantise_rounds() -> None:
    assert quantise(np.array([0, 0.4 / 255, 0.6 / 255, 1])).tolist() == [0, 0, 1, 255]


@pytest.mark.parametrize(("height", "width"), [(32, 64), (64, 64), (109, 89)])
def test_the_eye_region_step_by_step(height: int, width: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    eyes = eye_region(images)
    assert eyes.shape == (3, 32, 64, 3)
    weights = np.exp(-np.array([1, 0, 1]) / 0.5)
    weights /= weights.sum()
    for image, eye in zip(images, eyes, strict=True):
        crop = image[int(0.25 * height) : int(0.6 * height), int(0.15 * width) : int(0.85 * width)]
        small = np.asarray(Image.fromarray(crop).resize((64, 32), Image.Resampling.LANCZOS))
        blurred = small.astype(float)
        for axis in (0, 1):
            blurred = correlate1d(blurred, weights, axis=axis, mode="mirror")
        assert np.abs(eye - blurred).max() <= 0.5 + 1e-9


def test_the_eye_region_of_a_plain_image_is_plain() -> None:
    assert (eye_region(np.full((1, 32, 64, 3), 137, dtype=np.uint8)) == 137).all()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((32, 64, 3), dtype=np.uint8),
        np.zeros((1, 32, 64, 1), dtype=np.uint8),
        np.zeros((1, 32, 64, 3)),
        np.zeros((1, 1, 1, 3), dtype=np.uint8),
    ],
)
def test_the_eye_region_of_other_things(images: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"images"):
        eye_region(images)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.integers(1, 60))
def test_person_sizes_add_up(n_images: int, n_people: int) -> None:
    if n_people > n_images:
        with pytest.raises(InputError, match="people for"):
            person_sizes(n_images, n_people)
        return
    sizes = person_sizes(n_images, n_people)
    assert len(sizes) == n_people
    assert sizes.sum() == n_images
    assert sizes.min() >= 1


def test_cartoon_faces_come_in_the_layout_of_kaggle() -> None:
    content, identities = faces_archive(130, 20, rng(0, "f"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        table = pd.read_csv(io.BytesIO(archive.read("list_attr_celeba.csv")))
        first = archive.read("img_align_celeba/img_align_celeba/000001.jpg")
        assert {info.date_time for info in archive.infolist()} == {(2020, 1, 1, 0, 0, 0)}
    assert len(names) == 131
    assert list(table.columns) == ["image_id", *ATTRIBUTES]
    assert set(np.unique(table[ATTRIBUTES])) == {-1, 1}
    image = Image.open(io.BytesIO(first))
    assert (image.size, image.format) == ((89, 109), "JPEG")
    people_of = pd.Series([int(line.split()[1]) for line in identities.splitlines()])
    assert people_of.value_counts().head(2).tolist() == [30, 30]
    assert people_of.nunique() == 20
    same = table.groupby(people_of)[["Dark_Hair", "Beard", "Long_Hair"]].nunique()
    assert (same == 1).all().all()


def test_cartoon_faces_are_the_same_bytes_each_time() -> None:
    assert faces_archive(12, 4, rng(3, "f")) == faces_archive(12, 4, rng(3, "f"))
    assert faces_archive(12, 4, rng(3, "f"))[0] != faces_archive(12, 4, rng(4, "f"))[0]


def test_attributes_of_the_cartoons_can_be_seen_and_some_go_together() -> None:
    content, _ = faces_archive(400, 120, rng(0, "f"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        table = pd.read_csv(io.BytesIO(archive.read("list_attr_celeba.csv")))
        images = np.stack(
            [
                np.asarray(Image.open(archive.open(f"img_align_celeba/img_align_celeba/{name}")))
                for name in table["image_id"]
            ]
        ).astype(float)
    shares = (table[ATTRIBUTES] == 1).mean()
    assert shares.between(0.08, 0.75).all()
    assert np.corrcoef(table["Beard"], table["Long_Hair"])[0, 1] < -0.2
    assert np.corrcoef(table["Beard"], table["Glasses"])[0, 1] > 0.15
    for name in ATTRIBUTES:
        yes = table[name].to_numpy() == 1
        gap = np.abs(images[yes].mean(axis=0) - images[~yes].mean(axis=0))
        assert gap[10:99].max() > 15, name


def test_objects_cannot_be_mistaken_for_cifar() -> None:
    assert len(CLASSES) == 10
    assert not set(CLASSES) & set(CIFAR10_CLASSES)
    assert {k for pair in LOOK_ALIKE for k in pair} == set(range(10))


def test_objects_can_be_told_apart_by_form() -> None:
    """Averages of |edge| patterns differ between all classes: no two draw the same thing."""
    means = []
    for label in range(10):
        generator = rng(0, "o", label)
        images = np.stack([draw_object(label, label, 0.0, generator) for _ in range(60)])
        grey = images.mean(axis=3)
        centred = np.abs(grey - np.median(grey, axis=(1, 2), keepdims=True))
        means.append((centred / centred.max(axis=(1, 2), keepdims=True)).mean(axis=0))
    for a in range(10):
        for b in range(a):
            assert np.abs(means[a] - means[b]).mean() > 0.015, (CLASSES[a], CLASSES[b])


def test_difficulty_mixes_in_the_look_alike() -> None:
    def draw(label: int, other: int, difficulty: float) -> np.ndarray:
        return draw_object(label, other, difficulty, rng(0, "same")).astype(float)

    clear, half, alike = draw(2, 9, 0.0), draw(2, 9, 1.0), draw(9, 9, 0.0)
    assert np.abs(half - (clear + alike) / 2).mean() < np.abs(half - clear).mean()


def test_a_split_is_balanced_and_mostly_clear() -> None:
    images, labels, difficulty = draw_split(30, rng(0, "s"))
    assert images.shape == (300, 32, 32, 3)
    assert np.bincount(labels).tolist() == [30] * 10
    assert labels.tolist() != sorted(labels)
    assert ((difficulty >= 0) & (difficulty <= 1)).all()
    assert np.median(difficulty) < 0.2 < difficulty.max()


def test_the_parquet_of_the_objects_has_the_layout_of_hugging_face() -> None:
    images, labels, _ = draw_split(2, rng(0, "s"))
    content = parquet_bytes(images, labels, "test")
    assert content == parquet_bytes(images, labels, "test")
    table = pq.read_table(io.BytesIO(content))
    assert table.column_names == ["img", "label"]
    cell = table["img"][7].as_py()
    assert cell["path"] == "test_00007.png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(cell["bytes"]))), images[7])
    assert table["label"].to_pylist() == labels.tolist()
    assert b'"disc"' in table.schema.metadata[b"huggingface"]


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8))
def test_confusions_are_distributions(share: float, pairs: list[tuple[int, int]]) -> None:
    pairs = [(a, b) for a, b in pairs if a != b]
    matrix = confusion_matrix(6, pairs, share)
    assert np.allclose(matrix.sum(axis=1), 1)
    assert (matrix >= 0).all()
    alone = [k for k in range(6) if not any(k in pair for pair in pairs)]
    assert (matrix[alone, alone] >= 0.9).all()


def test_confusions_by_hand() -> None:
    matrix = confusion_matrix(4, [(0, 1), (0, 2)], 0.6)
    rest = 0.4 * 0.1 / 4
    assert matrix[0] == pytest.approx([0.36 + rest, 0.3 + rest, 0.3 + rest, rest])
    assert matrix[1] == pytest.approx([0.6 + rest, 0.36 + rest, rest, rest])
    assert matrix[3] == pytest.approx([rest, rest, rest, 0.96 + rest])


def test_difficulty_moves_from_the_label_to_the_confusions() -> None:
    confusion = confusion_matrix(3, [(0, 1)], 0.5)
    truth = vote_probabilities(np.array([0, 0, 0]), confusion, np.array([0.0, 0.5, 1.0]))
    assert truth[0].tolist() == [1, 0, 0]
    assert np.allclose(truth[1], (truth[0] + truth[2]) / 2)
    assert np.allclose(truth[2], confusion[0])


def test_votes_follow_the_probabilities() -> None:
    truth = np.repeat([[0.7, 0.2, 0.1]], 4000, axis=0)
    votes = simulate_votes(truth, rng(0, "v"))
    totals = votes.sum(axis=1)
    assert (totals.min(), totals.max()) == (47, 63)
    assert totals.mean() == pytest.approx(55, abs=0.3)
    expected = np.array([0.7, 0.2, 0.1]) * votes.sum()
    assert chisquare(votes.sum(axis=0), expected).pvalue > 1e-4
    assert np.array_equal(votes, simulate_votes(truth, rng(0, "v")))


def test_votes_on_the_objects_resemble_those_of_people() -> None:
    _, labels, difficulty = draw_split(100, rng(0, "s"))
    votes, truth = draw_votes(labels, difficulty, rng(0, "v"))
    assert np.allclose(truth.sum(axis=1), 1)
    shares = votes / votes.sum(axis=1, keepdims=True)
    assert shares[np.arange(1000), labels].mean() > 0.8
    assert 0.1 < (shares.max(axis=1) == 1).mean() < 0.8
    hard = difficulty > 0.5
    right = shares[np.arange(1000), labels]
    assert right[hard].mean() < right[~hard].mean() - 0.2
