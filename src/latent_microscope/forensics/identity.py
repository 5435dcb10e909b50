"""Identity consistency: are images of one person closer or more stable than of several people?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import ks_2samp, levene, mannwhitneyu
from sklearn.metrics import silhouette_score

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, as_vector, identity_codes, in_range
from latent_microscope.neighbours.blocks import pair_distances, unit_rows
from latent_microscope.seeds import rng
from latent_microscope.statistics.auc import logit_interval, placements
from latent_microscope.statistics.clusters import (
    FEWEST,
    MIN_EFFECTIVE,
    MIN_FREEDOM,
    effective_number,
    working_moments,
)
from latent_microscope.statistics.summaries import percentile_interval, too_few

INTRA = ("intra A", "intra B")
FEWEST_IMAGES = 3  # of a group: two have no spread that differs from their distance
MOST_PAIRS = 2_000_000  # of one identity that are compared: about 0.6 GB
_TESTS = ("levene", "mann-whitney", "kolmogorov-smirnov", "variance-difference")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class IdentityGroups:
    """Rows of ``intra A`` and ``intra B``, one person each, and of ``mixed``, half of each."""

    rows: Mapping[str, Ints]  # ascending
    identities: tuple[str, str]  # the two identities
    wanted: int  # images wanted of each

    @property
    def note(self) -> str | None:
        """A message if an identity has fewer images than wanted, else None."""
        fewest = min(len(self.rows[name]) for name in INTRA)
        if fewest >= self.wanted:
            return None
        return (
            f"no two identities have {self.wanted} images; the largest have "
            f"{len(self.rows[INTRA[0]])} and {len(self.rows[INTRA[1]])}"
        )


def identity_groups(
    identities: npt.ArrayLike, *, images: int = 30, seed: int = 0
) -> IdentityGroups:
    """The two identities with most images (ties: first in the file), and a mix as control."""
    in_range(images, "images", 2)
    names = np.asarray(identities)
    codes = identity_codes(names, names.size)
    sizes = np.bincount(codes)
    first = np.full(len(sizes), len(codes))
    np.minimum.at(first, codes, np.arange(len(codes)))
    two = np.lexsort((first, -sizes))[:2]
    if len(two) < 2 or sizes[two].min() < 2:
        raise InputError("identities: two with at least two images each are required")
    generator = rng(seed, "identity-groups")
    a, b = (_some(np.flatnonzero(codes == code), images, generator) for code in two)
    count = min(len(a), len(b))
    mixed = np.concatenate([_some(a, (count + 1) // 2, generator), _some(b, count // 2, generator)])
    chosen = (str(names[a[0]]), str(names[b[0]]))
    rows = dict(zip((*INTRA, "mixed"), (a, b, np.sort(mixed)), strict=True))
    return IdentityGroups(rows, chosen, int(images))


def _some(rows: Ints, count: int, generator: np.random.Generator) -> Ints:
    """At most ``count`` of the rows, ascending."""
    if len(rows) <= count:
        return rows
    return np.sort(generator.choice(rows, size=count, replace=False))


def group_summary(rows: Mapping[str, Ints], scores: Mapping[str, npt.ArrayLike]) -> pd.DataFrame:
    """Mean and standard deviation (ddof 1) of each score in each group of these rows."""
    records = []
    for name, values in scores.items():
        vector = as_vector(values, name)
        for group, members in rows.items():
            part = vector[members]
            mean, sd = float(part.mean()), float(part.std(ddof=1))
            records.append({"group": group, "n": len(part), "score": name, "mean": mean, "sd": sd})
    return pd.DataFrame.from_records(records)


def group_tests(
    groups: IdentityGroups,
    control: str,
    inter_rows: Ints,
    scores: Mapping[str, npt.ArrayLike],
    *,
    n_bootstrap: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Each identity (intra) against a control (inter), for every score; one row per test.

    ``score``, ``comparison``, ``test``, ``statistic``, ``p``; of the difference of variances
    (inter - intra) ``low`` and ``high`` of a bootstrap; ``status``: why these are not available.
    The mix contains images of both identities, so that its p values are descriptive only.
    """
    n_bootstrap = int(in_range(n_bootstrap, "n_bootstrap", 1))
    rows = []
    for name, values in scores.items():
        vector = as_vector(values, name)
        inter = vector[inter_rows]
        for group, stream in zip(INTRA, ("identity_a", "identity_b"), strict=True):
            intra = vector[groups.rows[group]]
            head = (name, f"{group} – {control}")
            if min(len(intra), len(inter)) < FEWEST_IMAGES:
                status = too_few(FEWEST_IMAGES, "images of each group")
                rows += [(*head, test, *[np.nan] * 4, status) for test in _TESTS]
                continue
            generator = rng(seed, "identity", name, stream)
            variances = [
                part[generator.integers(0, len(part), (n_bootstrap, len(part)))].var(1, ddof=1)
                for part in (intra, inter)
            ]
            ends = percentile_interval(variances[1] - variances[0])
            constant = np.ptp(np.concatenate([intra, inter])) == 0.0
            flat = np.ptp(intra) == 0.0 and np.ptp(inter) == 0.0
            gap = inter.var(ddof=1) - intra.var(ddof=1)
            none = (np.nan, np.nan)
            found = (
                (*(none if flat else levene(intra, inter)), *none),
                (*((np.nan, 1.0) if constant else mannwhitneyu(intra, inter)), *none),
                (*ks_2samp(intra, inter)[:2], *none),
                (gap, np.nan, *ends),
            )
            for test, numbers in zip(_TESTS, found, strict=True):
                rows.append((*head, test, *map(float, numbers), ""))
    columns = ["score", "comparison", "test", "statistic", "p", "low", "high", "status"]
    texts = dict.fromkeys((*columns[:3], "status"), "str")
    return pd.DataFrame(rows, columns=columns).astype(texts)


