from typing import Any

from latent_microscope.forensics.rankings import ranked_lists
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import joined
from latent_microscope.step import In, Out, run


def main(*, scores: In, clusters: In, rankings: Out, lists: dict[str, Any]) -> None:
    """List the creative frontier, stereotypes, grey region and generic subset, best first.

    rankings: list (creative, stereotypes, grey, generic), rank (from 0), index, id, uniqueness,
    originality, stability, cls, cluster.
    """
    columns = ["uniqueness", "originality", "stability", "cls"]
    save_table(rankings, ranked_lists(joined(scores, clusters, (columns, ["cluster"])), lists))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
