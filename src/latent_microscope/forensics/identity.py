"""Identity consistency: are images of one person closer or more stable than of several people?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import ks_2samp, levene, mannwhitneyu, rankdata
from sklearn.metrics import silhouette_score

from latent_microscope.errors import InputError
from latent_microscope.forensics.checks import as_matrix, as_vector, identity_codes, in_range
from latent_microscope.neighbours.blocks import pair_distances, unit_rows
from latent_microscope.seeds import rng
from latent_microscope.statistics.auc import logit_interval, placements
from latent_microscope.statistics.clusters import (
    MIN_EFFECTIVE,
    MIN_FREEDOM,
    effective_number,
    working_moments,
)
from latent_microscope.statistics.summaries import percentile_interval

GROUPS = ("identity_a", "identity_b", "mixed")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class IdentityGroups:
    """Rows of ``identity_a``, ``identity_b`` (intra) and ``mixed`` (inter: half of each)."""

    rows: Mapping[str, Ints]  # ascending
    identities: tuple[str, str]  # the two identities
    wanted: int  # images wanted of each

    @property
    def note(self) -> str | None:
        """A message if an identity has fewer images than wanted, else None."""
        fewest = min(len(self.rows[name]) for name in GROUPS[:2])
        if fewest >= self.wanted:
            return None
        return (
            f"no two identities have {self.wanted} images; the largest have "
            f"{len(self.rows[GROUPS[0]])} and {len(self.rows[GROUPS[1]])}"
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
    rows = dict(zip(GROUPS, (a, b, np.sort(mixed)), strict=True))
    return IdentityGroups(rows, chosen, int(images))


def _some(rows: Ints, count: int, generator: np.random.Generator) -> Ints:
    """At most ``count`` of the rows, ascending."""
    if len(rows) <= count:
        return rows
    return np.sort(generator.choice(rows, size=count, replace=False))


def group_summary(groups: IdentityGroups, scores: Mapping[str, npt.ArrayLike]) -> pd.DataFrame:
    """Mean and standard deviation (ddof 1) of each score in each group."""
    records = []
    for name, values in scores.items():
        vector = as_vector(values, name)
        for group in GROUPS:
            part = vector[groups.rows[group]]
            records.append(
                {
                    "score": name,
                    "group": group,
                    "n": len(part),
                    "mean": float(part.mean()),
                    "sd": float(part.std(ddof=1)),
                }
            )
    return pd.DataFrame.from_records(records)


def group_tests(
    groups: IdentityGroups,
    scores: Mapping[str, npt.ArrayLike],
    *,
    n_bootstrap: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Each identity (intra) against the mix (inter), for every score.

    The mix contains images of both identities, so p values are descriptive only.
    """
    n_bootstrap = int(in_range(n_bootstrap, "n_bootstrap", 1))
    records = []
    for name, values in scores.items():
        vector = as_vector(values, name)
        inter = vector[groups.rows["mixed"]]
        for group in GROUPS[:2]:
            intra = vector[groups.rows[group]]
            generator = rng(seed, "identity", name, group)
            variances = [
                part[generator.integers(0, len(part), (n_bootstrap, len(part)))].var(1, ddof=1)
                for part in (intra, inter)
            ]
            low, high = percentile_interval(variances[1] - variances[0])
            constant = np.ptp(np.concatenate([intra, inter])) == 0.0
            flat = np.ptp(intra) == 0.0 and np.ptp(inter) == 0.0
            spread = (np.nan, np.nan) if flat else levene(intra, inter)
            location = (np.nan, 1.0) if constant else mannwhitneyu(intra, inter)
            shape = ks_2samp(intra, inter)
            records.append(
                {
                    "score": name,
                    "group": group,
                    "against": "mixed",
                    "levene_statistic": float(spread[0]),
                    "levene_p": float(spread[1]),
                    "mannwhitney_statistic": float(location[0]),
                    "mannwhitney_p": float(location[1]),
                    "ks_statistic": float(shape[0]),
                    "ks_p": float(shape[1]),
                    "variance_difference": float(inter.var(ddof=1) - intra.var(ddof=1)),
                    "variance_low": float(low),
                    "variance_high": float(high),
                }
            )
    return pd.DataFrame.from_records(records)


