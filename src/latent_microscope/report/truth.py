"""Sections of studies whose ground truth is known: the funnel, single scores, all detectors."""

from collections.abc import Iterator

import pandas as pd

from latent_microscope.published import FUNNEL_UNIQUENESS
from latent_microscope.report.blocks import Block, Code, Link, Picture, Strong, Study, Table, Text
from latent_microscope.report.cells import number, numbers_of, percent, rows_of, signed, spread
from latent_microscope.report.limits import OURS

_DETECTORS = 14
_AP = "average_precision_interpolations"


def funnel(study: Study) -> Iterator[Block]:
    """The published funnel beside the preprint's table."""
    table = study.table("funnel")
    shown = table[table["uniqueness_percentile"] == FUNNEL_UNIQUENESS]
    yield Text(
        "The published funnel at uniqueness percentile 90, mean ± sd over seeds, beside the "
        "preprint's table (",
        Link("all of it", "funnel"),
        "):",
    )
    head = "view;sources;stability percentile;TP;FP;precision;recall;F1;published TP;published F1"
    rows = [
        [
            row.view,
            row.method,
            f"{row.stability_percentile:.0f}",
            spread(row.tp_mean, row.tp_sd, 1),
            spread(row.fp_mean, row.fp_sd, 1),
            percent(row.precision_mean),
            percent(row.recall_mean),
            percent(row.f1_mean),
            number(row.published_tp, 0),
            percent(row.published_f1),
        ]
        for row in rows_of(shown)
    ]
    yield Table(head.split(";"), rows, "funnel", numbers_of(shown))


def detectors(study: Study) -> Iterator[Block]:
    """Every score and detector on the question authentic or interpolation."""
    table = study.table("detectors")
    shown = table[table["method"] == "intended"]
    chance = table["baseline_average_precision"].iloc[0]
    yield Text(
        "Scores and detectors, authentic samples positive (chance: AUC 0.5, average precision "
        f"{chance:.2f}; ",
        Link("all of it", "detectors"),
        "):",
    )
    head = "view;detector;ROC AUC;average precision;AP of interpolations;F1;AUC measured earlier"
    rows = [
        [
            row.view,
            row.detector,
            spread(row.roc_auc_mean, row.roc_auc_sd),
            spread(row.average_precision_mean, row.average_precision_sd),
            number(row.average_precision_interpolations_mean),
            spread(row.f1_mean, row.f1_sd),
            _range(row.earlier_roc_auc_low, row.earlier_roc_auc_high),
        ]
        for row in rows_of(shown)
    ]
    yield Table(head.split(";"), rows, "detectors", numbers_of(shown))
    for name in study.pictures("detectors-whole-intended"):
        yield Picture(name, "Scores as detectors of authentic samples")


def _range(low: float, high: float) -> str:
    return "–" if pd.isna(low) else f"{low:.3f}–{high:.3f}"


def first_setting(study: Study) -> Iterator[Block]:
    """Our detector beside others on the setting that all were made for."""
    table = study.table("comparison")
    first = table[table["setting"] == table["setting"].iloc[0]]
    shown = pd.concat(
        [
            first[first["family"] != "trivial"].head(_DETECTORS),
            first[first["detector"].isin(["uniqueness", "cls", "all authentic"])],
        ]
    )
    shown = shown.drop_duplicates("detector")
    yield Text(
        "Setting ",
        Code(first["setting"].iloc[0]),
        f", {first['n'].iloc[0]} data seeds that no detector "
        "was developed on. F1 by one kind of rule for all, and by the threshold that the truth "
        "would choose (",
        Link("all of it", "comparison"),
        "). Two rows are references, not detectors on latents: ",
        Code("reconstruction_error"),
        " sees the pixels, where this generator gives authentic samples more noise than mixtures; ",
        Code("truth, blind below 2%"),
        " is the truth but for mixtures with less than 2 % of one person, called that person:",
    )
    head = "detector;ROC AUC;AP of interpolations;F1;median;worst;F1, best threshold"
    head += ";F1 of ours minus this (95 %)"
    rows = [
        [
            Strong(row.detector) if row.detector == OURS else row.detector,
            spread(row.roc_auc_mean, row.roc_auc_sd),
            spread(
                row.average_precision_interpolations_mean, row.average_precision_interpolations_sd
            ),
            spread(row.f1_mean, row.f1_sd),
            number(row.f1_median),
            number(row.f1_min),
            spread(row.f1_oracle_mean, row.f1_oracle_sd),
            signed(row.f1_difference, row.f1_difference_low, row.f1_difference_high)
            if row.detector != OURS
            else "–",
        ]
        for row in rows_of(shown)
    ]
    yield Table(head.split(";"), rows, "comparison", numbers_of(shown))


def _seeds(row: pd.Series) -> str:
    """Number of seeds, and of how many where some of their VAEs have collapsed."""
    runs = row["n"] + row["collapsed"]
    return f"{row['n']} of {runs}" if row["collapsed"] else str(runs)


def every_setting(study: Study) -> Iterator[Block]:
    """Ours against the best of all others on every setting."""
    yield Text(
        "Harder ground truths: average precision with the interpolations as positives, ours beside "
        "the best of all peers and heuristics on that setting, chosen after the fact. Seeds whose "
        "VAE collapses to one point say nothing of detectors and are only counted:"
    )
    rows = []
    for setting, part in study.table("comparison").groupby("setting", sort=False):
        own = part[part["detector"] == OURS].iloc[0]
        best = part[part["best_peer"]].iloc[0]
        rows.append(
            [
                str(setting),
                _seeds(own),
                spread(own[f"{_AP}_mean"], own[f"{_AP}_sd"]),
                f"{best['detector']} {spread(best[f'{_AP}_mean'], best[f'{_AP}_sd'])}",
                signed(*(best[f"{_AP}_difference{end}"] for end in ("", "_low", "_high"))),
                number(1.0 - own["prevalence"]),
                spread(own["f1_mean"], own["f1_sd"]),
                signed(*(best[f"f1_difference{end}"] for end in ("", "_low", "_high"))),
            ]
        )
    head = "setting;seeds;ours;best peer;ours − best peer (95 %);chance;F1 of ours;F1 ours − peer"
    yield Table(head.split(";"), rows, "comparison")
    yield Picture("settings", "Detectors on harder ground truths")


def search(study: Study) -> Iterator[Block]:
    """The funnel at its best parameters."""
    table = study.table("search")
    yield Text(
        "The published funnel after a search over its percentiles, similarity and neighbours; each "
        "seed is tested at the configuration that is best on the other seeds (",
        Link("all of it", "search"),
        "):",
    )
    head = "setting;sources;F1;precision;recall;best F1 of any configuration on the tested seed"
    head += ";F1 of calling everything authentic"
    rows = [
        [
            row.setting,
            row.method,
            spread(row.f1_mean, row.f1_sd),
            percent(row.precision_mean),
            percent(row.recall_mean),
            number(row.f1_own_mean),
            number(row.f1_all_mean),
        ]
        for row in rows_of(table)
    ]
    yield Table(head.split(";"), rows, "search", numbers_of(table))
