"""Plot identity consistency: two people's images, their PCA, scores by group, AUCs of pairs."""

from typing import Any

from latent_microscope.io.artefacts import load_npy, load_table
from latent_microscope.plots.identities import identities
from latent_microscope.plots.style import look, save_figure
from latent_microscope.step import In, Out, run


def main(
    *,
    images: In,
    samples: In,
    latents: In,
    members: In,
    groups: In,
    pairs: In,
    png: Out,
    pdf: Out,
    title: str,
    style: dict[str, Any] | None = None,
) -> None:
    """Plot whether images of one person lie together and score alike.

    Args:
        images: .npy uint8 (n, H, W, C), row i = row i of samples.
        samples: .parquet: id.
        latents: .npy (n, d), likewise.
        members: identity-members.parquet: group, index, id, identity.
        groups: identity-groups.parquet: group, n, score, mean, sd.
        pairs: identity-pairs.parquet: space, auc, low, high, n_same.
        png: The figure.
        pdf: The figure as vectors.
        title: Study and seed.
        style: dpi, font_size, palette, limits.
    """
    with look("identities", style) as made:
        figure = identities(
            load_npy(images, mmap=True),
            load_table(samples, ["id"]),
            load_npy(latents),
            load_table(members, ["group", "index", "id", "identity"]),
            load_table(groups, ["group", "n", "score", "mean", "sd"]),
            load_table(pairs, ["space", "auc", "low", "high", "n_same"]),
            title,
            made,
        )
        save_figure(figure, png=png, pdf=pdf)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
