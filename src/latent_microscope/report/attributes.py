"""Sections about what latents know, and about pairs of images that are too alike."""

from collections.abc import Iterator

from latent_microscope.report.blocks import Block, Link, Picture, Study, Table, Text
from latent_microscope.report.cells import interval, number, numbers_of, percent, rows_of, signed
from latent_microscope.report.limits import FALSE_DISCOVERY_RATE

_SHOWN = 5


def probes(study: Study) -> Iterator[Block]:
    """What a linear probe reads off the latents, beside pixels."""
    table = study.table("probes")
    lost = int(((table["gain_mean"] < 0) & (table["gain_q"] <= FALSE_DISCOVERY_RATE)).sum())
    won = int(((table["gain_mean"] > 0) & (table["gain_q"] <= FALSE_DISCOVERY_RATE)).sum())
    known = table[table["auc_mean"].notna()]
    many = len(known) > 2 * _SHOWN
    yield Text(
        f"Linear probes of {len(table)} attributes, ROC AUC on images of people that the probe has "
        "not seen. Against as many principal components of the pixels, the latents are better on "
        f"{won} and worse on {lost} of them (q ≤ 0.05). ",
        "The best and the worst five (" if many else "All of them (",
        Link("all of it", "probes"),
        "):",
    )
    shown = known.iloc[[*range(_SHOWN), *range(-_SHOWN, 0)]] if many else known
    rows = [
        [
            row.attribute,
            percent(row.prevalence),
            interval(row.auc_mean, row.low, row.high),
            number(row.auc_pixels),
            number(row.auc_colour),
            signed(row.gain_mean, row.gain_low, row.gain_high),
        ]
        for row in rows_of(shown)
    ]
    head = "attribute;prevalence;latents (95 %);pixels' components;mean colour"
    head += ";latents − pixels (95 %)"
    yield Table(head.split(";"), rows, "probes", numbers_of(shown))
    yield Picture("probes", "Linear probes of every attribute")


def duplicates(study: Study) -> Iterator[Block]:
    """How many pairs of images somebody should look at."""
    table = study.table("duplicates")
    if not len(table):
        yield Text("No near-duplicates.")
        return
    counts = table.groupby("verdict", sort=False).agg(
        pairs=("rank", "size"), same=("same", lambda s: int((s == "yes").sum()))
    )
    yield Text(
        "Near-duplicates: pairs for a person to look at (", Link("all of it", "duplicates"), "):"
    )
    rows = [[str(name), str(row.pairs), str(row.same)] for name, row in counts.iterrows()]
    yield Table(["verdict", "pairs", "of one person or class"], rows, "duplicates")
