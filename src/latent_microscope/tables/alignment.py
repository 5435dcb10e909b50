"""Tables of the alignment half over seeds: similarity to human judgements, and behaviour."""

import numpy as np
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.published import (
    ACCURACY,
    CROSS_ENTROPY_TUNED,
    FACTS,
    NETWORKS,
    PETERSON,
    RSA_METRIC,
    plain_name,
    published_cross_entropy,
    published_rsa,
)
from latent_microscope.similarity.measures import OVER_PARTS
from latent_microscope.statistics.summaries import over_runs

_KEYS = ["model", "layer", "metric", "method"]
_PARTS = ["spearman", "partial", *OVER_PARTS]
_PUBLISHED = ["published", "published_spearman", "published_source"]
_CEILING = ["ceiling", "ceiling_lower", "ceiling_upper", "ceiling_status"]
_SHARED = ["label_only", *_CEILING, "n_images", "n_pairs"]


def tabulate_alignment(
    *,
    rsa: list[In],
    simulated: bool = False,
    published: bool = True,
    notes: dict[str, str] | None = None,
) -> pd.DataFrame:
    """Summarise the similarity to human judgements over seeds, with label, ceiling and literature.

    Args:
        rsa: .parquet per metric.
        simulated: whether the votes are simulated; published values are then left out.
        published: whether published values are of these images at all.
        notes: remark per model name, e.g. that its weights are random.

    Returns:
        One row per metric, model and layer, most similar first within a metric: ``model``,
        ``layer``, ``metric``, ``method`` (rho-a, of ``mean`` and all columns without another name),
        ``mean``, ``sd``, ``n`` (seeds), the means of ``spearman``, ``partial`` (Spearman, label
        held constant), ``within_class`` and ``non_unanimous`` (rho-a as ``…_rho_a``, and Spearman)
        and their ``_sd``, the baseline ``label_only``, ``above_label`` (mean − label_only),
        ``ceiling``, ``ceiling_lower``, ``ceiling_upper``, ``ceiling_status`` (why there is none),
        ``n_images``, ``n_pairs``, ``published``,
        ``published_spearman``, ``published_source``, ``simulated_votes``, ``note``. Networks with
        published predictions follow, unless they are models of the study.
    """
    if not rsa:
        raise InputError("no RSA table; give that of at least one metric")
    table = pd.concat([load_table(path) for path in rsa], ignore_index=True)
    table = table.rename(columns={"partial_label": "partial"})
    summary = over_runs(table, _KEYS, ["value", *_PARTS])
    means = {"value_mean": "mean", "value_sd": "sd"} | {f"{name}_mean": name for name in _PARTS}
    shared = table.groupby(_KEYS, sort=False)[_SHARED].first().reset_index(drop=True)
    summary = pd.concat([summary.rename(columns=means), shared], axis=1)
    summary["above_label"] = summary["mean"] - summary["label_only"]
    comparable = published and not simulated
    nothing = (float("nan"), float("nan"), "")
    values = [
        published_rsa(*names) if comparable else nothing
        for names in summary[_KEYS[:3]].itertuples(index=False)
    ]
    summary[_PUBLISHED] = pd.DataFrame(values, summary.index)
    if comparable:
        summary = _with_networks(summary)
    summary["simulated_votes"] = simulated
    columns = [*_KEYS, "mean", "sd", "n"]
    columns += [name for part in _PARTS for name in (part, f"{part}_sd")]
    columns += ["label_only", "above_label", *_SHARED[1:], *_PUBLISHED]
    order = np.lexsort((-summary["mean"].to_numpy(), pd.factorize(summary["metric"])[0]))
    result = summary[[*columns, "simulated_votes"]].iloc[order].reset_index(drop=True)
    result["note"] = [(notes or {}).get(model, "") for model in result["model"]]
    return result


def _with_networks(summary: pd.DataFrame) -> pd.DataFrame:
    """Rows of published networks below those of the study that they compare with."""
    own = summary[summary["metric"] == RSA_METRIC]
    if own.empty:
        return summary
    shared = {name: own[name].iloc[0] for name in ("metric", "method", *_SHARED)}
    shared |= {"layer": "probabilities", "n": 0}
    rows = []
    for name in _other_networks(own["model"]):
        values = published_rsa(name, "probabilities", RSA_METRIC)
        published = dict(zip(_PUBLISHED, values, strict=True))
        rows.append(shared | {"model": f"{name} (published predictions)"} | published)
    return _with_rows(summary, rows)


def _other_networks(models: pd.Series) -> list[str]:
    """Published networks that are no models of the study."""
    known = {plain_name(model) for model in models}
    return [name for name in NETWORKS if name not in known]


def _with_rows(summary: pd.DataFrame, rows: list[dict[str, object]]) -> pd.DataFrame:
    """The summary with further rows, NaN where they have no value."""
    more = pd.DataFrame(rows).reindex(columns=summary.columns)
    return pd.concat([summary, more.astype(summary.dtypes.to_dict())], ignore_index=True)


def tabulate_behaviour(
    *, behaviour: In, simulated: bool = False, published: bool = True
) -> pd.DataFrame:
    """Summarise the behaviour of models, annotators and baselines over seeds.

    Args:
        behaviour: .parquet of behaviour per model and seed.
        simulated: whether the votes are simulated; published values are then left out.
        published: whether published values are of these images at all.

    Returns:
        One row per model: ``model``, ``<measure>_mean``, ``<measure>_sd``, ``n`` (seeds),
        ``status`` (why scores of votes drawn again are missing),
        ``floor_cross_entropy`` (entropy of the votes, the minimum), ``published_cross_entropy``,
        ``published_before_tuning`` (cross-entropy), ``published_accuracy``, ``published_source``,
        ``simulated_votes``. Networks of the literature follow, with published values only: those
        without human data (unless they are models of the study), then those tuned on votes.
    """
    table = load_table(behaviour)
    measures = [str(name) for name in table.columns if name not in ("model", "seed", "status")]
    summary = over_runs(table, ["model"], measures)
    summary["status"] = summary["model"].map(table.groupby("model")["status"].first())
    human = table.loc[table["model"] == "human", "cross_entropy"]
    floor = float(human.iloc[0]) if len(human) else np.nan
    summary["floor_cross_entropy"] = floor
    comparable = published and not simulated
    models = summary["model"].tolist()
    values = [published_cross_entropy(m) if comparable else (float("nan"), "") for m in models]
    known = ACCURACY if comparable else {}
    summary["published_cross_entropy"] = [value for value, _ in values]
    summary["published_before_tuning"] = np.nan
    summary["published_accuracy"] = [known.get(model, np.nan) for model in models]
    summary["published_source"] = [
        FACTS if model in known else source
        for model, (_, source) in zip(models, values, strict=True)
    ]
    if comparable:
        rows = [
            (f"{name} (published predictions)", *published_cross_entropy(name), np.nan)
            for name in _other_networks(summary["model"])
        ]
        rows += [
            (f"{name} (literature, tuned on votes)", after, PETERSON, before)
            for name, (after, before) in CROSS_ENTROPY_TUNED.items()
        ]
        names = ["model", "published_cross_entropy", "published_source", "published_before_tuning"]
        head = {"n": 0, "floor_cross_entropy": floor}
        summary = _with_rows(summary, [head | dict(zip(names, r, strict=True)) for r in rows])
    summary["simulated_votes"] = simulated
    summary["status"] = summary["status"].fillna("")
    return summary.astype(dict.fromkeys(("model", "status", "published_source"), "str"))
