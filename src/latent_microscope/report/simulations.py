"""Sections about the bias index in simulated studies: false alarms, coverage, power."""

from collections.abc import Iterator

from latent_microscope.report.blocks import Block, Link, Picture, Study, Table, Text
from latent_microscope.report.cells import numbers_of, percent, rows_of, share_interval

SHOWN_ODDS_RATIO = 1.5


def false_alarms(study: Study) -> Iterator[Block]:
    """Any rejection where there is nothing to find."""
    table = study.table("null")
    yield Text(
        "Any rejection at q ≤ 0.05 although no attribute has to do with any cluster (",
        Link("all of it", "null"),
        "):",
    )
    rows = [
        [
            row.scenario,
            row.procedure,
            str(row.tests),
            share_interval(row.share, row.low, row.high),
            percent(row.limit) if row.required else "–",
            percent(row.p_share),
        ]
        for row in rows_of(table)
    ]
    head = "images;procedure;tests in the family;any rejection (95 %);limit;single tests p ≤ 0.05"
    yield Table(head.split(";"), rows, "null", numbers_of(table))


def coverage(study: Study) -> Iterator[Block]:
    """How often the intervals hold the truth."""
    table = study.table("coverage")
    yield Text("Coverage of the 95 % intervals (", Link("all of it", "coverage"), "):")
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
    yield Table(head.split(";"), rows, "coverage")


def power(study: Study) -> Iterator[Block]:
    """How often one biased attribute is found."""
    table = study.table("power")
    shown = table[table["odds_ratio"] == SHOWN_ODDS_RATIO]
    yield Text(
        f"Power at an odds ratio of {SHOWN_ODDS_RATIO}, independent images (",
        Link("all of it", "power"),
        "):",
    )
    rows = [
        [
            f"{row.members:,}",
            percent(row.prevalence),
            share_interval(row.power, row.power_low, row.power_high),
            share_interval(row.adjusted, row.adjusted_low, row.adjusted_high),
        ]
        for row in rows_of(shown)
    ]
    head = ["members", "prevalence", "p ≤ 0.05 (95 %)", "q ≤ 0.05 among 40 (95 %)"]
    yield Table(head, rows, "power", numbers_of(shown))
    yield Picture("power", "Power over odds ratio, prevalence and cluster size")
    yield Picture("calibration", "False alarms and coverage")
