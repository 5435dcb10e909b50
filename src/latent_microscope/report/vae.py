"""Sections about a VAE and its scores: health, facts, what of a ranking repeats."""

from collections.abc import Iterator

from latent_microscope.report.blocks import Block, Link, Picture, Study, Table, Text
from latent_microscope.report.cells import interval, number, numbers_of, percent, rows_of, spread

FACTS = {
    "active_dimensions": "active latent dimensions",
    "kl_total": "KL divergence, nats an image",
    "reconstruction_error_mean": "reconstruction error an image",
    "spearman_uniqueness_originality": "Spearman of uniqueness and originality",
    "spearman_stability_norm": "Spearman of stability and the norm of the latent",
    "stability_reliability": "draw-to-draw reliability of stability",
    "attractor_tie_share": "share of attractor densities that tie, published radius",
    "overlaps_total": "pairs with cosine similarity ≥ 0.99",
    "ica_converged": "ICA restarts that converged",
    "sbs_plane": "SBS, clusters of the UMAP plane",
    "clusters_plane": "clusters of the UMAP plane",
    "noise_plane": "share of noise on the plane",
    "sbs_cmax": "SBS, clusters in latent space (C_max)",
    "clusters_cmax": "clusters in latent space",
}


def facts(study: Study, view: str = "whole") -> Iterator[Block]:
    """Facts about the latent space and the scores of one view."""
    table = study.table("forensics")
    table = table[(table["view"] == view) & table["quantity"].isin(FACTS)]
    table = table.sort_values("quantity", key=lambda names: names.map(list(FACTS).index))
    rows = [[FACTS[row.quantity], spread(row.mean, row.sd)] for row in rows_of(table)]
    yield Text("The latent space, mean ± sd over seeds (", Link("all of it", "forensics"), "):")
    yield Table(["quantity", "value"], rows, "forensics", numbers_of(table))


def health(study: Study) -> Iterator[Block]:
    """Checks of the VAE with their limits."""
    table = study.table("health")
    yield Text("Health of the VAE, mean ± sd over seeds (", Link("all of it", "health"), "):")
    rows = [
        [
            row.meaning if row.view == "whole" else f"{row.meaning} ({row.view})",
            spread(row.mean, row.sd),
            f"{row.bad} {number(row.warning, 3).rstrip('0').rstrip('.')}",
            row.status,
        ]
        for row in rows_of(table)
    ]
    yield Table(["check", "value", "warns", "status"], rows, "health", numbers_of(table))
    for view in dict.fromkeys(table["view"]):
        text = "Aggregated posterior, errors, checks of the VAE"
        yield Picture(f"vae-checks-{view}", text)


def reliability(study: Study) -> Iterator[Block]:
    """How far rankings and the top of a list repeat."""
    table = study.table("reliability")
    table = table[table["pairs"] > 0]
    if not len(table):
        return
    yield Text(
        "What of a ranking repeats: Spearman of two replicates, and the share of a list that "
        "another replicate finds again (",
        Link("all of it", "reliability"),
        "):",
    )
    rows = [
        [
            row.score,
            row.over,
            str(row.replicates),
            spread(row.spearman_mean, row.spearman_sd, 2),
            interval(row.icc, row.icc_low, row.icc_high, 2),
            row.list,
            f"{percent(row.list_shared)} ({percent(row.list_shared_chance)})",
            f"{number(row.band_median, 0)} %" if row.band_median == row.band_median else "–",
            row.status,
        ]
        for row in rows_of(table)
    ]
    head = "score;over;replicates;Spearman;ICC (95 %);list;found again (chance)"
    head += ";width of a sample's 95 % interval, percentiles;verdict"
    yield Table(head.split(";"), rows, "reliability", numbers_of(table))
    yield Picture("reliability", "Reliability of the scores")


def rankings(study: Study) -> Iterator[Block]:
    """Every score's rank correlation between VAEs."""
    table = study.table("rankings")
    table = table[table["mean"].notna()]
    if not len(table):
        return
    yield Text(
        "Spearman correlation of each score between VAEs of different seeds, mean ± sd over pairs; "
        "independent rankings give 0 (",
        Link("all of it", "rankings"),
        "):",
    )
    rows = [[row.score, spread(row.mean, row.sd, 2), str(row.n)] for row in rows_of(table)]
    yield Table(["score", "Spearman", "pairs of VAEs"], rows, "rankings", numbers_of(table))
