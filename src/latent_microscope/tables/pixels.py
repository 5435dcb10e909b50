"""What explains a cluster, and a score, in the pixels and files of the images."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array
from scipy.stats import rankdata

from latent_microscope.arguments import In
from latent_microscope.custom.correlations import correlation_table
from latent_microscope.forensics.bias import magnitude
from latent_microscope.io.artefacts import join_by_id, load_table
from latent_microscope.io.inputs import by_run, joined, load_scores
from latent_microscope.statistics.clusters import correlation_within, resampling_units
from latent_microscope.statistics.differences import standardised_differences
from latent_microscope.statistics.summaries import benjamini_hochberg
from latent_microscope.tables.bias import bias_groups, resampled_people

COLUMNS = {
    "seed": "int64",
    "group": "str",
    "n_members": "int64",
    "covariate": "str",
    **dict.fromkeys(("d", "low", "high", "p", "q"), "float64"),
    "magnitude": "str",
    **dict.fromkeys(("mean_members", "mean_rest"), "float64"),
    "status": "str",
}

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def tabulate_cluster_pixels(
    *,
    clusters: list[In],
    pixels: In,
    samples: In,
    seeds: list[int],
    subniches: list[In] | None = None,
    by_person: bool = True,
) -> pd.DataFrame:
    """Compare the pixels of every cluster, of C_max and of every sub-niche with those of the rest.

    Args:
        clusters: .parquet of the clusters per seed.
        pixels: .parquet of the covariates, one per column.
        samples: .parquet with id and perhaps identity.
        seeds: seed of each.
        subniches: .parquet of the sub-niches per seed.
        by_person: false: samples are independent.

    Returns:
        By seed and group the covariates, strongest first: ``d`` (Cohen's, members minus rest),
        ``low``, ``high`` (95 %), ``p``, ``q`` (Benjamini-Hochberg within the group), ``magnitude``
        (of d), ``mean_members``, ``mean_rest``, ``status`` (ok, untestable, constant).
    """
    people = resampled_people(samples, clusters[0]) if by_person and clusters else None
    parts = []
    for k, (seed, path) in enumerate(zip(seeds, clusters, strict=True)):
        table = joined(path, pixels, (["cluster", "cmax"], []))
        names = [str(n) for n in table if n not in ("id", "cluster", "cmax")]
        niches = load_table(subniches[k], ["id", "niche"]) if subniches else None
        for group, members in bias_groups(table, niches).items():
            if members.all():
                continue
            found = standardised_differences(table[names], members, people)
            found["q"] = benjamini_hochberg(found["p"].to_numpy())
            found["magnitude"] = magnitude(found["d"].to_numpy())
            found["covariate"], found["seed"], found["group"] = pd.Series(names), seed, group
            found["n_members"] = int(members.sum())
            order = found["d"].abs().sort_values(ascending=False, kind="stable").index
            parts.append(found.loc[order])
    every = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    return every[list(COLUMNS)].astype(COLUMNS)


def tabulate_pixel_correlations(
    *,
    pixels: In,
    samples: In,
    scores: list[In],
    measured: list[str],
    seeds: list[int],
    more: list[In] | None = None,
) -> pd.DataFrame:
    """Correlate every score with every covariate, and say what all of them explain together.

    Args:
        pixels: .parquet of the covariates, one per column.
        samples: .parquet with id and perhaps identity.
        scores: .parquet of the scores per seed.
        measured: names of the scores that are correlated.
        seeds: the seeds.
        more: .parquet of each further score, seed by seed.

    Returns:
        Columns seed, covariate, score, spearman, low, high (95 %), p, q, baseline, samples, units
        and resampled (how many of what is independent: people or samples), status, explained:
        adjusted R² of the ranks of the score by the ranks of all covariates, at chance 0.
    """
    both = joined(samples, pixels, ([], []))
    names = [name for name in load_table(pixels).columns if name != "id"]
    tables = []
    for path, further in zip(scores, by_run(more, scores), strict=True):
        table = load_scores(path, measured, further)
        tables.append(join_by_id(both[["id"]], table, names=(str(samples), str(path))))
    people = resampling_units(both["identity"]) if "identity" in both else None
    found = correlation_table(both[names], tables, seeds, people)
    values = both[names].to_numpy(float)
    known = {
        (seed, score): explained_ranks(table[score].to_numpy(float), values, people)
        for seed, table in zip(seeds, tables, strict=True)
        for score in measured
    }
    pairs = zip(found["seed"], found["score"], strict=True)
    found["explained"] = [known[pair] for pair in pairs]
    partial = [name for name in found if str(name).startswith("partial")]
    return found.drop(columns=partial).rename(columns={"attribute": "covariate"})


def explained_ranks(score: Floats, covariates: Floats, people: Ints | None = None) -> float:
    """Adjusted R² of the ranks of a score by the ranks of all covariates; NaN: cannot be known.

    What covariates explain by chance is more where a score is alike within people: its correlation
    within a person is estimated, and theirs is as it is.
    """
    n = len(score)
    ranks = np.column_stack([np.ones(n), rankdata(covariates, axis=0)])
    basis, sizes, _ = np.linalg.svd(ranks / np.linalg.norm(ranks, axis=0), full_matrices=False)
    basis = basis[:, sizes > 1e-9 * sizes.max()]
    y = rankdata(score)
    if np.ptp(y) == 0.0 or n <= basis.shape[1]:
        return float("nan")
    y = (y - y.mean()) / y.std()
    codes = np.unique(np.arange(n) if people is None else people, return_inverse=True)[1]
    rho, _ = correlation_within(y, codes)
    members = csr_array((np.ones(n), (codes, np.arange(n))))

    def by_chance(columns: Floats) -> float:
        return (1.0 - rho) * columns.shape[1] + rho * float(np.sum((members @ columns) ** 2))

    left = 1.0 - float(np.sum((basis.T @ y) ** 2)) / n
    spare = n - by_chance(basis)
    if spare <= 0.0:
        return float("nan")
    return 1.0 - left * (n - by_chance(np.full((n, 1), n**-0.5))) / spare
