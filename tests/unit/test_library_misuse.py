"""What the library does with arguments of the wrong kind or size: one line, and no number."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import latent_microscope as lm
from latent_microscope.arrays import as_numbers, whole, whole_numbers
from latent_microscope.errors import InputError
from latent_microscope.forensics.populations import Populations

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(30, 4))
VOTES = RNG.multinomial(20, RNG.dirichlet([1, 1, 1], 30))
LABELS = VOTES.argmax(axis=1)
LOGITS = np.log(VOTES + 1.0)
HUMAN, MODEL, LABEL = lm.rdm(VOTES / 20), lm.rdm(Z), lm.rdm(np.eye(3)[LABELS])
BANDS: dict[str, Any] = {"low": 0.0, "high": 0.9, "radius": 2.0}


def refused(function: Callable[..., Any], message: str, *args: Any, **options: Any) -> None:
    """One InputError, and no warning of numpy beside it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=message):
            function(*args, **options)


WHOLE: dict[str, Callable[[Any], Any]] = {
    "k": lambda x: lm.knn_density(Z, x),
    "originality k": lambda x: lm.originality(Z, k=x),
    "signatures k": lambda x: lm.authentic_signatures(Z, **BANDS, k=x),
    "n_attractors": lambda x: lm.originality(Z, n_attractors=x),
    "top": lambda x: lm.authentic_signatures(Z, **BANDS, top=x),
    "max_pairs": lambda x: lm.overlaps(Z, 0.5, x),
    "stability n_draws": lambda x: lm.stability(Z, n_draws=x),
    "block_size": lambda x: lm.uniqueness(Z, block_size=x or 0),
    "n_components": lambda x: lm.independent_sources(Z, x or 0, 1),
    "n_restarts": lambda x: lm.independent_sources(Z, 2, x),
    "max_rows": lambda x: lm.independent_sources(Z, 2, 1, max_rows=x),
    "n_jobs": lambda x: lm.independent_sources(Z, 2, 1, n_jobs=x),
    "neighbours": lambda x: lm.detect_authentic(Z, neighbours=(x,)),
    "one neighbours": lambda x: lm.detect_authentic(Z, neighbours=x),
    "n_splits": lambda x: lm.noise_ceiling(VOTES, n_splits=x),
    "n_simulated": lambda x: lm.noise_ceiling(VOTES, n_splits=1, n_simulated=x),
    "bootstrap n_draws": lambda x: lm.bootstrap_compare([MODEL], HUMAN, n_draws=x),
    "threads": lambda x: lm.bootstrap_compare([MODEL], HUMAN, n_draws=2, threads=x),
    "grid": lambda x: lm.annotator_equivalents("js", VOTES, LOGITS, LABELS, grid=[1, x, 4]),
    "n_repeats": lambda x: lm.annotator_equivalents("js", VOTES, LOGITS, LABELS, n_repeats=x),
    "stability seed": lambda x: lm.stability(Z, seed=x),
    "sources seed": lambda x: lm.independent_sources(Z, 2, 1, seed=x),
    "cores seed": lambda x: lm.authentic_cores(Z, Z, seed=x),
    "ceiling seed": lambda x: lm.noise_ceiling(VOTES, n_splits=1, n_simulated=0, seed=x),
    "bootstrap seed": lambda x: lm.bootstrap_compare([MODEL], HUMAN, n_draws=2, seed=x),
    "equivalents seed": lambda x: lm.annotator_equivalents("js", VOTES, LOGITS, LABELS, seed=x),
}


@pytest.mark.parametrize("value", [2.5, np.inf, "3", None])
@pytest.mark.parametrize("name", WHOLE)
def test_a_number_that_is_not_whole_is_named(name: str, value: Any) -> None:
    refused(lambda: WHOLE[name](value), name.rsplit(maxsplit=1)[-1])


