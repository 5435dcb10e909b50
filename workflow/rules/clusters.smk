# Clusters of a latent space on a UMAP plane, how stable they are, and which carry which attribute bias.


rule find_neighbours:
    input:
        latents=f"{RUN}/latents.npy",
    output:
        neighbours=f"{RUN}/neighbours.npy",
        distances=f"{RUN}/neighbour-distances.npy",
    log:
        f"{LOG}/find_neighbours-{{view}}-seed{{seed}}.log",
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


rule embed_plane:
    input:
        latents=f"{RUN}/latents.npy",
        neighbours=f"{RUN}/neighbours.npy",
        distances=f"{RUN}/neighbour-distances.npy",
    output:
        plane=f"{RUN}/plane.npy",
    log:
        f"{LOG}/embed_plane-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("embed_plane"),
        neighbors=of_study("clusters", "neighbors"),
        min_dist=of_study("clusters", "min_dist"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/embed_plane.py"


rule embed_replicate:
    input:
        latents=f"{RUN}/latents.npy",
        neighbours=f"{RUN}/neighbours.npy",
        distances=f"{RUN}/neighbour-distances.npy",
    output:
        plane=f"{RUN}/planes/umap{{replicate}}.npy",
    log:
        f"{LOG}/embed_replicate-{{view}}-seed{{seed}}-{{replicate}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("faces", "alignment", "own"),
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("embed_replicate"),
        neighbors=of_study("clusters", "neighbors"),
        min_dist=of_study("clusters", "min_dist"),
        seed=SEED,
        run=ask(runs.number),
        replicate=lambda wildcards: int(wildcards.replicate),
    script:
        "../../scripts/forensics/embed_replicate.py"


rule embed_tsne:
    input:
        latents=f"{RUN}/latents.npy",
    output:
        tsne=f"{RUN}/tsne.npy",
    log:
        f"{LOG}/embed_tsne-{{view}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        step=step("embed_tsne"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/embed_tsne.py"


rule cluster_samples:
    input:
        plane=f"{RUN}/plane.npy",
        latents=f"{RUN}/latents.npy",
        neighbours=f"{RUN}/neighbours.npy",
        distances=f"{RUN}/neighbour-distances.npy",
        encoding=f"{RUN}/encoding.parquet",
    output:
        clusters=f"{RUN}/clusters.parquet",
    log:
        f"{LOG}/cluster_samples-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("cluster_samples"),
        min_cluster_size=of_study("clusters", "min_cluster_size"),
        min_samples=of_study("clusters", "min_samples"),
        scales=of_study("clusters", "scales"),
        cmax_rows=of_study("clusters", "cmax_rows"),
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
        f"{LOG}/profile_clusters-{{view}}-seed{{seed}}.log",
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
        plane=f"{RUN}/plane.npy",
        scores=f"{RUN}/scores-intended.parquet",
    output:
        subniches=f"{RUN}/subniches.parquet",
        profile=f"{RUN}/subniche-profile.parquet",
    log:
        f"{LOG}/find_subniches-{{view}}-seed{{seed}}.log",
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
        f"{LOG}/measure_bias-{{view}}-seed{{seed}}.log",
    group:
        batch("ranks")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        step=step("measure_bias"),
        definitions=of_study("bias", "definitions"),
        resamples=of_study("bias", "resamples"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/measure_bias.py"


rule resample_clusters:
    input:
        plane=f"{RUN}/plane.npy",
        encoding=f"{RUN}/encoding.parquet",
        samples=ask(runs.encoded_samples),
    output:
        sbs=f"{RUN}/sbs-sizes.parquet",
        pairs=f"{RUN}/resampled-pairs.parquet",
        clusters=f"{RUN}/resampled-clusters.parquet",
    log:
        f"{LOG}/resample_clusters-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("faces", "alignment", "own"),
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("resample_clusters"),
        sizes=of_study("clusters", "sbs_sizes"),
        min_cluster_size=of_study("clusters", "min_cluster_size"),
        min_samples=of_study("clusters", "min_samples"),
        resamples=of_study("clusters", "resamples"),
        resampling=of_study("clusters", "resampling"),
        share=of_study("clusters", "resample_share"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/resample_clusters.py"


rule compare_planes:
    input:
        plane=f"{RUN}/plane.npy",
        replicates=ask(runs.umap_replicates),
        encoding=f"{RUN}/encoding.parquet",
    output:
        sbs=f"{RUN}/planes-sbs.parquet",
        pairs=f"{RUN}/planes-pairs.parquet",
        clusters=f"{RUN}/planes-clusters.parquet",
    log:
        f"{LOG}/compare_planes-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("faces", "alignment", "own"),
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("compare_planes"),
        min_cluster_size=of_study("clusters", "min_cluster_size"),
        min_samples=of_study("clusters", "min_samples"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/compare_planes.py"
