# The explorer: one page a study, opened from disk, to look at every image. It may hold photographs: never published.


rule make_explorer:
    input:
        samples=explored_samples,
        spaces=of_spaces(0),
        space_ids=of_spaces(1),
        plane=explored_plane,
        neighbours=of_shown_run("neighbours.npy", is_clustered),
        images=explored_images,
        scores=explored_scores,
        clusters=of_shown_run("clusters.parquet", is_clustered),
        attributes=explored_attributes,
        rankings=of_shown_run("rankings.parquet", is_clustered),
        pairs=of_shown_run("duplicates.parquet", has_pairs),
        votes=explored_votes,
        logits=explored_logits,
        logit_ids=explored_logit_ids,
    output:
        explorer="results/{study}/explorer.html",
    log:
        f"{LOG}/make_explorer.log",
    wildcard_constraints:
        study=one_of(EXPLORED),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("make_explorer"),
        title=explorer_title,
        space_names=of_spaces(2),
        plane_method=lambda wildcards: (
            "t-SNE" if STUDIES[wildcards.study]["kind"] == "synthetic" else "UMAP"
        ),
        models=explored_model_names,
        thumbnail=of_study("explorer", "thumbnail"),
        quality=of_study("explorer", "quality"),
        nearest=of_study("explorer", "neighbours"),
    script:
        "../../scripts/make_explorer.py"