def test_whole_numbers_of_any_kind() -> None:
    kinds = (3, 3.0, np.int64(3), np.float32(3), np.uint8(3), torch.tensor(3))
    assert [whole(kind, "k") for kind in kinds] == [3] * 6
    three: Any = 3.0
    np.testing.assert_array_equal(lm.originality(Z, k=three), lm.originality(Z, k=3))
    seeds: list[Any] = [-1, np.int64(-1), np.int8(-1)]
    for seed in seeds:
        np.testing.assert_array_equal(lm.stability(Z, seed=seed), lm.stability(Z, seed=-1))
    assert whole_numbers(pd.Series([1, 0], dtype="category"), "x").tolist() == [1, 0]
    for odd in ([0.5], [np.inf], [np.nan], [1e30], np.array([2**63], dtype=np.uint64), ["a"]):
        refused(whole_numbers, "labels must be", odd, "labels")


@pytest.mark.parametrize(
    "scale",
    [1e200, 1e160, 5e306, 1e-165, 1e-200, 1e-310],
)
@pytest.mark.parametrize(
    "function",
    [
        lm.knn_density,
        lm.attractor_density,
        lm.originality,
        lm.stability,
        lm.uniqueness,
        lm.overlaps,
        lm.independent_sources,
        lm.detect_authentic,
        lm.authentic_signatures,
    ],
)
def test_a_scale_that_float64_does_not_square_is_one_line(
    function: Callable[..., Any], scale: float
) -> None:
    refused(lambda: function(Z * scale), "scale the values")


def test_values_that_would_end_as_nan() -> None:
    refused(lambda: lm.stability(Z, noise=np.inf), "noise inf")
    scores = [-1.7e308, 0.0, 1.7e308]
    refused(lambda: lm.creative_latent_score(scores, [0, 1, 2]), "scale the scores")
    for bounds in ((-np.inf, 0), (0, 1, 2), 0, "ab", (None, 1)):
        score = lm.creative_latent_score
        refused(score, "bounds|range", Z[:, 0], Z[:, 1], uniqueness_bounds=bounds)


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e307])
@pytest.mark.parametrize("method", ["pearson", "cosine"])
def test_the_scale_of_bare_dissimilarities_changes_no_similarity(method: str, scale: float) -> None:
    a, b = (one.values.astype(np.float64) for one in (HUMAN, MODEL))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = lm.compare(a / a.max() * scale, b * 0.1, method)
    assert found == pytest.approx(lm.compare(a, b, method), rel=1e-12)


def test_what_is_hidden_is_not_used() -> None:
    assert np.isnan(as_numbers(np.ma.masked_less([1, 2, 3], 2), "x")[0])
    assert as_numbers(np.ma.masked_less([1, 2, 3], 0), "x").dtype == np.int64
    masked = np.ma.masked_array(Z, Z < -1)
    refused(lambda: lm.knn_density(masked), "latents row")
    refused(lambda: lm.rdm(masked), "non-finite feature")
    refused(lambda: lm.compare(np.ma.masked_less(HUMAN.values, 0.2), MODEL), "NaN")


@pytest.mark.parametrize(
    "odd", [Z + 1j, Z.astype(str), np.ones((30, 2), "M8[s]"), Z.astype(str).astype(object)]
)
def test_what_numpy_would_turn_into_numbers_is_refused(odd: np.ndarray) -> None:
    for function in (lm.knn_density, lm.rdm, lm.independent_sources):
        refused(function, "must be an array of numbers", odd)


def test_objects_that_are_numbers_are_taken_by_all() -> None:
    rows = np.empty(30, dtype=object)
    rows[:] = list(Z)
    tensors = [torch.tensor(row, requires_grad=True) for row in Z]
    for given in (Z.astype(object), rows, tensors):
        np.testing.assert_array_equal(lm.knn_density(given), lm.knn_density(Z))
        np.testing.assert_array_equal(lm.rdm(given).values, MODEL.values)
        np.testing.assert_array_equal(
            lm.independent_sources(given, 2, 1), lm.independent_sources(Z, 2, 1)
        )


def test_infinities_of_both_signs_give_no_warning() -> None:
    odd = Z.copy()
    odd[3, :2] = np.inf, -np.inf
    refused(lambda: lm.knn_density(odd), "latents row 3")
    refused(lambda: lm.rdm(odd), "id 3 has a non-finite")


