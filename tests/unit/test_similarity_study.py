"""The bootstrap of all measures at once: its values, and draws against explicit resampling."""

from collections.abc import Callable, Hashable

import numpy as np
import pytest

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng as stream
from latent_microscope.similarity import RDM, bootstrap_compare, compare, linear_cka, rdm
from latent_microscope.similarity import study as module
from latent_microscope.similarity.behaviour import softmax
from latent_microscope.similarity.frames import Frame
from latent_microscope.similarity.measures import PARTS, measures
from latent_microscope.similarity.rdms import Distances, pairs_among, pairs_within
from latent_microscope.similarity.resampling import image_weights
from latent_microscope.similarity.study import MEASURES, Item, Scores, bootstrap_scores
from latent_microscope.similarity.variance import semipartial_correlations
from latent_microscope.similarity.votes import vote_shares

N = 90
DRAWS = 60


class Study:
    """Votes of 90 images and three models, two of them one model with two seeds."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.labels = np.arange(N) % 3
        truth = softmax(2 * np.eye(3)[self.labels] + rng.normal(size=(N, 3)))
        counts = rng.multinomial(20, truth)
        shares = vote_shares(counts)
        self.disputed = np.count_nonzero(counts, axis=1) > 1
        self.human_rdm = rdm(shares)
        self.human = Item("human", "features", 0, self.human_rdm, shares)
        noisy = [truth + scale * rng.random((N, 3)) for scale in (0.3, 0.4, 1.5)]
        names = [("a", 0), ("a", 1), ("b", 0)]
        self.rdms = [rdm(part) for part in noisy]
        self.models = [
            Item(name, "features", seed, matrix, part)
            for (name, seed), matrix, part in zip(names, self.rdms, noisy, strict=True)
        ]
        self.frame = Frame(self.labels, self.disputed)

    def scores(
        self,
        shared: Frame | None = None,
        models: list[Item] | None = None,
        *,
        tau: bool = False,
        threads: int = 1,
    ) -> Scores:
        return bootstrap_scores(
            self.human,
            models or self.models,
            shared or self.frame,
            n_draws=DRAWS,
            seed=0,
            tau=tau,
            threads=threads,
        )


@pytest.fixture(scope="module")
def study() -> Study:
    return Study()


def test_values_are_those_of_the_measures(study: Study) -> None:
    found = study.scores(tau=True).point
    assert set(found) == set(MEASURES)
    (every,) = measures([study.human], study.models, study.frame, tau=True).values
    for place, expected in enumerate(every):
        for name in set(MEASURES) - {"semipartial"}:
            within = 4e-3 if name == "tau_a" else 2e-6  # signs are of 256 bins of rank
            assert found[name][place] == pytest.approx(expected[name], abs=within), name
    a, other, b = study.rdms
    human_rdm = study.human_rdm
    first = semipartial_correlations({"a": a, "b": b}, human_rdm)
    assert found["semipartial"][0] == pytest.approx(first["a"], abs=2e-6)
    # Another seed of the same model takes nothing away; of a rival its first seed counts.
    second = semipartial_correlations({"a": other, "b": b}, human_rdm)["a"]
    assert found["semipartial"][1] == pytest.approx(second, abs=2e-6)
    assert found["semipartial"][2] == pytest.approx(first["b"], abs=2e-6)


def resampled(study: Study, function: Callable[[np.ndarray], float]) -> np.ndarray:
    weights = image_weights(N, DRAWS, stream(0, "bootstrap_images"))
    return np.array([function(np.repeat(np.arange(N), row)) for row in weights])


def pairs_of(matrix: RDM, images: np.ndarray) -> np.ndarray:
    """Distances of the pairs of different images of a sample."""
    a, b = np.triu_indices(images.size, 1)
    kept = images[a] != images[b]
    return matrix.square()[images[a][kept], images[b][kept]]


def test_draws_follow_those_of_explicit_resampling(study: Study) -> None:
    found = study.scores(tau=True).draws
    human, model = study.human, study.models[0]
    label = rdm(np.eye(3)[study.labels])

    def exact(**options) -> np.ndarray:
        drawn = bootstrap_compare({"a": study.rdms[0]}, study.human_rdm, None, DRAWS, **options)
        return drawn.draws[:, 0]

    within, disputed = pairs_within(study.labels), pairs_among(study.disputed)
    expected = {
        "rho_a": exact(method="rho-a"),
        "spearman": exact(),
        "cosine": exact(method="cosine"),
        "partial_label": exact(controls=[label]),
        "within_class": exact(pairs=within),
        "within_class_rho_a": exact(method="rho-a", pairs=within),
        "non_unanimous": exact(pairs=disputed),
        "non_unanimous_rho_a": exact(method="rho-a", pairs=disputed),
        "semipartial": exact(unique=True, controls=[study.rdms[2]]),
        "tau_a": resampled(
            study,
            lambda images: compare(
                pairs_of(study.human_rdm, images), pairs_of(study.rdms[0], images), "tau-a"
            ),
        ),
        "cka": resampled(
            study, lambda images: linear_cka(human.features[images], model.features[images])
        ),
    }
    assert set(expected) == set(MEASURES)
    for name, draws in expected.items():
        ours = found[name][:, 0]
        assert np.corrcoef(ours, draws)[0, 1] > 0.93, name
        assert ours.std() == pytest.approx(draws.std(), rel=0.2), name
        assert abs(ours.mean() - draws.mean()) < 0.6 * draws.std(), name


def test_rho_a_of_a_few_pairs_is_that_of_their_ranks() -> None:
    """A covariance of ranks of three pairs, (-1/3, 0, 1/3) with itself, is a rho-a of 1."""
    parts = ("whole", *PARTS, "sign", "product", "cka")
    draws: dict[Hashable, np.ndarray] = {
        (part, i, j): np.full(2, np.var([-1 / 3, 0, 1 / 3]))
        for part in parts
        for i in range(3)
        for j in range(i, 3)
    }
    found = module._scores(draws, 1, [[]], dict.fromkeys(parts, 3))
    for name in ("rho_a", *(f"{part}_rho_a" for part in PARTS)):
        np.testing.assert_allclose(found[name], 1.0, rtol=1e-12)


def test_what_is_not_asked_for_or_not_defined_is_missing(study: Study) -> None:
    """Without tau, with one disputed image, and of a model that is constant."""
    few = Frame(study.labels, np.arange(N) < 1)
    flat = Item(
        "c", "features", 0, RDM(np.ones(len(study.human.matrix), np.float32)), np.ones((N, 2))
    )
    found = study.scores(few, [study.models[0], flat])
    for table in (found.point, found.draws):
        missing = {name for name, values in table.items() if np.isnan(values[..., 0]).all()}
        assert missing == {"tau_a", "non_unanimous", "non_unanimous_rho_a"}
        assert all(np.isnan(values[..., 1]).all() for values in table.values())
        known = [values[..., 0] for name, values in table.items() if name not in missing]
        assert np.isfinite(known).all()


def test_the_scale_of_the_features_changes_no_cosine(study: Study) -> None:
    one = study.models[0]
    tiny = Item("a", "features", 0, rdm(one.features * 1e-20), one.features * 1e-20)
    draws = study.scores(models=[one, tiny]).draws["cosine"]
    assert np.isfinite(draws).all()
    np.testing.assert_allclose(draws[:, 1], draws[:, 0], rtol=1e-5)


def test_threads_change_no_number(study: Study) -> None:
    one, two = (study.scores(threads=threads).draws for threads in (1, 2))
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name])


def test_very_many_images_are_drawn_from_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs within three blocks of 250 images: standard deviations within 8 % of all pairs'."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 750)
    truth = softmax(2 * np.eye(3)[labels] + rng.normal(size=(750, 3)))
    shares = vote_shares(rng.multinomial(20, truth))
    features = [np.eye(3)[labels], truth + 0.3 * rng.random((750, 3))]
    human = Item("human", "features", 0, Distances(shares), shares)
    models = [Item(str(i), "features", 0, Distances(one), one) for i, one in enumerate(features)]
    shared = Frame(labels, np.ones(750, dtype=bool))
    whole, blocks = (
        bootstrap_scores(human, models, shared, n_draws=400, seed=0)
        for _ in (monkeypatch.setattr(module, "BLOCK", most) for most in (750, 250))
    )
    for name in ("rho_a", "spearman", "partial_label", "semipartial", "cosine"):
        known = np.isfinite(whole.point[name])
        ratio = blocks.draws[name].std(axis=0)[known] / whole.draws[name].std(axis=0)[known]
        np.testing.assert_allclose(ratio, 1.0, atol=0.08, err_msg=name)
        np.testing.assert_allclose(blocks.point[name], whole.point[name], atol=0.03)


def test_up_to_half_as_many_images_again_keep_all_pairs(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = study.scores().draws
    for most in (61, 60):  # 90 images have 89 partners: 1.46 and 1.48 blocks
        monkeypatch.setattr(module, "BLOCK", most)
        for name, values in study.scores().draws.items():
            np.testing.assert_allclose(values, whole[name], atol=2e-4, err_msg=name)
    monkeypatch.setattr(module, "BLOCK", 59)
    assert not np.allclose(study.scores().draws["rho_a"], whole["rho_a"], atol=1e-3)


def test_images_of_one_class_follow_each_other_in_blocks_of_its_pairs_only() -> None:
    """Then tiles of two classes, which have none of the pairs, are left out."""
    labels = np.arange(60) % 3
    shared = Frame(labels, labels < 2)
    for part, images in (("whole", 60), ("within_class", 60), ("non_unanimous", 40)):
        blocks = shared.blocks(part, 2, stream(0, "x"))
        assert sorted(np.concatenate(blocks)) == np.flatnonzero(labels < images / 20).tolist()
        for block in blocks:
            order = labels[block] if part == "within_class" else block
            assert (np.diff(order) >= 0).all()
            assert set(np.bincount(labels[block]).tolist()) == {10}


def test_classes_of_fewer_images_than_blocks_have_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = np.random.default_rng(0).permutation(200) // 2
    features = np.eye(100)[labels]
    blocks = Frame(labels, labels > 0).blocks("whole", 2, stream(0, "x"), tiny=2)
    assert [one.size for one in blocks] == [100, 100]
    assert not set(labels[blocks[0]]) & set(labels[blocks[1]])
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(100, 4))[labels] + 0.3 * rng.normal(size=(200, 4))
    human, label = (
        Item(name, "features", 0, rdm(x), x) for name, x in (("human", truth), ("label", features))
    )
    whole, parts = (
        bootstrap_scores(human, [label], Frame(labels, labels > 0), n_draws=50, seed=0).draws
        for _ in (monkeypatch.setattr(module, "BLOCK", most) for most in (200, 100))
    )
    for name in ("rho_a", "spearman", "cosine"):
        assert 0.9 < parts[name].std() / whole[name].std() < 3, name


@pytest.mark.parametrize(
    ("per_class", "disputed", "part"),
    [
        (5, np.arange(600) < 300, "within_class"),
        (2, np.arange(600) < 300, "within_class"),
        (200, np.arange(600) % 30 == 0, "non_unanimous"),
        (200, np.arange(600) < 3, "non_unanimous"),
        (200, np.arange(600) % 5 > 0, "non_unanimous"),  # in two blocks
    ],
)
def test_parts_of_very_many_images_vary_as_over_all_pairs(
    per_class: int, disputed: np.ndarray, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small classes and few disputed images: all of their pairs count, whatever the blocks."""
    rng = np.random.default_rng(1)
    labels = rng.permutation(600) // per_class
    truth = rng.normal(size=(labels.max() + 1, 6))[labels] + rng.normal(size=(600, 6))
    human, model = (truth + 0.7 * rng.normal(size=truth.shape) for _ in range(2))
    items = [
        Item(name, "features", 0, matrix, one)
        for name, matrix, one in (("human", Distances(human), human), ("a", rdm(model), model))
    ]
    shared = Frame(labels, disputed)
    whole, blocks = (
        bootstrap_scores(items[0], items[1:], shared, n_draws=300, seed=0)
        for _ in (monkeypatch.setattr(module, "BLOCK", most) for most in (600, 250))
    )
    few = disputed.sum() < 250
    for name in (part, f"{part}_rho_a"):
        assert np.isfinite(whole.draws[name]).all()
        ratio = blocks.draws[name].std() / whole.draws[name].std()
        assert ratio == pytest.approx(1.0, abs=1e-3 if few or part == "within_class" else 0.05)
        assert blocks.point[name] == pytest.approx(whole.point[name], abs=1e-4 if few else 0.01)


def test_images_nearer_than_float32_are_as_in_an_rdm_in_memory() -> None:
    """Saturated probabilities: the only disputed images are equal, of a network that is not."""
    rng = np.random.default_rng(0)
    labels, disputed = np.arange(60) % 3, np.arange(60) < 3
    shares = vote_shares(rng.multinomial(9, np.full(3, 1 / 3), size=60))
    for columns in (3, 20):
        x = rng.random((60, columns))
        x[:3] = np.eye(columns)[0] + 1e-39 * rng.random((3, columns)) * np.arange(columns)
        human = Item("human", "features", 0, rdm(shares), shares)
        known, computed = (
            bootstrap_scores(
                human,
                [Item("a", "features", 0, matrix, x)],
                Frame(labels, disputed),
                n_draws=20,
                seed=0,
            )
            for matrix in (rdm(x), Distances(x, keep=False))
        )
        for name, values in known.draws.items():
            np.testing.assert_allclose(computed.draws[name], values, atol=1e-6, err_msg=name)
    with pytest.raises(InputError, match="lie within"):
        Distances(x[:3])
