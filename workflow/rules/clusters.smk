# Clusters of a latent space on a UMAP plane, their stability and their attribute bias.


NEAREST = {"neighbours": f"{RUN}/neighbours.npy", "distances": f"{RUN}/neighbour-distances.npy"}


rule find_neighbours:
    input:
        latents=f"{RUN}/latents.npy",
    output:
        **NEAREST,
    log:
        f"{LOG}/find_neighbours-{{crop}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("find_neighbours"),
        wanted=of_study("clusters", "neighbors"),
    script:
        "../../scripts/forensics/find_neighbours.py"


rule embed_umap:
    input:
        **NEAREST,
        latents=f"{RUN}/latents.npy",
    output:
        umap=f"{RUN}/umap.npy",
    log:
        f"{LOG}/embed_umap-{{crop}}-seed{{seed}}.log",
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        **section("clusters", "neighbors", "min_dist"),
        **SEEDED,
        step=step("embed_umap"),
    script:
        "../../scripts/forensics/embed_umap.py"


use rule embed_umap as embed_umap_replicate with:
    output:
        umap=f"{RUN}/umaps/seed{{replicate}}.npy",
    log:
        f"{LOG}/embed_umap_replicate-{{crop}}-seed{{seed}}-{{replicate}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("faces", "alignment", "custom"),
    params:
        replicate=lambda wildcards: int(wildcards.replicate),


rule embed_tsne:
    input:
        latents=f"{RUN}/latents.npy",
    output:
        tsne=f"{RUN}/tsne.npy",
    log:
        f"{LOG}/embed_tsne-{{crop}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        **SEEDED,
        step=step("embed_tsne"),
    script:
        "../../scripts/forensics/embed_tsne.py"


rule cluster_samples:
    input:
        **NEAREST,
        umap=f"{RUN}/umap.npy",
        latents=f"{RUN}/latents.npy",
        encoding=f"{RUN}/encoding.parquet",
    output:
        clusters=f"{RUN}/clusters.parquet",
    log:
        f"{LOG}/cluster_samples-{{crop}}-seed{{seed}}.log",
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        **section("clusters", "min_cluster_size", "min_samples", "scales", "cmax_rows"),
        step=step("cluster_samples"),
    script:
        "../../scripts/forensics/cluster_samples.py"


rule profile_clusters:
    input:
        latents=f"{RUN}/latents.npy",
        clusters=f"{RUN}/clusters.parquet",
        scores=f"{RUN}/scores-intended.parquet",
    output:
        profile=f"{RUN}/profile.parquet",
        sbs=f"{RUN}/sbs.parquet",
    log:
        f"{LOG}/profile_clusters-{{crop}}-seed{{seed}}.log",
    group:
        batch("ranks")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, batched=True),
    params:
        step=step("profile_clusters"),
        measured=ask(scores.ours),
    script:
        "../../scripts/forensics/profile_clusters.py"


rule find_subniches:
    input:
        umap=f"{RUN}/umap.npy",
        scores=f"{RUN}/scores-intended.parquet",
    output:
        subniches=f"{RUN}/subniches.parquet",
        profile=f"{RUN}/subniche-profile.parquet",
    log:
        f"{LOG}/find_subniches-{{crop}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("find_subniches"),
        settings=of_study("subniches"),
    script:
        "../../scripts/forensics/find_subniches.py"


rule measure_bias:
    input:
        clusters=f"{RUN}/clusters.parquet",
        attributes="results/{study}/data/attributes.parquet",
        samples=ask(runs.encoded_samples),
        subniches=ask(runs.subniches_if_any),
    output:
        abi=f"{RUN}/abi.parquet",
    log:
        f"{LOG}/measure_bias-{{crop}}-seed{{seed}}.log",
    group:
        batch("ranks")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        **section("bias", "definitions", "resamples"),
        step=step("measure_bias"),
    script:
        "../../scripts/forensics/measure_bias.py"


rule resample_clusters:
    input:
        umap=f"{RUN}/umap.npy",
        encoding=f"{RUN}/encoding.parquet",
        samples=ask(runs.encoded_samples),
    output:
        sbs=f"{RUN}/sbs-sizes.parquet",
        pairs=f"{RUN}/resampled-pairs.parquet",
        clusters=f"{RUN}/resampled-clusters.parquet",
    log:
        f"{LOG}/resample_clusters-{{crop}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("faces", "alignment", "custom"),
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        **section("clusters", "min_cluster_size", "min_samples", "resamples", "resampling"),
        **SEEDED,
        step=step("resample_clusters"),
        sizes=of_study("clusters", "sbs_sizes"),
        share=of_study("clusters", "resample_share"),
    script:
        "../../scripts/forensics/resample_clusters.py"


rule compare_umaps:
    input:
        umap=f"{RUN}/umap.npy",
        replicates=ask(runs.umap_replicates),
        encoding=f"{RUN}/encoding.parquet",
    output:
        sbs=f"{RUN}/umaps-sbs.parquet",
        pairs=f"{RUN}/umaps-pairs.parquet",
        clusters=f"{RUN}/umaps-clusters.parquet",
    log:
        f"{LOG}/compare_umaps-{{crop}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("faces", "alignment", "custom"),
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        **section("clusters", "min_cluster_size", "min_samples"),
        **SEEDED,
        step=step("compare_umaps"),
    script:
        "../../scripts/forensics/compare_umaps.py"
