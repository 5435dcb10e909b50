"""README's section on the detection study."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from latent_microscope.comparison import OURS
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

_DETECTORS = 14


def detection_section(folder: Path) -> Iterator[str]:
    """Detectors on the first setting, ours against the best peer on every one, the funnel."""
    table = table_of(folder, "comparison")
    yield from _first_setting(folder, table)
    yield from _every_setting(folder, table)
    yield figure(folder, "settings", "Detectors on harder ground truths")
    yield from _search(folder, table_of(folder, "search"))


def _first_setting(folder: Path, table: pd.DataFrame) -> Iterator[str]:
    first = table[table["setting"] == table["setting"].iloc[0]]
    shown = pd.concat(
        [
            first[first["family"] != "trivial"].head(_DETECTORS),
            first[first["detector"].isin(["uniqueness", "cls", "all authentic"])],
        ]
    )
    shown = shown.drop_duplicates("detector")
    yield (
        f"Setting `{first['setting'].iloc[0]}`, {first['n'].iloc[0]} data seeds that no detector "
        "was developed on. F1 by one kind of rule for all, and by the threshold that the truth "
        f"would choose ({link(folder, 'comparison')}):\n"
    )
    head = "detector;ROC AUC;AP of interpolations;F1;median;worst;F1, best threshold"
    head += ";F1 of ours minus this (95 %)"
    rows = [
        [
            f"**{row.detector}**" if row.detector == OURS else row.detector,
            spread(row.roc_auc_mean, row.roc_auc_sd),
            spread(
                row.average_precision_interpolations_mean, row.average_precision_interpolations_sd
            ),
            spread(row.f1_mean, row.f1_sd),
            number(row.f1_median),
            number(row.f1_min),
            spread(row.f1_oracle_mean, row.f1_oracle_sd),
            _difference(row.f1_difference, row.f1_difference_low, row.f1_difference_high)
            if row.detector != OURS
            else "–",
        ]
        for row in rows_of(shown)
    ]
    yield markdown(head.split(";"), rows)


def _difference(mean: float, low: float, high: float) -> str:
    return f"{mean:+.3f}" if pd.isna(low) else f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


def _every_setting(folder: Path, table: pd.DataFrame) -> Iterator[str]:
    yield (
        "Harder ground truths: average precision with the interpolations as positives, ours beside "
        "the best of all peers and heuristics on that setting, chosen after the fact:\n"
    )
    measure = "average_precision_interpolations"
    rows = []
    for setting, part in table.groupby("setting", sort=False):
        own = part[part["detector"] == OURS].iloc[0]
        best = part[part["best_peer"]].iloc[0]
        rows.append(
            [
                str(setting),
                str(own["n"]),
                spread(own[f"{measure}_mean"], own[f"{measure}_sd"]),
                f"{best['detector']} {spread(best[f'{measure}_mean'], best[f'{measure}_sd'])}",
                _difference(*(best[f"{measure}_difference{end}"] for end in ("", "_low", "_high"))),
                number(1.0 - own["prevalence"]),
                spread(own["f1_mean"], own["f1_sd"]),
                _difference(*(best[f"f1_difference{end}"] for end in ("", "_low", "_high"))),
            ]
        )
    head = "setting;seeds;ours;best peer;ours − best peer (95 %);chance;F1 of ours;F1 ours − peer"
    yield markdown(head.split(";"), rows)


def _search(folder: Path, table: pd.DataFrame) -> Iterator[str]:
    yield (
        "The published funnel after a search over its percentiles, similarity and neighbours; each "
        "seed is tested at the configuration that is best on the other seeds "
        f"({link(folder, 'search')}):\n"
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
    yield markdown(head.split(";"), rows)
