"""Scores with uncertainty: how they repeat over VAEs, ICA restarts and column orders."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.forensics import reliability as measured
from latent_microscope.forensics.rankings import creative_latent_score
from latent_microscope.forensics.reliability import pairs_of, percentiles, prediction_band, ranges
from latent_microscope.io.artefacts import join_by_id, load_table
from latent_microscope.io.inputs import by_run, load_scores
from latent_microscope.seeds import derive, rng

log = logging.getLogger("latent_microscope")

OF_RESTARTS = ("uniqueness", "cls")
"""Scores that depend on the unmixing; the others have one value a VAE."""
SOURCES = ("VAE seeds", "ICA restarts", "both")
COLUMN_ORDER, NOISE_DRAWS = "column order", "noise draws"
_WITHIN = ("ICA restarts", COLUMN_ORDER, NOISE_DRAWS)  # pairs of one VAE
STATUSES = ("ok", "list mostly noise", "mostly noise", "unknown")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Replicates:
    """Repeated values of one score of the same samples."""

    values: Floats  # (n, m)
    seeds: npt.NDArray[np.int64]  # number of the VAE of each column
    chosen: npt.NDArray[np.bool_]  # whether a column is of the restart that other tables use


def gather(
    scores: Sequence[pd.DataFrame],
    restarts: Sequence[pd.DataFrame],
    seeds: Sequence[int],
    alpha: float,
) -> tuple[pd.Series, dict[str, Replicates]]:
    """All replicates of every score, over the ids of the first seed.

    The chosen restart's uniqueness is that of ``scores`` (exact), the others' that of ``restarts``
    (``id``, ``restart_<number>``, ``chosen``: the number of the chosen one, the same in each row);
    CLS of a restart is computed with its own uniqueness and the VAE's originality.
    """
    if not scores or not len(scores) == len(restarts) == len(seeds):
        raise InputError(
            f"{len(scores)} scores, {len(restarts)} restart tables and {len(seeds)} seeds; give "
            "one of each per seed"
        )
    ids = scores[0]["id"].astype("str")
    measured = [str(name) for name in scores[0].columns if name != "id"]
    wanted = pd.DataFrame({"id": ids})
    columns: dict[str, list[tuple[Floats, int, bool]]] = {name: [] for name in measured}
    for table, restart, seed in zip(scores, restarts, seeds, strict=True):
        names = ("scores of the first seed", f"scores of seed {seed}")
        own = join_by_id(wanted, table[["id", *measured]], names=names)
        for name in measured:
            columns[name].append((own[name].to_numpy(float), int(seed), True))
        of_restart = join_by_id(wanted, restart, names=(names[0], f"restarts of seed {seed}"))
        chosen = int(of_restart["chosen"].iloc[0])
        for name in [c for c in restart.columns if str(c).startswith("restart_")]:
            u = of_restart[name].to_numpy(float)
            if name == f"restart_{chosen}" or not np.isfinite(u).all():
                continue
            o = own["originality"].to_numpy(float)
            columns["uniqueness"].append((u, int(seed), False))
            columns["cls"].append((creative_latent_score(u, o, alpha), int(seed), False))
    return ids, {name: _replicates(parts) for name, parts in columns.items()}


def column_orders(
    ids: pd.Series,
    scores: Sequence[pd.DataFrame],
    columns: Sequence[pd.DataFrame],
    seeds: Sequence[int],
) -> dict[str, Replicates]:
    """Each VAE's scores and those with its columns in other orders (``id``, ``order``, scores)."""
    wanted = pd.DataFrame({"id": ids})
    found: dict[str, list[tuple[Floats, int, bool]]] = {}
    for table, moved, seed in zip(scores, columns, seeds, strict=True):
        names = [str(name) for name in moved.columns if name not in ("id", "order")]
        parts = [table[["id", *names]], *(part for _, part in moved.groupby("order"))]
        for place, part in enumerate(parts):
            labels = ("scores of the first seed", f"column orders of seed {seed}")
            joined = join_by_id(wanted, part[["id", *names]], names=labels)
            for name in names:
                values = joined[name].to_numpy(float)
                found.setdefault(name, []).append((values, int(seed), place == 0))
    return {name: _replicates(parts) for name, parts in found.items()}


def _replicates(parts: Sequence[tuple[Floats, int, bool]]) -> Replicates:
    values, vaes, used = zip(*parts, strict=True)
    return Replicates(np.column_stack(values), np.array(vaes), np.array(used))


