"""List the creative frontier, the stereotypes, the grey region and the generic subset."""

from typing import Any

from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import joined
from latent_microscope.step import In, Out, run
from latent_microscope.tables.clusters import rankings_table


def main(*, scores: In, clusters: In, rankings: Out, lists: dict[str, Any]) -> None:
    """Rank the samples of a run.

    Args:
        scores: .parquet of all scores.
        clusters: .parquet of cluster memberships.
        rankings: .parquet, best first in each list: list (creative, stereotypes, grey, generic),
            rank (from 0), index, id, uniqueness, originality, stability, cls, cluster.
        lists: section lists of a study's config.
    """
    columns = ["uniqueness", "originality", "stability", "cls"]
    save_table(rankings, rankings_table(joined(scores, clusters, (columns, ["cluster"])), lists))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
