# Forensics: independent sources, heuristics, clusters, bias and lists of each VAE's latents.


rule compute_sources:
    input:
        latents=f"{B}/latents.npy",
    output:
        sources=f"{B}/sources-{{method}}.npy",
        restarts=f"{B}/sources-{{method}}.parquet",
        unmixings=f"{B}/unmixings-{{method}}.npy",
    log:
        f"{LOG}/compute_sources-{{view}}-seed{{seed}}-{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("compute_sources"),
        method=lambda wildcards: wildcards.method,
        components=of_study("sources", "components"),
        n_restarts=of_study("sources", "restarts"),
        fit_rows=of_study("sources", "fit_rows"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/compute_sources.py"


rule compute_factors:
    input:
        latents=f"{B}/latents.npy",
    output:
        factors=f"{B}/factors.npy",
    log:
        f"{LOG}/compute_factors-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("compute_factors"),
        components=of_study("sources", "components"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/compute_factors.py"


rule score_samples:
    input:
        latents=f"{B}/latents.npy",
        sources=f"{B}/sources-{{method}}.npy",
        encoding=f"{B}/encoding.parquet",
        restarts=f"{B}/sources-{{method}}.parquet",
    output:
        scores=f"{B}/scores-{{method}}.parquet",
        summary=f"{B}/summary-{{method}}.parquet",
    log:
        f"{LOG}/score_samples-{{view}}-seed{{seed}}-{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("score_samples"),
        settings=scores_settings(
            *UNIQUENESS_AND_STABILITY, *ORIGINALITY, "neighbors", "alpha", "overlap_threshold"
        ),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/score_samples.py"


rule find_overlaps:
    input:
        latents=f"{B}/latents.npy",
        encoding=f"{B}/encoding.parquet",
    output:
        overlaps=f"{B}/overlaps.parquet",
    log:
        f"{LOG}/find_overlaps-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("find_overlaps"),
        threshold=of_study("scores", "overlap_threshold"),
        max_pairs=of_study("scores", "overlap_pairs"),
    script:
        "../../scripts/forensics/find_overlaps.py"


rule find_signatures:
    input:
        latents=f"{B}/latents.npy",
        encoding=f"{B}/encoding.parquet",
    output:
        signatures=f"{B}/signatures.parquet",
    log:
        f"{LOG}/find_signatures-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("find_signatures"),
        settings=scores_settings("variant", *ORIGINALITY, "signature_low", "signature_high"),
    script:
        "../../scripts/forensics/find_signatures.py"


rule select_candidates:
    input:
        latents=f"{B}/latents.npy",
        sources=f"{B}/sources-{{method}}.npy",
        samples=encoded_samples,
    output:
        candidates=f"{B}/candidates-{{method}}.parquet",
        funnel=f"{B}/funnel-{{method}}.parquet",
    log:
        f"{LOG}/select_candidates-{{view}}-seed{{seed}}-{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("select_candidates"),
        settings=scores_settings(*UNIQUENESS_AND_STABILITY, "max_neighbors"),
        uniqueness_percentiles=of_study("funnel", "uniqueness_percentiles"),
        stability_percentiles=of_study("funnel", "stability_percentiles"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/select_candidates.py"


rule evaluate_detectors:
    input:
        scores=f"{B}/scores-{{method}}.parquet",
        samples=encoded_samples,
    output:
        detection=f"{B}/detection-{{method}}.parquet",
    log:
        f"{LOG}/evaluate_detectors-{{view}}-seed{{seed}}-{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("evaluate_detectors"),
    script:
        "../../scripts/forensics/evaluate_detectors.py"


rule embed_plane:
    input:
        latents=f"{B}/latents.npy",
        neighbours=f"{B}/neighbours.npy",
        distances=f"{B}/neighbour-distances.npy",
    output:
        plane=f"{B}/plane.npy",
    log:
        f"{LOG}/embed_plane-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/clustering.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("embed_plane"),
        neighbors=of_study("clusters", "neighbors"),
        min_dist=of_study("clusters", "min_dist"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/embed_plane.py"


rule embed_tsne:
    input:
        latents=f"{B}/latents.npy",
    output:
        tsne=f"{B}/tsne.npy",
    log:
        f"{LOG}/embed_tsne-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("embed_tsne"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/embed_tsne.py"


rule cluster_samples:
    input:
        plane=f"{B}/plane.npy",
        latents=f"{B}/latents.npy",
        neighbours=f"{B}/neighbours.npy",
        distances=f"{B}/neighbour-distances.npy",
        encoding=f"{B}/encoding.parquet",
    output:
        clusters=f"{B}/clusters.parquet",
    log:
        f"{LOG}/cluster_samples-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/clustering.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
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
        latents=f"{B}/latents.npy",
        clusters=f"{B}/clusters.parquet",
        scores=f"{B}/scores-intended.parquet",
    output:
        profile=f"{B}/profile.parquet",
        sbs=f"{B}/sbs.parquet",
    log:
        f"{LOG}/profile_clusters-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("profile_clusters"),
    script:
        "../../scripts/forensics/profile_clusters.py"


rule label_attributes:
    input:
        samples="results/{study}/data/test/samples.parquet",
    output:
        attributes="results/{study}/data/attributes.parquet",
    log:
        f"{LOG}/label_attributes.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("label_attributes"),
    script:
        "../../scripts/data/label_attributes.py"


rule measure_bias:
    input:
        clusters=f"{B}/clusters.parquet",
        attributes="results/{study}/data/attributes.parquet",
        samples=encoded_samples,
        subniches=subniches_if_any,
    output:
        abi=f"{B}/abi.parquet",
    log:
        f"{LOG}/measure_bias-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("measure_bias"),
        definitions=of_study("bias", "definitions"),
        resamples=of_study("bias", "resamples"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/measure_bias.py"


rule rank_samples:
    input:
        scores=f"{B}/scores-intended.parquet",
        clusters=f"{B}/clusters.parquet",
    output:
        rankings=f"{B}/rankings.parquet",
    log:
        f"{LOG}/rank_samples-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("rank_samples"),
        lists=of_study("lists"),
    script:
        "../../scripts/forensics/rank_samples.py"


rule find_subniches:
    input:
        plane=f"{B}/plane.npy",
        scores=f"{B}/scores-intended.parquet",
    output:
        subniches=f"{B}/subniches.parquet",
        profile=f"{B}/subniche-profile.parquet",
    log:
        f"{LOG}/find_subniches-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("find_subniches"),
        settings=of_study("subniches"),
    script:
        "../../scripts/forensics/find_subniches.py"


rule study_identities:
    input:
        latents=f"{B}/latents.npy",
        scores=f"{B}/scores-intended.parquet",
        samples=encoded_samples,
    output:
        groups=f"{B}/identity-groups.parquet",
        members=f"{B}/identity-members.parquet",
        tests=f"{B}/identity-tests.parquet",
        pairs=f"{B}/identity-pairs.parquet",
    log:
        f"{LOG}/study_identities-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("study_identities"),
        images=of_study("identity_images"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/study_identities.py"