MASK = HUMAN.values > 0.3
PAIRS: dict[str, Any] = {
    "before the first": [-1, 0, 1],
    "after the last": [0, 435],
    "twice": [0, 1, 1],
    "a mask of numbers": MASK.astype(int),
    "floats": [0.0, 1.0],
    "a short mask": MASK[:-1],
    "none": [],
    "an empty mask": np.zeros(435, dtype=bool),
    "a matrix": [[0, 1], [1, 2]],
    "one number": 3,
}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_that_are_no_pairs_are_one_line(name: str) -> None:
    pairs = PAIRS[name]
    message = "pairs must be a mask of all 435 pairs, or positions"
    for method in ("spearman", "pearson"):
        refused(lm.compare, message, HUMAN, MODEL, method, pairs=pairs)
    refused(lm.partial_compare, message, HUMAN, MODEL, LABEL, pairs=pairs)
    refused(lm.noise_ceiling, message, VOTES, n_splits=1, pairs=pairs)
    refused(lm.bootstrap_compare, message, [MODEL], HUMAN, n_draws=2, pairs=pairs)


def test_masks_and_positions_of_any_kind_are_the_same_pairs() -> None:
    expected = lm.compare(HUMAN, MODEL, pairs=MASK)
    places = np.flatnonzero(MASK)
    for pairs in (
        places,
        places[::-1],
        places.astype(np.uint32),
        MASK.tolist(),
        torch.tensor(MASK),
    ):
        assert lm.compare(HUMAN, MODEL, pairs=pairs) == pytest.approx(expected, rel=1e-12)


def test_one_control_is_a_list_of_one() -> None:
    assert lm.partial_compare(HUMAN, MODEL, [LABEL]) == lm.partial_compare(HUMAN, MODEL, LABEL)
    for control in (LABEL, LABEL.values):
        one = lm.noise_ceiling(VOTES, n_splits=2, n_simulated=0, controls=control)
        assert (
            one.lower == lm.noise_ceiling(VOTES, n_splits=2, n_simulated=0, controls=[LABEL]).lower
        )
    boot = [
        lm.bootstrap_compare([MODEL], HUMAN, n_draws=5, controls=control).draws
        for control in (LABEL, [LABEL])
    ]
    np.testing.assert_array_equal(boot[0], boot[1])


def test_a_bootstrap_of_what_is_no_rdm_is_one_line() -> None:
    for rdms in (MODEL, None, MODEL.values, [MODEL.values], {"m": MODEL.values}):
        refused(lm.bootstrap_compare, "^rdms", rdms, HUMAN, n_draws=2)
    refused(lm.bootstrap_compare, "^reference", [MODEL], HUMAN.values, n_draws=2)
    bare = [LABEL.values]
    refused(lm.bootstrap_compare, "^controls", [MODEL], HUMAN, n_draws=2, controls=bare)
    for level in (95, "x", None, 0.0):
        refused(lm.bootstrap_compare, "Interval level", [MODEL], HUMAN, n_draws=2, level=level)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS - 1, "between 0 and 2, not -1"),
        (LABELS + 1, "between 0 and 2"),
        (LABELS + 0.5, "whole numbers"),
        (np.where(LABELS == 0, np.nan, LABELS), "whole numbers"),
        (LABELS.astype(str), "array of numbers"),
        (None, "array of numbers"),
    ],
)
@pytest.mark.parametrize("score", ["accuracy", "js"])
def test_labels_that_are_no_classes(score: str, labels: Any, message: str) -> None:
    refused(lambda: lm.annotator_equivalents(score, VOTES, LOGITS, labels), message)


def test_an_undefined_score_is_worth_no_number_of_votes() -> None:
    votes = np.tile([20, 0, 0], (30, 1))  # a draw of few votes: all images alike, a constant RDM
    votes[:2] = [19, 1, 0], [18, 2, 0]
    found = lm.annotator_equivalents("rsa", votes, LOGITS, LABELS)
    assert np.isnan(found.curve["score"]).any()
    assert np.isnan(found.votes)
    assert found.censored == ""
    refused(lambda: lm.annotator_equivalents(None, votes, LOGITS, LABELS), "Score None")  # type: ignore[arg-type]


