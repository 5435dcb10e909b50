"""One long table of all measures of all models, and a wide one of their means over seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.similarity.measures import HEADLINE, OVER_PARTS
from latent_microscope.statistics.summaries import stack
from latent_microscope.tables import behaviour as scores
from latent_microscope.tables.behaviour import SMALLER

KEYS = ["model", "layer", "seed", "metric", "measure"]
RSA_MEASURES = (
    *("rho_a", "spearman", "tau_a", "cosine", "partial_label", *OVER_PARTS),
    *("semipartial", "class_level", "cka"),
)
BEHAVIOUR_MEASURES = tuple(scores.MEASURES)
EQUIVALENTS = ("cross_entropy", "rho_a", "spearman")
_INTERVAL = ["low", "high", "n_draws", "status"]
_BOUNDS = ["ceiling", "ceiling_sd", "ceiling_lower", "ceiling_upper"]
COLUMNS = [
    *KEYS, "value", "low", "high", *_BOUNDS, "ceiling_status", "self_ceiling", "baseline",
    "baseline_name", "equivalents", "equivalents_text", "higher_is_better", "n", "n_pairs",
    "n_draws", "simulated_votes", "note", "status",
]  # fmt: skip
_NO_CEILING = ("temperature", "second_best_accuracy")
# A proper score first; similarity by two measures, a bracket since they count ties differently.
PREDICTIONS = "probabilities"  # layer of predictions, which have no RDM of their own


def tabulate_measures(
    *,
    rsa: list[In],
    ceilings: list[In],
    behaviour: In,
    metrics: list[str],
    label: str,
    intervals: list[In] | None = None,
    equivalents: list[In] | None = None,
    simulated: bool = False,
    notes: dict[str, str] | None = None,
) -> dict[str, pd.DataFrame]:
    """Tabulate all measures of all models: a long table, and a wide one of means over seeds.

    Args:
        rsa: .parquet of similarity to human judgements per metric.
        ceilings: .parquet of ceilings per metric.
        behaviour: .parquet of scores of predictions.
        metrics: metric of each table of ceilings.
        label: name of the model that knows the true label, the baseline of the similarity.
        intervals: .parquet of bootstrap intervals.
        equivalents: .parquet of annotator equivalents.
        simulated: whether the votes are simulated.
        notes: remark per model name.

    Returns:
        ``table``: one row per model, layer, seed, metric and measure, with :data:`COLUMNS`.
        ``metric`` is empty for predictions. ``ceiling`` is the score of a perfect model against
        these votes (accuracy, error consistency: of one vote), ``ceiling_status`` why there is
        none. Without halves of the votes the equivalents are not available either, and their text
        says so. For predictions
        ``ceiling_lower`` is what people themselves reach, and ``ceiling_upper`` the entropy of the
        votes, or 0, which no cross-entropy or KL can pass.
        ``self_ceiling``, of rho-a, is the maximum that the ties of both RDMs allow.
        ``status``: why an interval is not available.
        ``semipartial`` has as ceiling that of a perfect RDM given the others.
        ``models``: from :func:`wide_table`. ``all_ceilings``: the ceilings of all metrics.
    """
    if len(ceilings) != len(metrics):
        raise InputError(f"{len(ceilings)} tables of ceilings for {len(metrics)} metrics")
    if not rsa:
        raise InputError("no RSA table; give that of at least one metric")
    bounds = {m: load_table(path) for m, path in zip(metrics, ceilings, strict=True)}
    similar, scored = [load_table(path) for path in rsa], load_table(behaviour)
    parts = [*(_similarities(p, bounds, label) for p in similar), _predictions(scored)]
    table = pd.concat(parts, ignore_index=True)
    n_images = int(similar[0]["n_images"].iloc[0])
    table["n"] = table["n"].fillna(n_images).astype("int64")
    table = _joined(table, [load_table(path) for path in intervals or []], _INTERVAL)
    worth = [load_table(path) for path in equivalents or []]
    table = _joined(table, worth, ["votes", "censored"]).rename(columns={"votes": "equivalents"})
    none = "not available" if (scored["status"] != "").any() else ""
    table["equivalents_text"] = [  # such as 7.3 or > 23
        none if np.isnan(votes) else f"{mark} {votes:g}" if mark else f"{votes:.1f}"
        for mark, votes in zip(table["censored"], table["equivalents"], strict=True)
    ]
    table["higher_is_better"] = ~table["measure"].isin(SMALLER)
    table["simulated_votes"] = simulated
    table["note"] = [(notes or {}).get(model, "") for model in table["model"]]
    for name in ("n_pairs", "n_draws"):
        table[name] = table[name].fillna(0).astype("int64")
    texts = ["model", "layer", "metric", "measure", "ceiling_status", "baseline_name"]
    texts += ["equivalents_text", "note", "status"]
    table[texts] = table[texts].astype("object").fillna("").astype("str")
    table = table[COLUMNS].astype({"seed": "int64"})
    both = stack(list(bounds.values()), {"metric": list(bounds)}, "ceilings")
    return {
        "table": table,
        "models": wide_table(table),
        "all_ceilings": both.astype({"metric": "str"}),
    }


def _similarities(
    rsa: pd.DataFrame, ceilings: Mapping[str, pd.DataFrame], label: str
) -> pd.DataFrame:
    """Long rows of one RSA table."""
    parts = []
    wide = rsa.rename(columns={"value": HEADLINE})
    for metric, group in wide.groupby("metric", sort=False):
        if metric not in ceilings:
            raise InputError(f"no table of ceilings of the metric {metric!r}; compute it")
        bounds = ceilings[str(metric)].set_index("measure")
        oracle = wide[(wide["model"] == label) & (wide["metric"] == metric)]
        for measure in RSA_MEASURES:
            whole = measure not in (*OVER_PARTS, "class_level", "cka")
            part = group[["model", "layer", "seed", "metric"]].assign(
                measure=measure,
                value=group[measure],
                n=group["n_images"],
                n_pairs=group["n_pairs"] if whole else 0,
            )
            names = ["ceiling", "ceiling_sd", "lower", "upper"]
            own = "spearman" if measure == "semipartial" else measure
            for name, bound in zip(_BOUNDS, names, strict=True):
                value = float(bounds[bound].get(own, np.nan))
                if measure != "semipartial":
                    part[name] = value
                elif name != "ceiling_sd":
                    part[name] = np.sqrt(np.maximum(value**2 - group["others_explain"], 0.0))
            part["ceiling_status"] = str(bounds["status"].get(own, ""))
            if measure == HEADLINE:
                part["self_ceiling"] = np.sqrt(group["self_rho_a"] * group["human_self_rho_a"])
            if measure == HEADLINE:
                part["baseline"], part["baseline_name"] = group["label_only"], label
            elif measure != "semipartial" and oracle[measure].notna().any():
                part["baseline"] = float(oracle[measure].iloc[0])
                part["baseline_name"] = label
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _predictions(behaviour: pd.DataFrame) -> pd.DataFrame:
    """Long rows of the scores of predictions, without those that a model does not have."""
    rows = behaviour.set_index("model")
    status = str(behaviour["status"].max())
    parts = []
    for measure in BEHAVIOUR_MEASURES:
        own = rows[measure.removesuffix("_calibrated")]
        perfect = "human" if own.name in ("accuracy", "error_consistency") else "perfect"
        people = float(own.get("human", np.nan))
        # No model can pass the votes themselves; other scores are those of other people.
        of_votes = own.name in ("cross_entropy", "kl")
        baseline = "uniform" if measure == "accuracy" else "class_mean"
        value = float(own.get(baseline, np.nan))
        part = behaviour[["model", "seed"]].assign(
            layer=PREDICTIONS,
            metric="",
            measure=measure,
            value=behaviour[measure],
            ceiling=float(own.get(perfect, np.nan)),
            ceiling_status="" if perfect in own.dropna() or own.name in _NO_CEILING else status,
            ceiling_lower=np.nan if of_votes else people,
            ceiling_upper=people if of_votes else np.nan,
            baseline=value,
            baseline_name="" if np.isnan(value) else baseline,
        )
        parts.append(part[part["value"].notna()])
    return pd.concat(parts, ignore_index=True)


def _joined(table: pd.DataFrame, parts: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Add columns of other tables to the rows of the same seed and measure."""
    if not parts:
        return table.assign(**dict.fromkeys(columns, np.nan))
    keys = {"layer": PREDICTIONS, "metric": ""}  # of scores of predictions, which have neither
    filled = [p.assign(**{k: v for k, v in keys.items() if k not in p}) for p in parts]
    other = pd.concat(filled, ignore_index=True).reindex(columns=[*KEYS, *columns])
    return table.merge(other, on=KEYS, how="left", validate="one_to_one")


