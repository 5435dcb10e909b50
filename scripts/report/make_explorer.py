from latent_microscope.explorer.maps import Source
from latent_microscope.explorer.page import write_page
from latent_microscope.explorer.study import Files, load_study, note_if_large
from latent_microscope.io.artefacts import save_text
from latent_microscope.step import In, Out, log, run


def main(
    *,
    explorer: Out,
    samples: In,
    spaces: list[In],
    space_ids: list[In],
    space_names: list[str],
    title: str,
    maps: list[In] | None = None,
    map_spaces: list[str] | None = None,
    map_method: str = "UMAP",
    neighbours: list[In] | None = None,
    neighbour_spaces: list[str] | None = None,
    images: In | None = None,
    scores: list[In] | None = None,
    clusters: In | None = None,
    attributes: In | None = None,
    rankings: In | None = None,
    pairs: In | None = None,
    votes: In | None = None,
    logits: list[In] | None = None,
    logit_ids: list[In] | None = None,
    models: list[str] | None = None,
    thumbnail: int = 64,
    quality: int = 70,
    nearest: int = 12,
    titles: dict[str, str] | None = None,
    first: list[str] | None = None,
) -> None:
    """Make the explorer: one HTML page with every image; it names what is not given.

    explorer: .html, self-contained.
    spaces: .npy (n, d) matrices, a map of each; the first one is shown first.
    space_ids: .parquet with the id of each row of each.
    space_names: what each is: "latents of the VAE".
    title: study and seed.
    maps: .npy (n, 2) maps of some spaces; of the others: two principal components.
    map_spaces: names of the spaces of the maps.
    map_method: method that made the planes.
    neighbours: .npy (n, k) nearest rows in some spaces; computed for the others.
    neighbour_spaces: names of the spaces of the neighbours.
    rankings: .parquet: list, rank, id.
    pairs: .parquet of near-duplicates: id_i, id_j, similarity, verdict.
    logit_ids: .parquet with the id of each row of each.
    models: names of these models.
    thumbnail: longer side of a thumbnail in pixels, never enlarged; 0: none.
    quality: of the thumbnails' WebP, 1 to 100.
    nearest: neighbours of each image, at most.
    titles: of scores, by name.
    first: names of the scores that come first.
    """
    drawn = dict(zip(map_spaces or [], maps or [], strict=True))
    near = dict(zip(neighbour_spaces or [], neighbours or [], strict=True))
    made = [
        Source(name, space, ids, drawn.get(name), near.get(name), map_method)
        for name, space, ids in zip(space_names, spaces, space_ids, strict=True)
    ]
    files = Files(
        samples,
        made,
        images=images,
        scores=scores or (),
        titles=titles or {},
        first=first or (),
        clusters=clusters,
        attributes=attributes,
        rankings=rankings,
        pairs=pairs,
        votes=votes,
        logits=logits or (),
        logit_ids=logit_ids or (),
        models=models or (),
    )
    study = load_study(files, title, thumbnail=thumbnail, quality=quality, neighbours=nearest)
    note = note_if_large(study, explorer.parent.name)
    if note:
        log.warning("%s: %s", explorer, note)
    save_text(explorer, write_page(study))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