def _row(name: str, over: str, made: Replicates, length: int, largest: bool) -> dict[str, Any]:
    """One row of the table; for restarts and column orders the mean over VAEs."""
    ranks = percentiles(made.values)
    n, m = ranks.shape
    length = min(length, n)
    pairs = pairs_of(made.seeds, within=over in _WITHIN)
    shared, jaccard = measured.list_overlaps(
        measured.top_rows(made.values, length, largest=largest), pairs
    )
    spearman = measured.rank_correlations(ranks, pairs)
    parts = [np.ones(m, dtype=bool)]
    if over in _WITHIN:
        parts = [made.seeds == seed for seed in np.unique(made.seeds)]
    parts = [part for part in parts if part.sum() > 1]
    blocks = [ranks[:, part] for part in parts]
    single = over != "both"  # restarts are nested in VAEs: neither W nor ICC fits both at once
    icc = measured.repeatability([made.values[:, part] for part in parts] if single else [])
    _, low, high = prediction_band(ranks, pairs)
    return {
        "score": name,
        "over": over,
        "replicates": m,
        "pairs": len(pairs),
        "spearman_mean": _mean(spearman),
        "spearman_sd": float(np.std(spearman, ddof=1)) if len(pairs) > 1 else float("nan"),
        "spearman_min": float(np.min(spearman)) if len(pairs) else float("nan"),
        "kendall_w": _mean([measured.kendall_w(block) for block in blocks])
        if single
        else float("nan"),
        "kendall_w_chance": _mean([1 / block.shape[1] for block in blocks if single]),
        "icc": icc.single,
        "icc_low": icc.low,
        "icc_high": icc.high,
        "icc_of_mean": icc.mean,
        "list": f"{'highest' if largest else 'lowest'} {length}",
        "list_shared": _mean(shared),
        "list_shared_chance": length / n,
        "list_jaccard": _mean(jaccard),
        "list_jaccard_chance": measured.chance_jaccard(n, length),
        "range_median": _mean([np.median(np.ptp(block, axis=1)) for block in blocks]),
        "band_median": float(np.median(high - low)) if len(low) else float("nan"),
    }


def _mean(values: Any) -> float:
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()) if array.size else float("nan")


def judge(row: Mapping[str, Any]) -> tuple[str, str]:
    """Status of a ranking and a sentence about it.

    ``mostly noise``: mean pairwise Spearman below 0.5, so that less than half of a ranking's
    variance is shared. ``list mostly noise``: the ranking is better than that, but another
    replicate repeats less than half of the list. ``unknown``: there are no pairs.
    """
    if not row["pairs"]:
        return "unknown", f"one replicate: nothing is known of its variation over {row['over']}"
    rho, shared = row["spearman_mean"], row["list_shared"]
    if not rho >= measured.MOSTLY_NOISE:
        return STATUSES[2], f"mean Spearman {rho:.2f}: more than half of the ranking is noise"
    repeats = f"another replicate repeats {shared:.0%} of the {row['list']}"
    if shared < 0.5:
        return STATUSES[1], f"mean Spearman {rho:.2f}, but {repeats}"
    return STATUSES[0], f"mean Spearman {rho:.2f}; {repeats}"


def reliability_table(
    replicates: Mapping[str, Replicates],
    lists: Mapping[str, Sequence[Any]],
    moved: Mapping[str, Replicates] | None = None,
) -> pd.DataFrame:
    """How well each ranking repeats, over VAE seeds, ICA restarts, both, column orders, noise.

    ``lists``: score → length of its ranked list, and whether it holds the highest. ``moved``: as
    of :func:`column_orders`.

    Returns:
        One row per score and source of variation (``over``: VAE seeds, with the chosen restart of
        each; ICA restarts, pairs within a VAE; both: pairs of different VAEs, any restarts; column
        order: the chosen restart, pairs within a VAE; noise draws: of stability in its place).
        Spearman: mean, sd and minimum of the pairs. ``kendall_w`` and ``kendall_w_chance`` (1/m),
        ``icc`` (of percentiles, one replicate, with a 95 % interval over images, about these VAEs
        and not about others) and ``icc_of_mean`` (of the mean over all): of restarts the mean over
        VAEs; NaN for both, where replicates are nested.
        ``list_shared`` and ``list_jaccard`` of the list, each with chance. ``range_median``:
        median over samples of the width of their range, in percentiles; ``band_median``: width of
        the band that holds 95 % of the percentiles of another replicate. ``status``, ``note``:
        :func:`judge`.
    """
    rows = []
    for name, made in replicates.items():
        length, largest = lists[name]
        used = made.chosen
        parts = dict.fromkeys(SOURCES if name in OF_RESTARTS else SOURCES[:1], made)
        parts["VAE seeds"] = Replicates(made.values[:, used], made.seeds[used], used[used])
        if moved and name in moved:
            # Equal noise would tell stability's ranking by itself: it is drawn again.
            parts[NOISE_DRAWS if name == "stability" else COLUMN_ORDER] = moved[name]
        for over, part in parts.items():
            row = _row(name, over, part, int(length), bool(largest))
            status, note = judge(row)
            rows.append({**row, "status": status, "note": note})
    table = pd.DataFrame(rows)
    return table.astype(dict.fromkeys(("score", "over", "list", "status", "note"), "str"))


