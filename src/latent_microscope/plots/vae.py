"""Figures of a VAE: reconstructions, traversals, samples, its latent dimensions and diagnostics."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from latent_microscope.arguments import In
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.messages import significant
from latent_microscope.plots import style
from latent_microscope.plots.grids import matrix_of
from latent_microscope.plots.panels import reference
from latent_microscope.plots.style import MUTED, Look, Page, pretty

_STATUS = {"ok": 2, "warning": 1, "alarm": 4}  # index of the colour, from the best to the worst
_LINE = 0.185  # inches, of the table of checks
_VALUES = 4  # seeds whose values the table has room for
_SORTED = "latent dimension, sorted"


def _natural_width(images: np.ndarray) -> float:
    """Inches that show (r, c, H, W, C) at no less than its resolution and at most 0.9 an image."""
    return 0.9 * images.shape[1]


def plot_vae_images(
    *, reconstructions: In, variations: In, interpolation: In, title: str, look: Look
) -> Figure:
    """Images above their reconstructions, variations of samples, and interpolations of pairs.

    All are uint8 (r, c, H, W, C); of variations and interpolations the first four rows are shown.
    """
    shown = [load_npy(reconstructions), load_npy(variations)[:4], load_npy(interpolation)[:4]]
    shown = [
        x[:, style.evenly(x.shape[1], most)] for x, most in zip(shown, (10, 10, 11), strict=True)
    ]
    texts = [
        "images and their reconstructions",
        "variations: the code of a sample, then code + noise",
        "interpolations in the latent space, one pair per row",
    ]
    names = [["original", "reconstructed"]]
    names += [[f"{one} {r + 1}" for r in range(4)] for one in ("sample", "pair")]
    unit = 6.25 / max(images.shape[1] for images in shown)
    grids = [matrix_of(images, unit * images.shape[1]) for images in shown]
    page = Page(0.35 + sum(grid.height + 0.4 for grid in grids), title)
    top = 0.3
    for letter, text, grid, rows in zip("abc", texts, grids, names, strict=True):
        page.text(0.08, top + 0.08, style.lettered(letter, text))
        grid.draw(page, 0.85, top + 0.3, rows[: grid.rows])
        top += 0.4 + grid.height
    look.panels.add("images")
    return page.figure


def plot_traversals(*, traversal: In, dimensions: In, title: str, look: Look) -> Figure:
    """One latent dimension per row, from −3 to 3 standard deviations, most active first."""
    images, table = load_npy(traversal), load_table(dimensions, ["dimension", "kl"])
    first = table.sort_values("kl", ascending=False, kind="stable").head(len(images))
    names = zip(first["dimension"], first["kl"], strict=True)
    labels = [f"z{int(dimension)}  ({kl:.2f})" for dimension, kl in names]
    steps = [
        (f"{s:+.3g}" if s else "0").replace("-", "−") for s in np.linspace(-3, 3, images.shape[1])
    ]
    grid = matrix_of(images, min(_natural_width(images), 6.15))
    page = Page(
        0.76 + grid.height,
        title,
        "one latent dimension per row, most active first (KL in nats); columns: standard "
        "deviations from the mean code" + style.part_of(len(first), len(table), "dimensions"),
    )
    grid.draw(page, 0.95, 0.66, labels, steps)
    look.panels.add("images")
    return page.figure


def plot_vae_samples(*, history: In, epochs: In, title: str, look: Look) -> Figure:
    """Random codes (columns) decoded at up to twelve of the saved epochs (rows)."""
    every, saved = load_npy(history), load_table(epochs, ["epoch"])
    if len(every) != len(saved):
        raise InputError(
            f"{history} has {len(every)} rows and {epochs} has {len(saved)}; both must come from "
            "one training"
        )
    keep = style.evenly(len(every), 12)
    images = every[keep][:, style.evenly(every.shape[1], 10)]
    labels = [f"epoch {int(saved['epoch'].iloc[k])}" for k in keep]
    grid = matrix_of(images, min(_natural_width(images), 6.3))
    page = Page(
        0.6 + grid.height,
        title,
        "one fixed random code z ~ N(0, 1) per column, decoded at epochs of the training",
    )
    grid.draw(page, 0.8, 0.5, labels)
    look.panels.add("images")
    return page.figure


def plot_vae_diagnostics(
    *, dimensions: list[In], title: str, look: Look, labels: list[str] | None = None
) -> Figure:
    """KL and variance of the latent dimensions of each seed, both sorted."""
    names = labels or [f"seed {i}" for i in range(len(dimensions))]
    tables = [load_table(p, ["kl", "mean_variance", "active"]) for p in dimensions]
    active = [int(table["active"].sum()) for table in tables]
    span = str(active[0]) if min(active) == max(active) else f"{min(active)}–{max(active)}"
    page = Page(2.75, f"{title} · {span} of {len(tables[0])} dimensions active")
    left, right = page.grid(1, 2, top=0.55, wspace=0.75)
    for i, (table, label) in enumerate(zip(tables, names, strict=True)):
        order = np.arange(1, len(table) + 1)
        kl, variance = (np.sort(table[c].to_numpy(float))[::-1] for c in ("kl", "mean_variance"))
        left.plot(order, kl, color=look.colour(i), label=f"{label}: Σ = {kl.sum():.1f} nats")
        left.fill_between(order, 0, kl, color=look.colour(i), alpha=0.12, lw=0)
        right.plot(order, variance, color=look.colour(i), label=f"{label}: {active[i]} active")
    left.set_ylim(bottom=0)
    reference(right, y=0.01)
    place = right.get_yaxis_transform()
    right.text(0.02, 0.0115, "active above 0.01", transform=place, color=MUTED, size="small")
    right.set_yscale("log")
    for ax, where in ((left, "upper right"), (right, "best")):
        ax.legend(loc=where, ncols=1 + (len(tables) > 6))
    look.panel(left, "kl", "a", "KL divergence from the prior", _SORTED, "mean KL (nats)")
    text = "variance of the posterior means over images"
    look.panel(right, "variance", "b", text, _SORTED, "variance over images")
    return page.figure


def plot_vae_checks(
    *,
    posteriors: list[In],
    errors: list[In],
    diagnostics: list[In],
    title: str,
    look: Look,
    labels: list[str] | None = None,
) -> Figure:
    """Aggregated posterior against the prior, errors against a constant image, and all checks."""
    names = labels or [f"seed {i}" for i in range(len(diagnostics))]
    if not len(posteriors) == len(errors) == len(diagnostics) == len(names):
        raise InputError(
            f"vae_checks: {len(posteriors)} posteriors, {len(errors)} errors, {len(diagnostics)} "
            f"diagnostics and {len(names)} labels; give one of each per seed"
        )
    checks = [load_table(path) for path in diagnostics]
    worst = _worst(checks)
    alarms = sum(status != "ok" for status in worst.values())
    state = f"{alarms} of {len(worst)} checks not ok" if alarms else "all checks ok"
    below = 0.83 + _LINE * len(worst)
    values = f" · values of {_VALUES} of {len(names)} seeds" if len(names) > _VALUES else ""
    page = Page(2.05 + below, f"{title} · {state}{values}")
    axes = page.grid(1, 3, top=0.5, bottom=below, wspace=0.62)
    for i, (posterior, error) in enumerate(zip(posteriors, errors, strict=True)):
        table = load_table(posterior, ["mean", "aggregated_variance"])
        order = np.arange(1, len(table) + 1)
        for ax, column in zip(axes, ("mean", "aggregated_variance"), strict=False):
            ordered = np.sort(table[column].to_numpy(float))[::-1]
            ax.plot(order, ordered, color=look.colour(i), label=names[i])
        both = load_table(error, ["reconstruction_error", "constant_error"])
        ratios = np.sort(both["reconstruction_error"] / both["constant_error"])
        axes[2].plot(ratios, np.linspace(0, 1, len(ratios)), color=look.colour(i))
    reference(axes[0], y=0.0)
    reference(axes[1], y=1.0)
    reference(axes[2], x=1.0)
    axes[0].legend(loc="best", ncols=1 + (len(names) > 4))
    axes[2].set_xlim(left=0)
    relative = "error / error of a constant image"
    panels = [
        ("mean", "a", "mean of each dimension", _SORTED, "mean over images (prior: 0)"),
        ("variance", "b", "aggregated posterior variance", _SORTED, "variance (prior: 1)"),
        ("error", "c", "relative reconstruction error", relative, "share of images below"),
    ]
    for ax, words in zip(axes, panels, strict=True):
        look.panel(ax, *words)
    _check_table(page, dict(zip(names, checks, strict=True)), look, top=2.62)
    return page.figure


def _worst(checks: Sequence[pd.DataFrame]) -> dict[str, str]:
    """The worst status over seeds of each check."""
    statuses = [table.set_index("check")["status"] for table in checks]
    ranks = list(_STATUS)
    return {c: max((s[c] for s in statuses), key=ranks.index) for c in checks[0]["check"]}


def _check_table(page: Page, checks: Mapping[str, pd.DataFrame], look: Look, *, top: float) -> None:
    """The checks as lines of text: worst status, values of the first seeds, limits, meaning."""
    size = look.font_size - 1
    shown = dict(list(checks.items())[:_VALUES])
    after = 2.74 + 0.62 * (len(shown) - 1)
    heads = {"check": 0.12, "warning · alarm": after - 0.5, "meaning": after + 0.55}
    for text, left in heads.items():
        page.text(left, top, text, weight="bold", size=size)
    for k, label in enumerate(shown):
        page.text(2.08 + 0.62 * k, top, label, weight="bold", size=size, ha="right")
    worst = _worst(list(checks.values()))
    for k, row in enumerate(next(iter(checks.values())).to_dict("records")):
        y = top + _LINE * (k + 1)
        status = worst[row["check"]]
        page.text(0.12, y, pretty(row["check"]), size=size)
        page.text(1.22, y, status, size=size, color=look.colour(_STATUS[status]), weight="bold")
        for seed, table in enumerate(shown.values()):
            value = significant(table["value"].iloc[k], 3)
            page.text(2.08 + 0.62 * seed, y, value, size=size, ha="right")
        sign = ">" if row["bad"] == "above" else "<"
        limits = [f"{sign} {v:g}" for v in (row["warning"], row["alarm"]) if np.isfinite(v)]
        page.text(after - 0.5, y, " · ".join(limits), size=size, color=MUTED)
        left, text = after + 0.55, str(row["meaning"])
        room = int((page.width - left - 0.1) * 72 / (0.57 * (size - 0.8)))
        text = text if len(text) <= room else text[: room - 1].rsplit(" ", 1)[0] + " …"
        page.text(left, y, text, size=size - 0.8, color=MUTED)
