from pathlib import Path

import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import join_by_id, load_table, save_table
from latent_microscope.io.inputs import load_votes, load_with_ids
from latent_microscope.step import In, Out, run
from latent_microscope.tables.rsa import CEILING, average_folds, compare_within_folds, gather


def main(
    *,
    features: list[In],
    ids: list[In],
    folds: list[In],
    votes: In,
    samples: In,
    ceiling: In,
    rsa: Out,
    by_fold: Out,
    names: list[str],
    seeds: list[int],
    metric: str,
) -> None:
    """Compare features of cross-validated networks with human votes, fold by fold.

    folds: .parquet: id, fold; features of a network without folds are compared within the same
    folds. rsa: one row per network and seed, the columns of the RSA table of the metric: Spearman
    correlations within folds, averaged by pairs. by_fold: one row per network, seed and fold.
    """
    if len({len(part) for part in (features, ids, folds, names, seeds)}) > 1:
        raise InputError(
            f"{len(features)} features, {len(ids)} ids, {len(folds)} folds, {len(names)} names and "
            f"{len(seeds)} seeds; give one of each"
        )
    human = load_votes(votes, samples)
    images = pd.DataFrame({"id": human.ids.astype(str)})
    tables = []
    for array, rows, fold in zip(features, ids, folds, strict=True):
        matrix, order = load_with_ids(array, rows)
        places = _joined(
            images, pd.DataFrame({"id": order, "row": range(len(order))}), samples, rows
        )
        number = _joined(images, load_table(fold, ["id", "fold"]), samples, fold)["fold"]
        tables.append(compare_within_folds(matrix[places["row"].to_numpy()], number, human, metric))
    heads = list(zip(names, seeds, strict=True))
    means = average_folds(tables, heads, metric)
    save_table(rsa, gather(means, load_table(ceiling, CEILING)))
    named = [
        table.assign(model=model, seed=number)
        for table, (model, number) in zip(tables, heads, strict=True)
    ]
    each = pd.concat(named, ignore_index=True).astype({"model": "str", "method": "str"})
    first = ["model", "seed", "fold"]
    save_table(by_fold, each[[*first, *(c for c in each.columns if c not in first)]])


def _joined(left: pd.DataFrame, right: pd.DataFrame, samples: Path, other: Path) -> pd.DataFrame:
    return join_by_id(left, right.astype({"id": "str"}), names=(str(samples), str(other)))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