def score_intervals(
    ids: pd.Series, replicates: Mapping[str, Replicates], *, seed: int
) -> pd.DataFrame:
    """Percentile of every sample by each score, and its uncertainty.

    Returns:
        One row per score and sample: ``score``, ``id``, ``median`` percentile over all replicates,
        ``low`` and ``high`` (range over them; NaN with one replicate), ``next_low`` and
        ``next_high`` (95 % of the samples of such a percentile are there by another VAE; NaN
        with one VAE), ``noise_median``, ``noise_low``, ``noise_high`` (the same range if VAEs
        ranked the samples independently; with one VAE, if restarts did), ``replicates``, ``vaes``.
    """
    parts = []
    for name, made in replicates.items():
        ranks = percentiles(made.values)
        vaes = len(np.unique(made.seeds))
        m = ranks.shape[1]
        part = pd.DataFrame({"score": name, "id": ids.to_numpy()})
        part["median"], part["low"], part["high"] = ranges(ranks)
        middle = part["median"].to_numpy()
        centres, *band = prediction_band(ranks, pairs_of(made.seeds, within=False))
        for end, values in zip(("next_low", "next_high"), band, strict=True):
            part[end] = np.interp(middle, centres, values) if len(centres) else np.nan
        groups = made.seeds if vaes > 1 else np.arange(m)
        noise = ranges(measured.noise_ranks(ranks, groups, rng(seed, "noise", name)))
        part["noise_median"], part["noise_low"], part["noise_high"] = noise
        if m < 2:
            part[["low", "high", "noise_median", "noise_low", "noise_high"]] = np.nan
        parts.append(part.assign(replicates=m, vaes=vaes))
    return pd.concat(parts, ignore_index=True).astype({"score": "str", "id": "str"})


def tabulate_reliability(
    *,
    scores: list[In],
    restarts: list[In],
    seeds: list[int],
    lists: dict[str, list[Any]],
    alpha: float = 0.5,
    root_seed: int = 0,
    more: list[In] | None = None,
    columns: list[In] | None = None,
) -> dict[str, pd.DataFrame]:
    """Compare rankings over VAE seeds, and over ICA restarts and column orders of each.

    Args:
        scores: .parquet of all scores per seed.
        restarts: .parquet of the uniqueness by every ICA restart per seed.
        seeds: seed of each.
        lists: {score: [length of its ranked list, whether it holds the highest]}.
        alpha: weight of uniqueness in the CLS.
        root_seed: root seed.
        more: .parquet of each further score, seed by seed.
        columns: .parquet of the scores with columns in other orders per seed.

    Returns:
        ``table``: one row per score and source of variation: Spearman, Kendall's W, ICC, repeats of
        the list and chance, widths, status and note. ``intervals``: one row per score and sample:
        median, low and high percentile, the band of another VAE, and what pure noise would give.
    """
    tables = [
        load_scores(path, list(lists), further)
        for path, further in zip(scores, by_run(more, scores), strict=True)
    ]
    ids, replicates = gather(tables, [load_table(path) for path in restarts], seeds, alpha)
    moved = [load_table(path) for path in columns or []]
    orders = column_orders(ids, tables, moved, seeds) if moved else None
    result = reliability_table(replicates, lists, orders)
    for row in result[result["status"] != "ok"].to_dict("records"):
        level = logging.INFO if row["status"] == "unknown" else logging.WARNING
        log.log(level, "{score} over {over}: {status} ({note})".format_map(row))
    intervals = score_intervals(ids, replicates, seed=derive(root_seed, "reliability"))
    return {"table": result, "intervals": intervals}
