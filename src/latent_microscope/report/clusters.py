"""Sections about clusters and their attributes: size, stability, bias."""

from collections.abc import Iterator

from latent_microscope.published import CLUSTER_BIAS, CLUSTER_BIAS_SOURCE
from latent_microscope.report.blocks import Block, Link, Picture, Study, Table, Text
from latent_microscope.report.cells import interval, number, numbers_of, percent, ratio, rows_of
from latent_microscope.report.limits import FALSE_DISCOVERY_RATE


def clusters(study: Study) -> Iterator[Block]:
    """SBS and stability of the clusters; nothing of a study made before there were such."""
    if not study.has("cluster-stability"):
        return
    table = study.table("sbs")
    yield Text(
        "Stereotypical bias score (share of all samples in the largest cluster) by HDBSCAN's "
        "minimal cluster size, with 95 % intervals over subsamples of people (",
        Link("all of it", "sbs"),
        "):",
    )
    rows = [
        [
            str(row.run),
            f"{row.min_cluster_size}{' (used)' if row.configured else ''}",
            interval(row.share, row.low, row.high),
            str(row.n_clusters),
            percent(row.noise_share),
        ]
        for row in rows_of(table)
    ]
    head = ["seed", "minimal cluster size", "SBS (95 %)", "clusters", "noise"]
    yield Table(head, rows, "sbs", numbers_of(table))
    table = study.table("cluster-stability")
    yield Text(
        "Agreement of clusterings, adjusted Rand index, mean (least) of all pairs; shuffled labels "
        "give 0 (",
        Link("all of it", "cluster-stability"),
        "):",
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
    head = ["over", "seed", "pairs", "noise as a label", "clustered in both", "verdict"]
    yield Table(head, rows, "cluster-stability", numbers_of(table))
    for name in study.pictures("sbs-sizes-"):
        yield Picture(name, "SBS by minimal cluster size")
    for name in study.pictures("cluster-stability-"):
        yield Picture(name, "Stability of clusters")


def cluster_overlap(study: Study) -> Iterator[Block]:
    """How well each cluster is found again."""
    table = study.table("cluster-jaccard")
    yield Text(
        "Jaccard index of every cluster and its best match in another clustering, beside shuffled "
        "labels; below 0.6 a cluster is not to be trusted (",
        Link("all of it", "cluster-jaccard"),
        "):",
    )
    rows = [
        [
            str(row.cluster),
            str(row.run),
            row.source,
            f"{row.size:,}",
            f"{number(row.jaccard, 2)} ({number(row.baseline, 2)})",
            percent(row.recovered),
            row.verdict,
        ]
        for row in rows_of(table)
    ]
    head = "cluster;seed;over;members;Jaccard (shuffled);found again;verdict"
    yield Table(head.split(";"), rows, "cluster-jaccard", numbers_of(table))


def bias(study: Study) -> Iterator[Block]:
    """Which findings survive correction, and the strongest of them."""
    tests = study.table("bias-tests")
    tests = tests[tests["definition"] == "odds"]
    found = study.table("bias")
    yield Text(
        "Attributes of each group that are over- or under-represented: tested, nominally "
        "significant, surviving Benjamini–Hochberg within the group, and over all groups of the "
        "run (",
        Link("tests", "bias-tests"),
        ", ",
        Link("survivors", "bias"),
        "):",
    )
    rows = []
    for key, part in tests.groupby(["run", "group"], sort=False):
        run, group = key  # type: ignore[misc]
        kept = found[(found["run"] == run) & (found["group"] == group)]
        named = {
            way: ", ".join(
                f"{row.attribute} {ratio(row.estimate, row.low, row.high)}"
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
    yield Table(head.split(";"), rows, "bias-tests")


def published_bias(study: Study) -> Iterator[Block]:
    """The preprint's bars of its cluster 0 beside every cluster of ours."""
    tests = study.table("bias-tests")
    shown = tests[
        tests["attribute"].isin(CLUSTER_BIAS)
        & tests["group"].str.startswith("cluster ")
        & (tests["definition"] == "odds")
    ]
    if set(shown["attribute"]) != set(CLUSTER_BIAS):
        return
    yield Text(
        f"The bars that were published ({CLUSTER_BIAS_SOURCE}; no interval or test was), and the "
        "same attributes in each cluster of ours. Clusters of different runs cannot be matched; if "
        "the published bias were a property of the data, some cluster of every run would show it:",
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
    yield Table(["seed", "group", "members", *CLUSTER_BIAS], [published, *rows], "bias-tests")


def bias_pictures(study: Study) -> Iterator[Block]:
    """Odds ratios drawn."""
    for name in study.pictures("bias-forest"):
        yield Picture(name, "Odds ratios with intervals")
