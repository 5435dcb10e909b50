"""Latent space, rankings, clusters and their attributes."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from latent_microscope.published import CLUSTER_BIAS, CLUSTER_BIAS_SOURCE
from latent_microscope.report import formats as f
from latent_microscope.report.study import Study

# As in tables.forensics, tables.reliability and forensics.reliability, which import scipy.
FALSE_DISCOVERY_RATE = 0.05
MOSTLY_NOISE = 0.5
COLUMN_ORDER = "column order"
REASONS = dict.fromkeys(("uniqueness", "cls"), "FastICA ends elsewhere")
"""Why a score depends on the order of the columns."""
FEWEST_CASES, FEWEST_PEOPLE = 20, 7
"""Samples with and without an attribute of a probe; people of a side of an odds ratio."""
LARGELY_PIXELS = 1.2
"""Standardised difference from which two groups hardly overlap: a ROC AUC of 0.8."""
QUANTITIES = {
    "active_dimensions": "active latent dimensions",
    "kl_total": "KL divergence per image, nats",
    "reconstruction_error_mean": "reconstruction error per image",
    "spearman_uniqueness_originality": "Spearman of uniqueness and originality",
    "spearman_stability_norm": "Spearman of stability and the norm of the latent",
    "stability_reliability": "draw-to-draw reliability of stability",
    "attractor_tie_share": "share of attractor densities that tie, fixed radius",
    "overlaps_total": "pairs with cosine similarity ≥ 0.99",
    "ica_converged": "ICA restarts that converged",
    "sbs_plane": "SBS, clusters of the UMAP",
    "clusters_plane": "clusters of the UMAP",
    "noise_plane": "share of noise on the UMAP",
    "sbs_cmax": "SBS, clusters in latent space (C_max)",
    "clusters_cmax": "clusters in latent space",
}


def forensics(study: Study) -> dict[str, Any]:
    """The quantities that are shown, in their order."""
    table = study.table("forensics")
    facts = table[table["quantity"].isin(QUANTITIES)]
    order = list(QUANTITIES).index
    facts = facts.sort_values("quantity", key=lambda names: names.map(order), kind="stable")
    return {"facts": facts, "quantities": QUANTITIES}


def reliability(study: Study) -> dict[str, Any]:
    """Rankings over VAEs that are mostly noise, that repeat, that the columns' order changes."""
    table = study.table("reliability")
    shown = table[table["pairs"] > 0]
    over_vaes = list(f.rows(shown[shown["over"] == "VAE seeds"]))
    noise = [
        f"{row.score} (its {row.list}: {f.percent(row.list_shared)} found again, chance "
        f"{f.percent(row.list_shared_chance)})"
        for row in over_vaes
        if row.status != "ok"
    ]
    good = [
        f"{row.score} ({f.percent(row.list_shared)} of its {row.list} found again, Spearman "
        f"{f.number(row.spearman_mean, 2)})"
        for row in over_vaes
        if row.status == "ok"
    ]
    other = shown[(shown["over"] == COLUMN_ORDER) & (shown["spearman_mean"] < 0.99)]
    moved = [
        f"{row.score} (Spearman {f.number(row.spearman_mean, 2)}, {f.percent(row.list_shared)} of "
        f"its {row.list} found again)"
        for row in f.rows(other)
    ]
    reasons = [REASONS[score] for score in other["score"] if score in REASONS]
    why = list(dict.fromkeys(reasons))
    return {"shown": shown, "noise": noise, "good": good, "moved": moved, "why": why}


def clusters(study: Study) -> dict[str, Any]:
    """Agreement by source, that over VAEs first, and its rows."""
    table = study.table("cluster-stability")
    table = table[table["ari_mean"].notna()]
    order = {"VAE seeds": 0, "UMAP seeds": 1, "resamples": 2}
    agreement = sorted(f.groups(table, "source"), key=lambda item: order.get(item[0], 3))
    return {"agreement": agreement, "agreed": table}


