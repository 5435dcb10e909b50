from typing import Any

import numpy as np
import pandas as pd

from latent_microscope.forensics.baselines import DISTANCES, baseline_scores
from latent_microscope.forensics.detection import reject_by_error
from latent_microscope.forensics.evaluation import (
    OURS,
    comparison_table,
    detector_scores,
    references,
    rule_mask,
)
from latent_microscope.forensics.funnel import search_table
from latent_microscope.forensics.scoring import score_table
from latent_microscope.forensics.sources import run_sources
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import joined, load_ids, load_rows
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, log, run


def main(
    *,
    latents: In,
    encoding: In,
    samples: In,
    comparison: Out,
    search: Out,
    sources: dict[str, Any],
    settings: dict[str, Any],
    grid: dict[str, Any],
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Compare detectors of authentic samples, and search the published funnel's grid.

    comparison: detector, family, roc_auc, average_precision, average_precision_interpolations,
    selected, precision, recall, f1, f1_oracle, prevalence. search: one row per source method and
    configuration. Both are empty for a VAE that has collapsed completely.
    """
    ids = load_ids(encoding)
    z = load_rows(latents, ids, encoding)
    truth = joined(encoding, samples, (["reconstruction_error"], ["authentic", "alpha"]))
    authentic = truth["authentic"].to_numpy(dtype=bool)
    if (z == z[0]).all():
        log.warning("%s: all latents are equal; nothing to compare", latents)
        save_table(comparison, comparison_table({}, authentic).iloc[:0])
        save_table(search, pd.DataFrame({"method": pd.Series(dtype="str")}))
        return
    streams = {"root_seed": root_seed, "seed": seed}
    fits = {m: run_sources(z, sources, method=m, **streams).sources for m in sources["methods"]}
    draws = derive(root_seed, "stability", seed)
    tables = {m: score_table(s, z, ids, settings, seed=draws)[0] for m, s in fits.items()}
    first = tables[sources["methods"][0]]
    own = first["detector_score"].to_numpy(), first["detected"].to_numpy(dtype=bool)
    found = {OURS: ("ours", *own)}
    for name, score in baseline_scores(z, seed=derive(root_seed, "peers", seed)).items():
        found[name] = ("PyOD", -score, rule_mask(-score, name in DISTANCES))
    for name, score in detector_scores(first).items():
        if name == "knn_density":
            found[name] = ("density", score, rule_mask(-1.0 / np.maximum(score, 1e-12), True))
        elif name != OURS:
            found[name] = ("heuristic", score, rule_mask(score, False))
    errors = truth["reconstruction_error"].to_numpy(dtype=float)
    density, dense = found["knn_density"][1:]
    for name, family, score, called in (
        (OURS, "ours", *own),
        ("knn_density", "image", np.log(density), dense),
    ):
        mask, lowered = reject_by_error(z, called, score, errors)
        found[f"{name} + errors"] = (family, lowered, mask)
    found |= references(errors, authentic, truth["alpha"].to_numpy(dtype=float))
    save_table(comparison, comparison_table(found, authentic))
    parts = []
    for method, table in tables.items():
        u = {v: table[f"uniqueness_{v}"].to_numpy() for v in ("script", "notebook")}
        part = search_table(fits[method], u, table["stability"].to_numpy(), authentic, grid)
        part.insert(0, "method", method)
        parts.append(part)
    save_table(search, pd.concat(parts, ignore_index=True).astype({"method": "str"}))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
