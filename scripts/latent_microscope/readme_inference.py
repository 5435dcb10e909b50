"""README's sections about clusters and simulations, from the published tables."""

from collections.abc import Iterator
from pathlib import Path

from latent_microscope.markdown import (
    figure,
    link,
    markdown,
    number,
    percent,
    rows_of,
    table_of,
)

_SHOWN_ODDS_RATIO = 1.5


def clusters_section(folder: Path) -> Iterator[str]:
    """SBS and stability of the clusters; nothing of a study published before there were such."""
    if not (folder / "tables" / "cluster-stability.parquet").is_file():
        return
    table = table_of(folder, "sbs")
    yield (
        "Stereotypical bias score (share of all samples in the largest cluster) by HDBSCAN's "
        "minimal cluster size, with 95 % intervals over subsamples of people "
        f"({link(folder, 'sbs')}):\n"
    )
    rows = [
        [
            str(row.run),
            f"{row.min_cluster_size}{' (used)' if row.configured else ''}",
            f"{number(row.share)} ({number(row.low)}–{number(row.high)})",
            str(row.n_clusters),
            percent(row.noise_share),
        ]
        for row in rows_of(table)
    ]
    yield markdown(["seed", "minimal cluster size", "SBS (95 %)", "clusters", "noise"], rows)
    table = table_of(folder, "cluster-stability")
    yield (
        "Agreement of clusterings, adjusted Rand index, mean (least) of all pairs; shuffled labels "
        f"give 0 ({link(folder, 'cluster-stability')}):\n"
    )
    rows = [
        [
            row.source,
            "all" if row.run < 0 else str(row.run),
            str(row.n_pairs),
            f"{number(row.ari_mean, 2)} ({number(row.ari_min, 2)})",
            f"{number(row.ari_clustered_mean, 2)} ({number(row.ari_clustered_min, 2)})",
            row.verdict,
        ]
        for row in rows_of(table)
    ]
    head = "over;seed;pairs;noise as a label;clustered in both;verdict"
    yield markdown(head.split(";"), rows)
    for name in sorted(path.stem for path in (folder / "figures").glob("sbs-sizes-*.png")):
        yield figure(folder, name, "SBS by minimal cluster size")
    for name in sorted(path.stem for path in (folder / "figures").glob("cluster-stability-*.png")):
        yield figure(folder, name, "Stability of clusters")


def simulations_section(folder: Path) -> Iterator[str]:
    """False alarms, coverage and power of the bias index in simulated studies."""
    table = table_of(folder, "null")
    yield (
        "Any rejection at q ≤ 0.05 although no attribute has to do with any cluster "
        f"({link(folder, 'null')}):\n"
    )
    rows = [
        [
            row.scenario,
            row.procedure,
            str(row.tests),
            f"{percent(row.share)} ({percent(row.low)}–{percent(row.high)})",
            percent(row.limit) if row.required else "–",
            percent(row.p_share),
        ]
        for row in rows_of(table)
    ]
    head = "images;procedure;tests in the family;any rejection (95 %);limit;single tests p ≤ 0.05"
    yield markdown(head.split(";"), rows)
    table = table_of(folder, "coverage")
    yield f"Coverage of the 95 % intervals ({link(folder, 'coverage')}):\n"
    rows = []
    for key, part in table.groupby(["scenario", "effect", "members"], sort=False):
        scenario, effect, members = key  # type: ignore[misc]
        low, high = part["coverage"].min(), part["coverage"].max()
        rows.append(
            [
                str(scenario),
                str(effect),
                str(members),
                percent(part["coverage"].mean()),
                f"{percent(low)} to {percent(high)}",
                percent(part["agrees"].mean()),
            ]
        )
    head = "images;effect;members;mean;over prevalences and odds ratios;agrees with p ≤ 0.05"
    yield markdown(head.split(";"), rows)
    table = table_of(folder, "power")
    shown = table[table["odds_ratio"] == _SHOWN_ODDS_RATIO]
    yield (
        f"Power at an odds ratio of {_SHOWN_ODDS_RATIO}, independent images "
        f"({link(folder, 'power')}):\n"
    )
    rows = [
        [
            f"{row.members:,}",
            percent(row.prevalence),
            f"{percent(row.power)} ({percent(row.power_low)}–{percent(row.power_high)})",
            f"{percent(row.adjusted)} ({percent(row.adjusted_low)}–{percent(row.adjusted_high)})",
        ]
        for row in rows_of(shown)
    ]
    yield markdown(["members", "prevalence", "p ≤ 0.05 (95 %)", "q ≤ 0.05 among 40 (95 %)"], rows)
    yield figure(folder, "power", "Power over odds ratio, prevalence and cluster size")
    yield figure(folder, "calibration", "False alarms and coverage")