def bias(study: Study) -> dict[str, Any]:
    """Tests and survivors by group; the strongest; what all seeds have in common."""
    tests, found = study.table("bias-tests"), study.table("bias")
    tests = tests[tests["definition"] == "odds"]
    summary = pd.DataFrame(
        {
            "seed": seed,
            "group": group,
            "members": part["n_members"].iloc[0],
            "tested": available(part),
            "p": int((part["p"] <= FALSE_DISCOVERY_RATE).sum()),
            "q": len(own),
            "q_seed": int((own["q_seed"] <= FALSE_DISCOVERY_RATE).sum()),
            **_strongest(own),
        }
        for (seed, group), part in f.groups(tests, "seed", "group")
        for own in [found[(found["seed"] == seed) & (found["group"] == group)]]
    )
    seeds = int(found["n_seeds"].iloc[0]) if len(found) else 0
    unstable = False
    if study.has("cluster-stability"):
        agreement = study.table("cluster-stability").set_index("source")["verdict"]
        unstable = agreement.get("VAE seeds") == "poor"
    return {
        "tests": tests,
        "tested": available(tests),
        "tested_groups": int((summary["tested"] > 0).sum()) if len(summary) else 0,
        "found_tests": found,
        "summary": summary,
        "strongest": f.highest(found, found["cohens_h"].abs()).to_dict() if len(found) else {},
        "negligible": int((found["magnitude"] == "negligible").sum()),
        "seeds": seeds,
        "repeated": list(_repeated(found[found["seeds_found"] == seeds])),
        "unstable": unstable,
        "untestable": int((tests["status"] == "untestable").sum()),
        "pixels": largely_pixels(study),
    }


def available(tests: pd.DataFrame) -> int:
    """How many tests there are, without those that the data do not allow."""
    return int((tests["q"].notna() & (tests["status"] != "untestable")).sum())


def cluster_pixels(study: Study) -> dict[str, Any]:
    """The strongest covariates of each group, and groups that are largely a matter of pixels."""
    table = study.table("cluster-pixels")
    found = table[table["q"] <= FALSE_DISCOVERY_RATE]
    shown = pd.DataFrame(
        {
            "seed": seed,
            "group": group,
            "members": part["n_members"].iloc[0],
            "tested": int(part["q"].notna().sum()),
            "q": len(own),
            "strongest": ", ".join(_difference(row) for row in f.rows(own.head(4))) or f.MISSING,
        }
        for (seed, group), part in f.groups(table, "seed", "group")
        for own in [found[(found["seed"] == seed) & (found["group"] == group)]]
    )
    return {
        "shown": shown,
        "tested_groups": int((shown["tested"] > 0).sum()),
        "found_pixels": found,
        "largely": largely_pixels(study),
        "untestable": int((table["status"] == "untestable").sum()),
    }


def largely_pixels(study: Study) -> list[str]:
    """Groups that one covariate of the pixels nearly tells from the rest, beyond chance."""
    if not study.has("cluster-pixels"):
        return []
    table = study.table("cluster-pixels")
    large = (table["q"] <= FALSE_DISCOVERY_RATE) & (table["d"].abs() >= LARGELY_PIXELS)
    best = table[large].sort_values("d", key=lambda d: -d.abs(), kind="stable")
    best = best.drop_duplicates(["seed", "group"])
    return [f"{row.group} of seed {row.seed} ({_difference(row)})" for row in f.rows(best)]


def _difference(row: Any) -> str:
    return f"{str(row.covariate).replace('_', ' ')} {f.signed(row.d, row.low, row.high, 2)}"


def pixel_correlations(study: Study) -> dict[str, Any]:
    """By score what all covariates explain, and those that go with it beyond chance."""
    table = study.table("pixel-correlations")
    found = table[table["q"] <= FALSE_DISCOVERY_RATE]
    shown = pd.DataFrame(
        {
            "seed": seed,
            "score": score,
            "explained": part["explained"].iloc[0],
            "strongest": ", ".join(
                f"{str(row.covariate).replace('_', ' ')} "
                f"{f.signed(row.spearman, row.low, row.high, 2)}"
                for row in f.rows(own.loc[own["spearman"].abs().sort_values()[::-1].index[:3]])
            )
            or f.MISSING,
        }
        for (seed, score), part in f.groups(table, "seed", "score")
        for own in [found[(found["seed"] == seed) & (found["score"] == score)]]
    )
    return {"shown": shown, "found_rows": found, "known": shown[shown["explained"].notna()]}


def correlations(study: Study) -> dict[str, Any]:
    """Whether covariates of images were held constant."""
    return {"held": _has(study.table("correlations"), "partial")}


def class_probes(study: Study) -> dict[str, Any]:
    """Whether covariates of images were held constant."""
    return {"held": _has(study.table("class-probes"), "balanced_partial")}


def _has(table: pd.DataFrame, column: str) -> bool:
    return column in table and bool(table[column].notna().any())


