"""Tables of the alignment half over runs: similarity to people, and behaviour."""

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
from latent_microscope.tables.runs import over_runs

_RSA = ["value", "partial_label", "rho_a", "within_class", "non_unanimous"]
_SHARED = ["label_only", "ceiling_lower", "ceiling_upper", "n_images", "n_pairs"]
_BEHAVIOUR = [
    "accuracy",
    "cross_entropy",
    "cross_entropy_calibrated",
    "temperature",
    "jensen_shannon",
    "kl",
    "second_best_accuracy",
    "entropy_spearman",
    "error_consistency",
]


def tabulate_alignment(
    *,
    rsa: list[In],
    simulated: bool = False,
    published: bool = True,
    notes: dict[str, str] | None = None,
) -> pd.DataFrame:
    """Summarise the similarity to people over runs, beside label, ceiling and published values.

    Args:
        rsa: .parquet of each metric.
        simulated: whether the votes are simulated; published values are then left out.
        published: whether published values are of these images at all.
        notes: what a reader must know of a model, by its name, e.g. that its weights are random.

    Returns:
        One row a metric, model and layer, most alike first within a metric: ``model``, ``layer``,
        ``metric``, ``method``, ``mean``, ``sd``, ``n`` (runs) of the similarity, ``partial``,
        ``rho_a``, ``within_class``, ``non_unanimous`` (means) and their ``_sd``, the baseline
        ``label_only``, ``above_label`` (mean − label_only), ``ceiling_lower``, ``ceiling_upper``,
        ``n_images``, ``n_pairs``, ``published``, ``published_source``, ``simulated_votes``,
        ``note``. Networks whose predictions are published follow, with published values only,
        unless they are models of the study.

    Raises:
        InputError: No table.
    """
    if not rsa:
        raise InputError("no RSA table; give that of at least one metric")
    table = pd.concat([load_table(path) for path in rsa], ignore_index=True)
    by = ["model", "layer", "metric", "method"]
    summary = over_runs(table, by, _RSA)
    shared = table.groupby(by, sort=False)[_SHARED].first().reset_index(drop=True)
    summary = summary.rename(columns={"value_mean": "mean", "value_sd": "sd"})
    for name in _RSA[1:]:
        new = "partial" if name == "partial_label" else name
        summary = summary.rename(columns={f"{name}_mean": new, f"{name}_sd": f"{new}_sd"})
    summary = pd.concat([summary, shared], axis=1)
    summary["above_label"] = summary["mean"] - summary["label_only"]
    comparable = published and not simulated
    found = [
        published_rsa(*names) if comparable and method == "spearman" else (float("nan"), "")
        for *names, method in summary[by].itertuples(index=False)
    ]
    summary["published"] = np.array([value for value, _ in found], dtype=np.float64)
    summary["published_source"] = pd.Series([source for _, source in found], dtype="str")
    if comparable:
        summary = _with_networks(summary)
    summary["simulated_votes"] = simulated
    parts = ["partial", "rho_a", "within_class", "non_unanimous"]
    columns = [*by, "mean", "sd", "n"]
    columns += [name for part in parts for name in (part, f"{part}_sd")]
    columns += ["label_only", "above_label", *_SHARED[1:], "published", "published_source"]
    place = {metric: i for i, metric in enumerate(dict.fromkeys(table["metric"]))}
    order = np.lexsort((-summary["mean"].to_numpy(), summary["metric"].map(place).to_numpy()))
    result = summary[[*columns, "simulated_votes"]].iloc[order].reset_index(drop=True)
    result["note"] = [(notes or {}).get(model, "") for model in result["model"]]
    return result


def _with_networks(summary: pd.DataFrame) -> pd.DataFrame:
    """Rows of published networks below those of the study, comparable with these."""
    own = summary[(summary["metric"] == RSA_METRIC) & (summary["method"] == "spearman")]
    if own.empty:
        return summary
    shared = {name: own[name].iloc[0] for name in ("metric", "method", *_SHARED)}
    rows = [
        shared | {"model": _of_predictions(name), "layer": "probabilities", "n": 0}
        | dict(zip(("published", "published_source"),
                   published_rsa(name, "probabilities", RSA_METRIC), strict=True))
        for name in _others(own["model"])
    ]  # fmt: skip
    return _joined(summary, rows)


def _others(models: pd.Series) -> list[str]:
    """Published networks that are no models of the study."""
    known = {plain_name(model) for model in models}
    return [name for name in NETWORKS if name not in known]


def _of_predictions(name: str) -> str:
    return f"{name} (published predictions)"


def _joined(summary: pd.DataFrame, rows: list[dict[str, object]]) -> pd.DataFrame:
    """The summary with further rows, what they do not say missing."""
    more = pd.DataFrame(rows).reindex(columns=summary.columns)
    return pd.concat([summary, more.astype(summary.dtypes.to_dict())], ignore_index=True)


def tabulate_behaviour(
    *, behaviour: In, simulated: bool = False, published: bool = True
) -> pd.DataFrame:
    """Summarise the behaviour of models, people and baselines over runs.

    Args:
        behaviour: .parquet of behaviour of each model and run.
        simulated: whether the votes are simulated; published values are then left out.
        published: whether published values are of these images at all.

    Returns:
        One row a model: ``model``, ``<measure>_mean``, ``<measure>_sd``, ``n`` (runs),
        ``floor_cross_entropy`` (the votes' own entropy, the least possible),
        ``published_cross_entropy``, ``published_before_tuning`` (cross-entropy),
        ``published_accuracy``, ``published_source``, ``simulated_votes``. Networks of the
        literature follow, with published values only: without human data (unless they are models
        of the study), and tuned on human votes.
    """
    table = load_table(behaviour)
    summary = over_runs(table, ["model"], _BEHAVIOUR)
    human = table.loc[table["model"] == "human", "cross_entropy"]
    summary["floor_cross_entropy"] = float(human.iloc[0]) if len(human) else np.nan
    nothing, comparable = (float("nan"), ""), published and not simulated
    found = [published_cross_entropy(m) if comparable else nothing for m in summary["model"]]
    summary["published_cross_entropy"] = [value for value, _ in found]
    summary["published_before_tuning"] = np.nan
    summary["published_accuracy"] = [
        ACCURACY.get(model, np.nan) if comparable else np.nan for model in summary["model"]
    ]
    summary["published_source"] = [
        FACTS if comparable and model in ACCURACY else source
        for model, (_, source) in zip(summary["model"], found, strict=True)
    ]
    if comparable:
        floor = {"n": 0, "floor_cross_entropy": summary["floor_cross_entropy"].iloc[0]}
        rows = []
        for name in _others(summary["model"]):
            value, source = published_cross_entropy(name)
            rows.append(
                floor
                | {"model": _of_predictions(name), "published_cross_entropy": value}
                | {"published_source": source}
            )
        for name, (after, before) in CROSS_ENTROPY_TUNED.items():
            rows.append(
                floor
                | {"model": f"{name} (literature, tuned on votes)"}
                | {"published_cross_entropy": after, "published_before_tuning": before}
                | {"published_source": PETERSON}
            )
        summary = _joined(summary, rows)
    summary["simulated_votes"] = simulated
    return summary.astype({"model": "str", "published_source": "str"})
