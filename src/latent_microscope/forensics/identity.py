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
from latent_microscope.forensics.identity_pairs import (
    matched_different_pairs,
    pair_auc_interval,
    roc_auc,
    same_pairs,
)
from latent_microscope.neighbours.blocks import pair_distances
from latent_microscope.seeds import rng
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
            draws = _variance_draws(intra, inter, n_bootstrap, rng(seed, "identity", name, group))
            low, high = percentile_interval(draws)
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


def _variance_draws(
    intra: Floats, inter: Floats, count: int, generator: np.random.Generator
) -> Floats:
    """Bootstrap draws of the difference of variances, inter − intra."""
    drawn = [
        part[generator.integers(0, len(part), size=(count, len(part)))].var(axis=1, ddof=1)
        for part in (intra, inter)
    ]
    return drawn[1] - drawn[0]


def group_silhouette(latents: npt.ArrayLike, groups: IdentityGroups) -> float:
    """Silhouette (Euclidean) of the two identities in latent space, in [-1, 1]."""
    z = as_matrix(latents, "latents")
    a, b = (groups.rows[name] for name in GROUPS[:2])
    labels = np.repeat([0, 1], [len(a), len(b)])
    return float(silhouette_score(z[np.concatenate([a, b])], labels))


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
    norms = np.linalg.norm(z, axis=1, keepdims=True)
    unit = z / np.where(norms > 0.0, norms, 1.0)
    # Half the squared chord is 1 − cosine.
    out["latents_cosine"] = -0.5 * pair_distances(unit, i, j) ** 2
    return out
