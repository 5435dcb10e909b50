"""Figures of how far the latents can be trusted: health of the VAE, probes, near-duplicates."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.grids import grid_height, image_grid
from latent_microscope.plots.style import (
    INK,
    MUTED,
    NOISE,
    Look,
    Page,
    count,
    panel,
    pretty,
    say,
)

_LEVEL = 0.05
_STATUS = {"ok": 2, "warning": 1, "alarm": 4}
_DASHED = (0, (4, 2))
_LINE = 0.185


def vae_checks(
    posteriors: Sequence[pd.DataFrame],
    errors: Sequence[pd.DataFrame],
    healths: Sequence[pd.DataFrame],
    labels: Sequence[str],
    title: str,
    look: Look,
) -> Figure:
    """Aggregated posterior against the prior, errors against a constant image, and the checks.

    Args:
        posteriors: ``posterior.parquet`` of each run.
        errors: ``errors.parquet`` of each run.
        healths: ``health.parquet`` of each run.
        labels: One a run.
        title: Study, view.
        look: The figure's settings.

    Raises:
        InputError: Not one of each a run.
    """
    if not len(posteriors) == len(errors) == len(healths) == len(labels):
        raise InputError("vae_checks: give a posterior, errors, health and label of each run")
    worst = _worst(healths)
    alarms = [name for name, status in worst.items() if status != "ok"]
    state = "all checks ok" if not alarms else f"{len(alarms)} of {len(worst)} checks not ok"
    below = 0.83 + _LINE * len(worst)
    page = Page(2.05 + below, f"{title} · {state}")
    means, variances, ratio = page.grid(1, 3, top=0.5, bottom=below, wspace=0.62)[0]
    for i, table in enumerate(posteriors):
        order = np.arange(1, len(table) + 1)
        colour = look.colour(i)
        means.plot(order, np.sort(table["mean"])[::-1], color=colour, label=labels[i])
        ordered = table.sort_values("aggregated_variance", ascending=False, kind="stable")
        variances.plot(order, ordered["aggregated_variance"], color=colour)
        shares = np.sort(errors[i]["reconstruction_error"] / errors[i]["constant_error"])
        ratio.plot(shares, np.linspace(0, 1, len(shares)), color=colour)
    means.axhline(0.0, color=MUTED, lw=0.8, ls=_DASHED)
    variances.axhline(1.0, color=MUTED, lw=0.8, ls=_DASHED)
    ratio.axvline(1.0, color=MUTED, lw=0.8, ls=_DASHED)
    panel(means, "a", "mean of each dimension")
    means.set(xlabel="dimension, sorted", ylabel="mean over images")
    means.legend(loc="best", ncols=1 + (len(labels) > 4))
    panel(variances, "b", "aggregated posterior variance")
    variances.set(xlabel="dimension, sorted", ylabel="variance (prior: 1)")
    panel(ratio, "c", "error over a constant image's")
    ratio.set(xlabel="ratio, image by image", ylabel="share of images below")
    ratio.set_xlim(left=0)
    for ax, name in ((means, "mean"), (variances, "variance"), (ratio, "error")):
        look.limit(ax, name)
    _check_table(page, healths, labels, look, top=2.62)
    return page.figure


def _worst(healths: Sequence[pd.DataFrame]) -> dict[str, str]:
    ranks = list(_STATUS)
    return {
        check: max((t.set_index("check")["status"][check] for t in healths), key=ranks.index)
        for check in healths[0]["check"]
    }


def _check_table(
    page: Page, healths: Sequence[pd.DataFrame], labels: Sequence[str], look: Look, *, top: float
) -> None:
    """The checks as lines of text: value of each run, limits, status in words and colour."""
    size = look.font_size - 1
    shown = list(zip(healths, labels, strict=True))[:4]
    places = [2.0 + 0.62 * k for k in range(len(shown))]
    after = places[-1] + 0.66
    page.text(0.12, top, "check", weight="bold", size=size)
    for (_, label), left in zip(shown, places, strict=True):
        page.text(left, top, label, weight="bold", size=size, ha="right")
    page.text(after - 0.5, top, "warning · alarm", weight="bold", size=size)
    page.text(after + 0.55, top, "what it is", weight="bold", size=size)
    worst = _worst(healths)
    for k, row in enumerate(healths[0].to_dict("records")):
        y = top + _LINE * (k + 1)
        status = worst[row["check"]]
        colour = look.colour(_STATUS[status])
        page.text(0.12, y, pretty(row["check"]), size=size)
        page.text(1.22, y, status, size=size, color=colour, weight="bold")
        for (table, _), left in zip(shown, places, strict=True):
            value = float(table["value"].iloc[k])
            page.text(left, y, f"{value:.3g}", size=size, ha="right")
        sign = ">" if row["bad"] == "above" else "<"
        limits = [f"{sign} {v:g}" for v in (row["warning"], row["alarm"]) if np.isfinite(v)]
        page.text(after - 0.5, y, " · ".join(limits), size=size, color=MUTED)
        left = after + 0.55
        text = str(row["meaning"])
        room = int((page.width - left - 0.1) * 72 / (0.57 * (size - 0.8)))
        text = text if len(text) <= room else text[: room - 1].rsplit(" ", 1)[0] + " …"
        page.text(left, y, text, size=size - 0.8, color=MUTED)


def plot_probes(
    *,
    probes: In,
    runs: list[In],
    title: str,
    look: Look,
) -> Figure:
    """Plot the AUC of each attribute with its interval, and the gain over pixels.

    Args:
        probes: .parquet of the study: one row an attribute, best first.
        runs: .parquet of the probes of each run.
        title: Study.
        look: look of the figures.
    """
    every = load_table(probes)
    tables = [load_table(path, ["attribute", "auc"]) for path in runs]
    known = every[np.isfinite(every["auc_mean"])].reset_index(drop=True)
    tested = int((known["status"] == "ok").sum())
    sure = int((known["q"] <= _LEVEL).sum())
    pixels = bool(np.isfinite(known["auc_pixels"]).any())
    page = Page(
        0.95 + 0.145 * max(len(known), 6) + 0.42,
        f"{title} · {sure} of {tested} attributes readable from the latents (q ≤ 0.05)",
        "AUC of held-out images with 95% interval, mean over VAEs (small dots: each); orange: as "
        "many PCs of the pixels; grey bars: mean colour; open: q > 0.05"
        if pixels
        else "AUC of held-out samples with 95% interval, mean over runs (small dots: each); open: "
        "q > 0.05",
    )
    look.panels.update(("auc", "gain"))
    height = page.height - 0.95 - 0.42
    left = page.axes(1.5, 0.78, 3.35, height)
    right = page.axes(5.15, 0.78, 1.93, height)
    if known.empty:
        say(left, "no attribute varies")
        say(right, "")
        return page.figure
    y = np.arange(len(known))
    left.axvline(0.5, color=MUTED, lw=0.8)
    for table in tables:
        own = table.set_index("attribute")["auc"].reindex(known["attribute"])
        left.plot(own, y, ".", color=look.colour(0), ms=1.6, alpha=0.7)
    left.plot(known["auc_colour"], y, "|", color=NOISE, ms=5, mew=1.2)
    left.plot(known["auc_pixels"], y, "D", color=look.colour(1), ms=2.6, mew=0)
    _dots(left, known, y, "auc_mean", ("low", "high"), "q", look.colour(0))
    names = [
        f"{pretty(a)} {p:.0%}" for a, p in zip(known["attribute"], known["prevalence"], strict=True)
    ]
    left.set_yticks(y, names)
    left.set_xlabel("AUC (0.5: chance)")
    panel(left, "a", f"attribute and its share of {'images' if pixels else 'samples'}")
    panel(right, "b", "gain over pixels")
    if pixels:
        right.axvline(0.0, color=MUTED, lw=0.8)
        _dots(right, known, y, "gain_mean", ("gain_low", "gain_high"), "gain_q", look.colour(0))
        right.set_yticks([])
        right.set_xlabel("AUC, latents − pixels")
        right.xaxis.set_major_locator(MaxNLocator(4))
    else:
        say(right, "the study has no images")
    for ax, name in ((left, "auc"), (right, "gain")):
        ax.set_ylim(len(known) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        look.limit(ax, name)
    return page.figure


def _dots(
    ax: Axes, table: pd.DataFrame, y: npt.NDArray[np.int64], value: str, ends: tuple[str, str],
    q: str, colour: str,
) -> None:  # fmt: skip
    """Estimates with intervals: filled where q is small, grey where nothing was tested."""
    for place, row in zip(y, table.to_dict("records"), strict=True):
        tested, sure = np.isfinite(row[q]), row[q] <= _LEVEL
        shade = colour if tested else NOISE
        ax.plot([row[ends[0]], row[ends[1]]], [place, place], color=shade, lw=0.9)
        ax.plot(row[value], place, "o", ms=3.6, mfc=shade if sure else "white", mec=shade, mew=0.8)


def duplicate_pairs(
    images: np.ndarray, samples: pd.DataFrame, pairs: pd.DataFrame, title: str, look: Look, *,
    shown: int = 24, look_alikes: int = 8,
) -> Figure:  # fmt: skip
    """Near-duplicates, and below them look-alikes, as images side by side.

    Args:
        images: uint8 (n, H, W, C).
        samples: Row i = image i: ``id``.
        pairs: ``duplicates.parquet`` of the study.
        title: Study.
        look: The figure's settings.
        shown: Near-duplicates drawn at most.
        look_alikes: Look-alikes drawn at most.

    Raises:
        InputError: An id that the samples lack.
    """
    look.panels.add("pairs")
    row_of = pd.Series(np.arange(len(samples)), index=samples["id"].astype("str"))
    same = pairs[pairs["verdict"] != "look-alike"]
    alike = pairs[pairs["verdict"] == "look-alike"]
    groups = same["group"].nunique()
    heading = f"{title} · {count(len(same))} near-duplicate pairs of {count(groups)} photographs"
    parts = [
        (same.head(shown), "near-duplicates, by correlation of details r"),
        (
            alike.head(look_alikes),
            "look-alikes: closest in the latents, not shown to be one photograph",
        ),
    ]
    columns, width, size = (4, 7.0, look.font_size - 1.7)
    heights = []
    for part, _ in parts:
        shape = (images.shape[1], 2 * images.shape[2] + 1, images.shape[3])
        heights.append(
            grid_height(shape, len(part), columns, width, lines=3, size=size) if len(part) else 0.3
        )
    page = Page(
        0.5 + sum(heights) + 0.32 * len(parts) + 0.05,
        heading,
        f"r: details, c: cosine of the latents, Δ: pixels; {min(len(same), shown)} of "
        f"{count(len(same))} and {min(len(alike), look_alikes)} of {count(len(alike))} pairs "
        "shown; orange: labels differ",
    )
    top = 0.5
    for (part, name), height, letter in zip(parts, heights, "ab", strict=True):
        page.text(0.1, top, rf"$\bf{{{letter}}}$  {name}")
        top += 0.22
        if part.empty:
            page.text(0.1, top, "none", color=MUTED)
        else:
            _side_by_side(page, images, row_of, part, look, (top, width, columns, size))
        top += height + 0.1
    return page.figure


def _side_by_side(
    page: Page, images: np.ndarray, row_of: pd.Series, part: pd.DataFrame, look: Look,
    place: tuple[float, float, int, float],
) -> None:  # fmt: skip
    top, width, columns, size = place
    for column in ("id_i", "id_j"):
        unknown = part[column][~part[column].isin(row_of.index)]
        if len(unknown):
            raise InputError(f"duplicates: the id {unknown.iloc[0]!r} is not among the samples")
    first, second = (images[row_of[part[c]].to_numpy(int)] for c in ("id_i", "id_j"))
    bar = np.full((len(part), images.shape[1], 1, images.shape[3]), 255, dtype=np.uint8)
    captions, colours = [], []
    for row in part.to_dict("records"):
        a, b = row["label_i"], row["label_j"]
        known = {"yes": f"both {a}", "no": f"{a} ≠ {b}", "unknown": "label unknown"}[row["same"]]
        captions.append(
            f"{row['id_i']} · {row['id_j']}\n"
            f"r {row['detail']:.2f}  c {row['similarity_mean']:.2f}  "
            f"Δ {row['pixel_difference']:.2f}\n{known}"
        )
        colours.append(look.colour(4) if row["same"] == "no" else INK)
    image_grid(
        page, np.concatenate([first, bar, second], axis=2), left=0.1, top=top, width=width,
        columns=columns, captions=captions, lines=3, size=size, colour=colours,
    )  # fmt: skip


def plot_duplicates(
    *,
    images: In,
    samples: In,
    pairs: In,
    title: str,
    look: Look,
) -> Figure:
    """Plot the pairs of the study's list.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        pairs: .parquet: the study's near-duplicates and look-alikes.
        title: Study.
        look: look of the figures.
    """
    return duplicate_pairs(
        load_npy(images, mmap=True),
        load_table(samples, ["id"]),
        load_table(pairs),
        title,
        look,
    )


def plot_vae_checks(
    *,
    posteriors: list[In],
    errors: list[In],
    healths: list[In],
    title: str,
    look: Look,
    labels: list[str] | None = None,
) -> Figure:
    """Plot the health of each run's latent space.

    Args:
        posteriors: .parquet, one row a dimension, of each run.
        errors: .parquet of reconstruction_error and constant_error of each run.
        healths: .parquet of the checks of each run.
        title: Study, view.
        look: look of the figures.
        labels: One a run; "seed 0", "seed 1", … by default.
    """
    return vae_checks(
        [load_table(path, ["mean", "aggregated_variance"]) for path in posteriors],
        [load_table(path, ["reconstruction_error", "constant_error"]) for path in errors],
        [load_table(path) for path in healths],
        labels or [f"seed {i}" for i in range(len(healths))],
        title,
        look,
    )