def untested(study: Study) -> list[str]:
    """Columns of the user's that no 0/1 attribute was made of, and why."""
    if not study.has("attributes"):
        return []
    table = study.table("attributes")
    return [f"{row.column} ({row.rule})" for row in f.rows(table[table["positives"].isna()])]


def _strongest(found: pd.DataFrame) -> dict[str, str]:
    """Three attributes of a group with their odds ratios, by direction."""
    return {
        way: ", ".join(
            f"{row.attribute} {f.ratio(row.estimate, row.low, row.high)}"
            for row in f.rows(found[found["direction"] == way].head(3))
        )
        or f.MISSING
        for way in ("over", "under")
    }


def _repeated(every: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """By kind of group: which attributes are over- and under-represented in each seed."""
    kinds = {"cluster": "some cluster", "sub-niche": "some sub-niche", "cmax": "C_max"}
    kind = every["group"].str.replace(r" \d+$", "", regex=True)
    for name, part in every.groupby(kind, sort=False):
        names = {
            way: sorted(set(part.loc[part["direction"] == way, "attribute"]))
            for way in ("over", "under")
        }
        said = [f"{way}-represented {f.listed(found, 6)}" for way, found in names.items() if found]
        yield kinds.get(str(name), str(name)), said


def published_bias(study: Study) -> dict[str, Any]:
    """The preprint's bars of its cluster 0 beside each of our clusters."""
    tests = study.table("bias-tests")
    tests = tests[(tests["definition"] == "odds") & tests["group"].str.startswith("cluster ")]
    shown = tests[tests["attribute"].isin(CLUSTER_BIAS)]
    if set(shown["attribute"]) != set(CLUSTER_BIAS):
        return {"clusters": []}
    published = [f"{value:.1f}" for value in CLUSTER_BIAS.values()]
    rows = [[f.MISSING, "cluster 0 of the preprint", f.MISSING, *published]]
    found = []
    for (seed, group), part in f.groups(shown, "seed", "group"):
        wanted = part["attribute"].map(CLUSTER_BIAS)
        inside = (part["low"] <= wanted) & (wanted <= part["high"]) & (part["q"] <= 0.05)
        found.append({"name": f"{group} of seed {seed}", "fits": bool(inside.all())})
        cells = [
            f"{row.estimate:.2f} ({row.low:.2f}–{row.high:.2f}), q {f.p_value(row.q)}"
            for row in f.rows(part.set_index("attribute").loc[list(CLUSTER_BIAS)])
        ]
        rows.append([str(seed), str(group), f"{part['n_members'].iloc[0]:,}", *cells])
    more = {"names": list(CLUSTER_BIAS), "source": CLUSTER_BIAS_SOURCE}
    return {"clusters": found, "rows": pd.DataFrame(rows), "seeds": shown["seed"].nunique(), **more}


def probes(study: Study) -> dict[str, Any]:
    """How often latents are better and worse than pixels; the best and the worst five."""
    table = study.table("probes")
    tested = table[table["q"].notna()]
    above = (tested["q"] <= FALSE_DISCOVERY_RATE) & (tested["auc_mean"] > tested["baseline"])
    clear = tested["gain_q"] <= FALSE_DISCOVERY_RATE
    known = table[table["auc_mean"].notna()]
    held = _has(table, "q_partial")
    beyond = tested[tested["q_partial"] <= FALSE_DISCOVERY_RATE] if held else tested[:0]
    return {
        "held": held,
        "beyond": int((beyond["auc_partial"] > beyond["baseline"]).sum()) if held else 0,
        "few": int((table["status"] == "few").sum()),
        "degenerate": int((table["status"] == "degenerate").sum()),
        "tested": len(tested),
        "above": int(above.sum()),
        "won": int((clear & (tested["gain_mean"] > 0)).sum()),
        "lost": int((clear & (tested["gain_mean"] < 0)).sum()),
        "pixels": int(tested[["gain_mean", "gain_q"]].notna().all(axis=1).sum()),
        "shown": pd.concat([known.head(5), known.tail(5)]) if len(known) > 10 else known,
    }


def class_status(status: str) -> str:
    """Why a probe of many classes has no interval."""
    return {
        "constant": "there is one class",
        "separated": "fewer than two classes have samples in two folds, or people",
        "few": "fewer than 20 samples or people, or of too unequal weight",
        "degenerate": "fewer than 5 right answers or errors",
    }[status]