def test_a_ceiling_of_undefined_halves_says_why() -> None:
    found = lm.noise_ceiling(VOTES, n_splits=2, n_simulated=1, pairs=[5])
    assert np.isnan(found.ceiling)
    assert found.status == "halves of the votes have no defined similarity"


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        (VOTES / 20, "pass counts"),
        (np.where(VOTES.max() == VOTES, np.nan, VOTES), "not a non-negative whole"),
        (VOTES * 1e30, "too many to draw"),
        (VOTES * 10**9, "too many to draw"),
        (-VOTES, "not a non-negative whole"),
        (VOTES[:0], "shape"),
    ],
)
def test_votes_that_are_no_counts(votes: np.ndarray, message: str) -> None:
    refused(lambda: lm.noise_ceiling(votes), message)
    n = len(votes)
    refused(lambda: lm.annotator_equivalents("js", votes, LOGITS[:n], LABELS[:n]), message)


def test_distances_that_do_not_fit() -> None:
    gaps = np.sort(np.linalg.norm(Z[:, None] - Z, axis=2), axis=1)[:, 1:]
    given = lm.authentic_signatures(Z, **BANDS, distances=gaps[:, :10].tolist())
    pd.testing.assert_frame_equal(given, lm.authentic_signatures(Z, **BANDS))
    for odd in (gaps[:3], gaps[:, 0], gaps[:, ::-1], np.full_like(gaps, np.nan), "x"):
        refused(lm.authentic_signatures, "distances", Z, **BANDS, distances=odd)
        refused(lm.detect_authentic, "distances", Z, distances=odd)
    refused(lambda: lm.authentic_signatures(Z, **BANDS, distances=gaps[:, :2]), "at least 10")
    refused(lambda: lm.detect_authentic(Z, neighbours=()), "neighbours is empty")


def test_ids_of_any_kind() -> None:
    expected = lm.stability(Z, ids=np.arange(30))
    ids = [*map(np.int64, range(30))]
    for same in (ids, torch.arange(30), pd.Series(range(30), dtype="Int64"), iter(range(30))):
        np.testing.assert_array_equal(lm.stability(Z, ids=same), expected)  # type: ignore[arg-type]
    bytes_of_names = [b"\xe4%d.png".replace(b"%d", b"%d" % i) for i in range(30)]
    names = [name.decode(errors="surrogateescape") for name in bytes_of_names]
    assert np.isfinite(lm.stability(Z, ids=names)).all()
    for odd in (None, np.nan, pd.NaT):
        refused(lm.rdm, "id of image 0 is missing", Z, ids=[odd, *range(29)])
    other = lm.RDM(MODEL.values, np.array([str(i) for i in range(30)]))
    refused(lambda: lm.compare(MODEL, other), "position 0: 0 and '0'")


def test_out_that_cannot_be_written_to() -> None:
    fixed = np.empty(435, dtype=np.float32)
    fixed.flags.writeable = False
    for out in ([0.0] * 435, fixed):
        refused(lm.rdm, "out must be a numpy array", Z, out=out)


ATTRIBUTES, MEMBERS = pd.DataFrame({"hat": Z[:, 0] > 0, "hair": Z[:, 1] > 0}), Z[:, 2] > 0


def test_attributes_of_any_kind_are_the_same_table() -> None:
    expected = lm.attribute_bias_index(ATTRIBUTES, MEMBERS)
    tensor = torch.tensor(ATTRIBUTES.to_numpy(float), requires_grad=True)
    given: dict[str, Any] = {
        "nullable": ATTRIBUTES.astype("boolean"),
        "objects": ATTRIBUTES.astype(object),
        "categories": ATTRIBUTES.astype("category"),
        "gradients": tensor,
        "lists": ATTRIBUTES.to_numpy().tolist(),
    }
    for kind in given.values():
        found = lm.attribute_bias_index(kind, MEMBERS, names=["hat", "hair"])
        pd.testing.assert_frame_equal(found, expected)


def test_what_is_missing_is_no_attribute_no_member_and_nobody() -> None:
    hidden = np.zeros((30, 2), dtype=bool)
    hidden[3] = True
    abi = lm.attribute_bias_index
    refused(abi, "row 3", np.ma.masked_array(ATTRIBUTES.to_numpy(), hidden), MEMBERS)
    refused(abi, "row 3", ATTRIBUTES.astype("boolean").mask(hidden), MEMBERS)
    refused(abi, "0/1", ATTRIBUTES.to_numpy() + 1j, MEMBERS)
    refused(abi, "members is masked", ATTRIBUTES, np.ma.masked_array(MEMBERS, hidden[:, 0]))
    for odd in (None, np.nan, pd.NA):
        people = np.array([odd, *"abc" * 9, "d", "e"], dtype=object)
        refused(abi, "identities row 0 is missing", ATTRIBUTES, MEMBERS, identities=people)