def wide_table(measures: pd.DataFrame) -> pd.DataFrame:
    """One row per model, layer and metric: mean and standard deviation over seeds of every measure.

    Scores of predictions are in the rows of the layer of probabilities of every metric, or, for a
    model without such a layer, in rows of their own.

    Returns:
        ``model``, ``layer``, ``metric``, ``n`` (seeds), ``<measure>_mean``, ``<measure>_sd``, and
        the equivalents of the first seed of cross-entropy (the headline: a proper score), rho-a
        and Spearman, as text; ``note``. Ordered by metric and falling rho-a.
    """
    names = [*RSA_MEASURES, *BEHAVIOUR_MEASURES]
    similar = measures[measures["metric"] != ""]
    scored = measures[measures["metric"] == ""]
    keys = ["model", "layer", "metric"]
    layers = similar.groupby(["model", "metric"])["layer"].transform("nunique")
    rows, used = [], set()
    for key, part in similar.groupby(keys, sort=False):
        model, layer, metric = map(str, key)
        if layer == PREDICTIONS or (layers[part.index] == 1).all():
            part = pd.concat([part, scored[scored["model"] == model]])
            used.add(model)
        rows.append(_wide_row(model, layer, metric, part))
    for model in scored["model"].unique():
        if model not in used:
            rows.append(_wide_row(model, PREDICTIONS, "", scored[scored["model"] == model]))
    table = pd.DataFrame(rows)
    columns = [*keys, "n", *(f"{name}_{end}" for name in names for end in ("mean", "sd"))]
    texts = [f"{name}_equivalents" for name in EQUIVALENTS]
    columns += [*texts, "note"]
    table = table.reindex(columns=columns)
    order = np.lexsort((-table[f"{HEADLINE}_mean"].to_numpy(), pd.factorize(table["metric"])[0]))
    table[texts] = table[texts].astype("object").fillna("").astype("str")
    return table.iloc[order].reset_index(drop=True)


def _wide_row(model: str, layer: str, metric: str, part: pd.DataFrame) -> dict[str, object]:
    row: dict[str, object] = {"model": model, "layer": layer, "metric": metric}
    row["n"] = int(part.loc[part["metric"] == metric, "seed"].nunique())
    row["note"] = str(part["note"].iloc[0])
    for measure, group in part.groupby("measure", sort=False):
        values = group["value"].to_numpy(dtype=np.float64)
        name = str(measure)
        row[name + "_mean"] = float(values.mean())
        row[name + "_sd"] = float(values.std(ddof=1)) if len(values) > 1 else np.nan
        if name in EQUIVALENTS:
            row[name + "_equivalents"] = str(group["equivalents_text"].iloc[0])
    return row
