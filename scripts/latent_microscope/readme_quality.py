"""README's sections about the trust that a latent space, its scores and its attributes deserve."""

from collections.abc import Iterator
from pathlib import Path

from latent_microscope.markdown import (
    figure,
    link,
    markdown,
    number,
    percent,
    rows_of,
    spread,
    table_of,
)
from latent_microscope.published import CLUSTER_BIAS, CLUSTER_BIAS_SOURCE
from latent_microscope.tables.forensics import FALSE_DISCOVERY_RATE


def health_section(folder: Path) -> Iterator[str]:
    """Checks of the VAE with their limits."""
    table = table_of(folder, "health")
    yield f"Health of the VAE, mean ± sd over seeds ({link(folder, 'health')}):\n"
    rows = [
        [
            row.meaning if row.view == "whole" else f"{row.meaning} ({row.view})",
            spread(row.mean, row.sd),
            f"{row.bad} {number(row.warning, 3).rstrip('0').rstrip('.')}",
            row.status,
        ]
        for row in rows_of(table)
    ]
    yield markdown(["check", "value", "warns", "status"], rows)
    yield figure(folder, "vae-checks-whole", "Aggregated posterior, errors, checks of the VAE")


def reliability_section(folder: Path) -> Iterator[str]:
    """How far rankings and the top of a list repeat."""
    table = table_of(folder, "reliability")
    table = table[table["pairs"] > 0]
    if not len(table):
        return
    yield (
        "What of a ranking repeats: Spearman of two replicates, and the share of a list that "
        f"another replicate finds again ({link(folder, 'reliability')}):\n"
    )
    rows = [
        [
            row.score,
            row.over,
            str(row.replicates),
            spread(row.spearman_mean, row.spearman_sd, 2),
            _between(row.icc, row.icc_low, row.icc_high),
            row.list,
            f"{percent(row.list_shared)} ({percent(row.list_shared_chance)})",
            f"{number(row.band_median, 0)} %" if row.band_median == row.band_median else "–",
            row.status,
        ]
        for row in rows_of(table)
    ]
    head = "score;over;replicates;Spearman;ICC (95 %);list;found again (chance)"
    head += ";width of a sample's 95 % interval, percentiles;verdict"
    yield markdown(head.split(";"), rows)
    yield figure(folder, "reliability", "Reliability of the scores")


def _between(value: float, low: float, high: float) -> str:
    known = value == value
    return f"{value:.2f} ({number(low, 2)}–{number(high, 2)})" if known else "–"


def probes_section(folder: Path) -> Iterator[str]:
    """What a linear probe reads off the latents, beside pixels."""
    table = table_of(folder, "probes")
    lost = int(((table["gain_mean"] < 0) & (table["gain_q"] <= FALSE_DISCOVERY_RATE)).sum())
    won = int(((table["gain_mean"] > 0) & (table["gain_q"] <= FALSE_DISCOVERY_RATE)).sum())
    yield (
        f"Linear probes of {len(table)} attributes, ROC AUC on images of people that the probe has "
        "not seen. Against as many principal components of the pixels, the latents are better on "
        f"{won} and worse on {lost} of them (q ≤ 0.05). The best and the worst five "
        f"({link(folder, 'probes')}):\n"
    )
    known = table[table["auc_mean"].notna()]
    shown = known if len(known) <= 10 else known.iloc[[*range(5), *range(-5, 0)]]
    rows = [
        [
            row.attribute,
            percent(row.prevalence),
            f"{number(row.auc_mean)} ({number(row.low)}–{number(row.high)})",
            number(row.auc_pixels),
            number(row.auc_colour),
            f"{row.gain_mean:+.3f} ({row.gain_low:+.3f} to {row.gain_high:+.3f})",
        ]
        for row in rows_of(shown)
    ]
    head = "attribute;prevalence;latents (95 %);pixels' components;mean colour"
    head += ";latents − pixels (95 %)"
    yield markdown(head.split(";"), rows)
    yield figure(folder, "probes", "Linear probes of every attribute")


def duplicates_section(folder: Path) -> Iterator[str]:
    """How many pairs of images somebody should look at."""
    table = table_of(folder, "duplicates")
    if not len(table):
        yield "No near-duplicates.\n"
        return
    counts = table.groupby("verdict", sort=False).agg(
        pairs=("rank", "size"), same=("same", lambda s: int((s == "yes").sum()))
    )
    yield f"Near-duplicates: pairs for a person to look at ({link(folder, 'duplicates')}):\n"
    rows = [[str(name), str(row.pairs), str(row.same)] for name, row in counts.iterrows()]
    yield markdown(["verdict", "pairs", "of one person or class"], rows)


def bias_section(folder: Path) -> Iterator[str]:
    """Which findings survive correction, the strongest of them, and the preprint's bars."""
    tests = table_of(folder, "bias-tests")
    tests = tests[tests["definition"] == "odds"]
    found = table_of(folder, "bias")
    yield (
        "Attributes of each group that are over- or under-represented: tested, nominally "
        "significant, surviving Benjamini–Hochberg within the group, and over all groups of the "
        f"run ([tests](results/published/{folder.name}/tables/bias-tests.csv), "
        f"[survivors](results/published/{folder.name}/tables/bias.csv)):\n"
    )
    rows = []
    for key, part in tests.groupby(["run", "group"], sort=False):
        run, group = key  # type: ignore[misc]
        kept = found[(found["run"] == run) & (found["group"] == group)]
        named = {
            way: ", ".join(
                f"{row.attribute} {row.estimate:.2g} ({row.low:.2g}–{row.high:.2g})"
                for row in rows_of(kept[kept["direction"] == way].head(3))
            )
            for way in ("over", "under")
        }
        rows.append(
            [
                *(str(run), str(group), f"{part['n_members'].iloc[0]:,}"),
                *(str(int((part[p] <= FALSE_DISCOVERY_RATE).sum())) for p in ("p", "q", "q_run")),
                *(named[way] or "–" for way in ("over", "under")),
            ]
        )
    head = "seed;group;members;p ≤ 0.05;q ≤ 0.05;over all groups"
    head += ";strongest over, odds ratio (95 %);strongest under"
    yield markdown(head.split(";"), rows)


def published_bias_section(folder: Path) -> Iterator[str]:
    """The preprint's bars of its cluster 0 beside every cluster of ours."""
    tests = table_of(folder, "bias-tests")
    shown = tests[
        tests["attribute"].isin(CLUSTER_BIAS)
        & tests["group"].str.startswith("cluster ")
        & (tests["definition"] == "odds")
    ]
    if not len(shown):
        return
    yield (
        f"The bars that were published ({CLUSTER_BIAS_SOURCE}; no interval or test was), and the "
        "same attributes in each cluster of ours. Clusters of different runs cannot be matched; if "
        "the published bias were a property of the data, some cluster of every run would show it:\n"
    )
    rows = []
    for key, part in shown.groupby(["run", "group"], sort=False):
        run, group = key  # type: ignore[misc]
        by_name = part.set_index("attribute")
        cells = [
            f"{row['estimate']:.2f} ({row['low']:.2f}–{row['high']:.2f}), q {row['q']:.2g}"
            for row in (by_name.loc[name] for name in CLUSTER_BIAS)
        ]
        rows.append([str(run), str(group), f"{part['n_members'].iloc[0]:,}", *cells])
    published = [
        "–",
        "cluster 0 of the preprint",
        "–",
        *(f"{v:.1f}" for v in CLUSTER_BIAS.values()),
    ]
    yield markdown(["seed", "group", "members", *CLUSTER_BIAS], [published, *rows])