def test_rows_of_pandas_objects_are_of_the_same_samples() -> None:
    abi, members = lm.attribute_bias_index, pd.Series(MEMBERS)
    named = ATTRIBUTES.set_axis([f"i{row:02}" for row in range(30)])
    expected = abi(ATTRIBUTES, MEMBERS)
    # A default index says nothing beside names of samples.
    for given in (members, members.set_axis(named.index)):
        pd.testing.assert_frame_equal(abi(named, given), expected)
    back = ATTRIBUTES[::-1]
    said = "attributes and members have different indices: row 0 is 29 and 0; "
    refused(abi, said, back, members)
    refused(
        abi,
        "row 3 is i03 and other",
        named,
        members.set_axis([*named.index[:3], "other", *"x" * 26]),
    )
    people = pd.Series(np.repeat(np.arange(15), 2))
    refused(abi, "attributes and identities", back, MEMBERS, identities=people)
    refused(abi, "members and identities", MEMBERS[:, None], members[::-1], identities=people)
    pd.testing.assert_frame_equal(abi(back, members.loc[back.index]), expected)


def test_people_named_by_numbers_and_texts() -> None:
    people = np.repeat(np.arange(15), 2)
    mixed = [int(one) if one % 2 else str(one) for one in people]
    found = [
        lm.attribute_bias_index(ATTRIBUTES, MEMBERS, identities=np.array(names, dtype=object))
        for names in (people, mixed)
    ]
    pd.testing.assert_frame_equal(found[0], found[1])


@pytest.mark.parametrize("value", ["0.5", None, np.nan])
def test_a_limit_that_is_no_number_is_named(value: Any) -> None:
    refused(lm.authentic_signatures, "low", Z, value, 0.1)
    refused(lm.authentic_signatures, "high", Z, 0.1, value)
    refused(lm.isolated_cores, "similarity", Z, Z[:, 0], 50, value)
    refused(lm.isolated_cores, "percentile", Z, Z[:, 0], value)
    refused(lm.overlaps, "threshold", Z, value)
    refused(lm.attractor_density, "radius", Z, value)


@pytest.mark.parametrize("n", [4, 5])
def test_a_constant_sample_has_no_correlation(n: int) -> None:
    """Two images drawn: one pair, many times; Pearson, as Spearman, is not defined."""
    x = np.random.default_rng(2).normal(size=(n, 3))
    models = [lm.rdm(x + np.random.default_rng(3).normal(size=x.shape))]
    defined = {
        method: ~np.isnan(
            lm.bootstrap_compare(models, lm.rdm(x), n_draws=200, method=method).draws[:, 0]
        )
        for method in ("pearson", "spearman")
    }
    assert 0 < np.count_nonzero(defined["spearman"]) < 200
    np.testing.assert_array_equal(defined["pearson"], defined["spearman"])


def test_a_sample_of_one_pair_has_no_rho_a() -> None:
    x = np.random.default_rng(2).normal(size=(4, 3))
    mask = np.array([True, False, False, False, False, True])
    models = [lm.rdm(x[:, :2])]
    found = lm.bootstrap_compare(models, lm.rdm(x), n_draws=200, method="rho-a", pairs=mask).draws
    rank = lm.bootstrap_compare(models, lm.rdm(x), n_draws=200, pairs=mask).draws
    assert np.isnan(found).any()
    assert not np.isnan(found[~np.isnan(rank)]).any()


def test_populations_of_copies_give_no_warning() -> None:
    points = Populations(
        labels=np.array([0, 0, 1, 1, -1]),
        centres=np.array([[0.0], [4.0]]),
        spreads=np.zeros(2),
        samples=np.array([[0.0], [0.0], [4.0], [4.0]]),
        groups=np.array([0, 0, 1, 1]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = points.relative_distance(np.array([[0.0], [4.0], [1.0]]))
        lm.detect_authentic(np.repeat(np.random.default_rng(0).integers(-2, 3, (5, 1)), 12, axis=0))
    np.testing.assert_array_equal(found, [0.0, 0.0, np.inf])