def group_silhouette(latents: npt.ArrayLike, groups: IdentityGroups) -> float:
    """Silhouette (Euclidean) of the two identities in latent space, in [-1, 1]."""
    z = as_matrix(latents, "latents")
    a, b = (groups.rows[name] for name in GROUPS[:2])
    labels = np.repeat([0, 1], [len(a), len(b)])
    return float(silhouette_score(z[np.concatenate([a, b])], labels))


def same_pairs(identities: npt.ArrayLike) -> Ints:
    """(m, 2) rows of all pairs i < j of one identity, ordered by i, then j."""
    names = np.asarray(identities)
    codes = identity_codes(names, names.size)
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    parts = [np.empty((0, 2), dtype=np.int64)]
    for size in np.unique(sizes[sizes > 1]):
        i, j = np.triu_indices(size, 1)
        start = starts[sizes == size][:, None]
        parts.append(np.column_stack([order[start + i].ravel(), order[start + j].ravel()]))
    pairs = np.concatenate(parts)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def matched_different_pairs(identities: npt.ArrayLike, same: Ints, *, seed: int = 0) -> Ints:
    """One pair of different identities per same-identity pair, with the same first image.

    The second image comes from another same-identity pair where possible, else from all samples.
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
    for attempt in range(1000):
        clash = np.flatnonzero(codes[first] == codes[second])
        if clash.size == 0:
            break
        if attempt < 20 and len(second) > 1:
            other = generator.integers(0, len(second), size=len(clash))
            for a, b in zip(clash, other, strict=True):
                second[[a, b]] = second[[b, a]]
        else:
            second[clash] = generator.integers(0, len(codes), size=len(clash))
    return np.column_stack([first, second])


def roc_auc(positive: npt.ArrayLike, negative: npt.ArrayLike) -> float:
    """Probability that a positive scores higher than a negative, ties one half."""
    p, q = as_vector(positive, "positive scores"), as_vector(negative, "negative scores")
    ranks = rankdata(np.concatenate([p, q]))
    return float((ranks[: len(p)].sum() - len(p) * (len(p) + 1) / 2.0) / (len(p) * len(q)))


def pair_auc_interval(
    positive: Floats, negative: Floats, same: Ints, different: Ints
) -> tuple[float, float]:
    """95 % interval of the AUC of same-person pairs against pairs of two people.

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
        return auc, auc
    return logit_interval(auc, float(np.sqrt(variance)), pair_freedom(pairs[taking_part]))


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
    latents: npt.ArrayLike,
    scores: Mapping[str, npt.ArrayLike],
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """ROC AUC of "same identity" over all same-identity pairs and matched different ones.

    Similarity is minus a distance (the published notebook scored the distance itself).
    """
    z = as_matrix(latents, "latents")
    names = np.asarray(identities)
    codes = identity_codes(names, len(z))
    same = same_pairs(names)
    if not len(same):
        raise InputError("identities: none has two samples, so there is no same-identity pair")
    different = matched_different_pairs(names, same, seed=seed)
    pairs = np.concatenate([same, different])
    measures = _similarities(z, pairs, {k: as_vector(v, k, len(z)) for k, v in scores.items()})
    records = []
    for name, similarity in measures.items():
        positive, negative = similarity[: len(same)], similarity[len(same) :]
        low, high = pair_auc_interval(positive, negative, codes[same[:, 0]], codes[different])
        records.append(
            {
                "measure": name,
                "auc": roc_auc(positive, negative),
                "low": low,
                "high": high,
                "n_same": len(positive),
                "n_different": len(negative),
            }
        )
    return pd.DataFrame.from_records(records)


def _similarities(z: Floats, pairs: Ints, scores: Mapping[str, Floats]) -> dict[str, Floats]:
    """Minus the distance of every pair, by measure."""
    i, j = pairs.T
    out = {name: -np.abs(values[i] - values[j]) for name, values in scores.items()}
    if scores:
        table = np.column_stack(list(scores.values()))
        deviation = table.std(axis=0)
        table = (table - table.mean(axis=0)) / np.where(deviation > 0.0, deviation, 1.0)
        out["heuristics"] = -pair_distances(table, i, j)
    out["latents_euclidean"] = -pair_distances(z, i, j)
    # Half the squared chord is 1 − cosine.
    out["latents_cosine"] = -0.5 * pair_distances(unit_rows(z), i, j) ** 2
    return out
