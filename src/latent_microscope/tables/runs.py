"""Summaries over runs, one table a question: mean, standard deviation and number of runs."""

from collections.abc import Mapping, Sequence

import pandas as pd

from latent_microscope.errors import InputError


def stack(
    tables: Sequence[pd.DataFrame], keys: Mapping[str, Sequence[object]], name: str
) -> pd.DataFrame:
    """Tables of several runs below each other, with columns that say which run it was.

    Args:
        tables: One a run.
        keys: Columns to put first: one value a table.
        name: What the tables are, for the message.

    Raises:
        InputError: No table, or another number of values than tables.
    """
    if not tables or any(len(values) != len(tables) for values in keys.values()):
        counts = ", ".join(f"{len(values)} {key}" for key, values in keys.items())
        raise InputError(f"{name}: {len(tables)} tables and {counts}; give one of each a table")
    parts = []
    for position, table in enumerate(tables):
        head = pd.DataFrame({key: values[position] for key, values in keys.items()}, table.index)
        parts.append(pd.concat([head, table], axis=1))
    return pd.concat(parts, ignore_index=True)


def over_runs(table: pd.DataFrame, by: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """Mean, standard deviation and number of runs of several quantities.

    Args:
        table: One row a run and condition.
        by: Columns that name a condition.
        values: Numeric columns.

    Returns:
        One row a condition, in order of first appearance: ``by``, then ``<value>_mean``,
        ``<value>_sd`` (ddof 1; NaN for fewer than two values) of the values that are not NaN, and
        ``n``, the number of runs. Infinite values give an infinite mean.
    """
    groups = table.groupby(list(by), sort=False, dropna=False, observed=True)
    columns: dict[str, pd.Series] = {}
    for value in values:
        columns[f"{value}_mean"] = groups[value].mean()
        columns[f"{value}_sd"] = groups[value].std(ddof=1)
    columns["n"] = groups.size()
    return pd.DataFrame(columns).reset_index().astype({"n": "int64"})
