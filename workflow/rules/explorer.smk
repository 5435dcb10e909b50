# The explorer: one page a study, opened from disk, to look at every image. It may hold photographs: never published.


rule embed_features:
    input:
        features=lambda wildcards: model_file(wildcards.study, wildcards.model, "features.npy"),
    output:
        plane="results/{study}/explorer/{model}/plane.npy",
        neighbours="results/{study}/explorer/{model}/neighbours.npy",
    log:
        f"{LOG}/embed_features-{{model}}.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/clustering.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("embed_features"),
        neighbors=of_study("clusters", "neighbors"),
        min_dist=of_study("clusters", "min_dist"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/alignment/embed_features.py"


rule make_explorer:
    input:
        samples=explored_samples,
        spaces=of_spaces(0),
        space_ids=of_spaces(1),
        planes=of_spaces(2),
        neighbours=of_spaces(3),
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
        space_names=spaces_with(0),
        plane_spaces=spaces_with(2),
        neighbour_spaces=spaces_with(3),
        plane_method=lambda wildcards: ("t-SNE" if is_synthetic(wildcards.study) else "UMAP"),
        models=explored_model_names,
        thumbnail=of_study("explorer", "thumbnail"),
        quality=of_study("explorer", "quality"),
        nearest=of_study("explorer", "neighbours"),
    script:
        "../../scripts/report/make_explorer.py"