def group_silhouette(latents: npt.ArrayLike, groups: IdentityGroups) -> float:
    """Silhouette (Euclidean) of the two identities in latent space, in [-1, 1]."""
    z = as_matrix(latents, "latents")
    a, b = (groups.rows[name] for name in INTRA)
    labels = np.repeat([0, 1], [len(a), len(b)])
    return float(silhouette_score(z[np.concatenate([a, b])], labels))


def spaces_of(latents: npt.ArrayLike, scores: Mapping[str, npt.ArrayLike]) -> dict[str, Floats]:
    """Spaces of the samples, (n, k): each score, all of them standardised, the latents."""
    z = as_matrix(latents, "latents")
    spaces = {name: as_vector(values, name, len(z))[:, None] for name, values in scores.items()}
    if spaces:
        table = np.hstack(list(spaces.values()))
        deviation = table.std(axis=0)
        spaces["heuristics"] = (table - table.mean(axis=0)) / np.where(
            deviation > 0.0, deviation, 1.0
        )
    return spaces | {"latents": z}


def count_same_pairs(identities: npt.ArrayLike) -> int:
    """Number of pairs of one identity."""
    sizes = np.unique(np.asarray(identities), return_counts=True)[1]
    return int(np.sum(sizes * (sizes - 1) // 2))


def same_pairs(identities: npt.ArrayLike, most: int = MOST_PAIRS, *, seed: int = 0) -> Ints:
    """(m, 2) rows of all pairs i < j of one identity, ordered by i, then j.

    Of more than ``most`` so many are drawn, each pair as likely and of each identity its share
    (systematic sampling): numbers of pairs grow with the square of an identity's images.
    """
    names = np.asarray(identities)
    codes = identity_codes(names, names.size)
    sizes, total = np.bincount(codes), count_same_pairs(codes)
    order, drawn = np.arange(len(codes)), np.arange(min(total, most))
    if total > most:
        generator = rng(seed, "same-pairs")
        order = generator.permutation(order)
        drawn = (drawn * total + generator.integers(total)) // most
    # Pairs are numbered identity by identity: (0, 1), (0, 2), (1, 2), (0, 3), …
    order = order[np.argsort(codes[order], kind="stable")]
    ends = np.cumsum(sizes * (sizes - 1) // 2)
    code = np.searchsorted(ends, drawn, side="right")
    drawn -= (ends - sizes * (sizes - 1) // 2)[code]
    j = ((1.0 + np.sqrt(1.0 + 8.0 * drawn)) / 2.0).astype(np.int64)
    start = (np.cumsum(sizes) - sizes)[code]
    pairs = np.sort(
        np.stack([order[start + drawn - j * (j - 1) // 2], order[start + j]], 1), axis=1
    )
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def matched_different_pairs(identities: npt.ArrayLike, same: Ints, *, seed: int = 0) -> Ints:
    """One pair of different identities per same-identity pair, with the same first image.

    The second image comes from another same-identity pair where possible, else it is any image of
    another person.
    """
    names = np.asarray(identities)
    codes = identity_codes(names, names.size)
    if codes.max() == 0:
        raise InputError(
            "identities: all samples have the same one, so there is no pair of two people"
        )
    generator = rng(seed, "different-pairs")
    first = same[:, 0]
    second = generator.permutation(same[:, 1])
    clash = np.flatnonzero(codes[first] == codes[second])
    for _ in range(20):
        if not clash.size:
            break
        other = generator.integers(0, len(second), size=len(clash))
        for a, b in zip(clash.tolist(), other.tolist(), strict=True):
            second[a], second[b] = second[b], second[a]
        clash = np.flatnonzero(codes[first] == codes[second])
    order, sizes = np.argsort(codes, kind="stable"), np.bincount(codes)
    own = codes[first[clash]]
    place = generator.integers(0, len(codes) - sizes[own])
    # Places of the person's own images are left out.
    place += np.where(place < (np.cumsum(sizes) - sizes)[own], 0, sizes[own])
    second[clash] = order[place]
    return np.column_stack([first, second])


def pair_auc(
    positive: Floats, negative: Floats, same: Ints, different: Ints
) -> tuple[float, float, float]:
    """AUC of same-person pairs against pairs of two people, and its 95 % interval.

    DeLong's influences summed by person, a pair of two people counting for both; logit scale, with
    Student's t. Its degrees of freedom are those of people who differ, each weighted by his pairs:
    not of their influences, since that of a person who holds most pairs is near 0. Both ends equal
    the AUC where nothing varies; NaN where few people hold most pairs, and at an AUC of 0 or 1.
    Source: Obuchowski 1997 (clustered ROC data); Aronow, Samii and Assenova 2015 (dyadic clusters).
    """
    scores = np.concatenate([positive, negative])
    placed, auc = placements(scores, np.arange(len(scores)) < len(positive))
    psi = (placed[: len(positive)] - auc) / len(positive)
    phi = (placed[len(positive) :] - auc) / len(negative)
    people = int(max(same.max(), different.max())) + 1
    pairs = np.stack(
        [np.bincount(same, minlength=people), np.bincount(different.ravel(), minlength=people)],
        axis=1,
    ).astype(np.float64)
    taking_part = pairs.any(axis=1)
    sums = np.bincount(same, weights=psi, minlength=people)
    for side in different.T:
        sums += np.bincount(side, weights=phi, minlength=people)
    # Two pairs of the same two people meet in both of their sums.
    low, high = different.min(axis=1), different.max(axis=1)
    _, couple = np.unique(low * people + high, return_inverse=True)
    twice = np.bincount(couple, weights=phi)
    independent = float(np.sum(psi**2) + np.sum(phi**2))
    total = float(np.sum(sums**2))
    count = int(taking_part.sum())
    variance = max(total - float(np.sum(twice**2)), independent) * count / max(count - 1, 1)
    if variance == 0.0 and 0.0 < auc < 1.0:
        return auc, auc, auc
    return auc, *logit_interval(auc, float(np.sqrt(variance)), pair_freedom(pairs[taking_part]))


def pair_freedom(pairs: Floats) -> float:
    """Degrees of freedom of people by their (people, 2) numbers of pairs: same, of two people.

    NaN below the limits of :mod:`latent_microscope.statistics.clusters`.
    """
    weights = pairs / pairs.sum(axis=0)
    if min(effective_number(side) for side in weights.T) < MIN_EFFECTIVE:
        return float("nan")
    everybody = np.ones_like(weights)
    expected, squared, _ = working_moments(pairs, everybody[0] / pairs.sum(axis=0), everybody, 1.0)
    freedom = expected**2 / squared
    return freedom if freedom >= MIN_FREEDOM else float("nan")


def pair_aucs(
    identities: npt.ArrayLike,
    spaces: Mapping[str, Floats],
    *,
    most_pairs: int = MOST_PAIRS,
    seed: int = 0,
) -> pd.DataFrame:
    """ROC AUC of "same identity" over all same-identity pairs and matched different ones.

    Of more than ``most_pairs`` (``n_same_all``) a sample of that size stands for all.

    Similarity is minus the distance in each of the spaces (the published notebook scored the
    distance itself); in ``latents`` minus the cosine distance, too. ``status``: why an interval is
    not available.
    """
    names = np.asarray(identities)
    codes = identity_codes(names, len(spaces["latents"]))
    same = same_pairs(names, most_pairs, seed=seed)
    if not len(same):
        raise InputError("identities: none has two samples, so there is no same-identity pair")
    different = matched_different_pairs(names, same, seed=seed)
    every = count_same_pairs(codes)
    i, j = np.concatenate([same, different]).T
    cosine = "latents (cosine)"
    records = []
    for name, values in {**spaces, cosine: unit_rows(spaces["latents"])}.items():
        similarity = -pair_distances(values, i, j)
        if name == cosine:  # half the squared chord is 1 − cosine
            similarity = -0.5 * similarity**2
        positive, negative = similarity[: len(same)], similarity[len(same) :]
        auc, low, high = pair_auc(positive, negative, codes[same[:, 0]], codes[different])
        status = too_few(FEWEST, "people, none with most of the pairs") if np.isnan(low) else ""
        if auc in (0.0, 1.0):
            status = "not available: no pair errs, or all do"
        records.append(
            {
                "space": name,
                "auc": auc,
                "n_same": len(positive),
                "n_different": len(negative),
                "n_same_all": every,
                "low": low,
                "high": high,
                "status": status,
            }
        )
    return pd.DataFrame.from_records(records)
