# What is in a latent space: independent sources, scores, overlaps, near-duplicates, identities, probes.


rule compute_sources:
    input:
        latents=f"{RUN}/latents.npy",
    output:
        sources=f"{RUN}/sources-{{method}}.npy",
        restarts=f"{RUN}/sources-{{method}}.parquet",
        unmixings=f"{RUN}/unmixings-{{method}}.npy",
    log:
        f"{LOG}/compute_sources-{{view}}-seed{{seed}}-{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("compute_sources"),
        method=lambda wildcards: wildcards.method,
        components=of_study("sources", "components"),
        n_restarts=of_study("sources", "restarts"),
        fit_rows=of_study("sources", "fit_rows"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/compute_sources.py"


rule compute_factors:
    input:
        latents=f"{RUN}/latents.npy",
    output:
        factors=f"{RUN}/factors.npy",
    log:
        f"{LOG}/compute_factors-{{view}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        step=step("compute_factors"),
        components=of_study("sources", "components"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/compute_factors.py"


rule score_samples:
    input:
        latents=f"{RUN}/latents.npy",
        sources=f"{RUN}/sources-{{method}}.npy",
        encoding=f"{RUN}/encoding.parquet",
        restarts=f"{RUN}/sources-{{method}}.parquet",
    output:
        scores=f"{RUN}/scores-{{method}}.parquet",
        summary=f"{RUN}/summary-{{method}}.parquet",
    log:
        f"{LOG}/score_samples-{{view}}-seed{{seed}}-{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("score_samples"),
        settings=ask(runs.scores_settings(*scores.SETTINGS)),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/score_samples.py"


# Scores that a plugin declares: a function from latents to a number a sample.
for score in scores.declared_scores():

    rule:
        name:
            f"apply_score_{score.name}"
        input:
            latents=f"{RUN}/latents.npy",
            encoding=f"{RUN}/encoding.parquet",
        output:
            score=f"{RUN}/score-{score.name}.parquet",
        log:
            f"{LOG}/apply_score_{score.name}-{{view}}-seed{{seed}}.log",
        wildcard_constraints:
            study=PLAN.where(partial(scores.is_computed, score)),
        group:
            batch("scores")
        conda:
            "../../envs/analysis.yaml"
        resources:
            **needs(heavy_memory, long_runtime, batched=True),
        params:
            step=step("apply_score", declared=("scores", score.name)),
            settings=ask(scores.settings(score)),
            seed=SEED,
            run=ask(runs.number),
        script:
            "../../scripts/forensics/apply_score.py"


rule score_restarts:
    input:
        latents=f"{RUN}/latents.npy",
        encoding=f"{RUN}/encoding.parquet",
        restarts=f"{RUN}/sources-intended.parquet",
        unmixings=f"{RUN}/unmixings-intended.npy",
    output:
        scores=f"{RUN}/restart-scores.parquet",
    log:
        f"{LOG}/score_restarts-{{view}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, batched=True),
    params:
        step=step("score_restarts"),
        variant=of_study("scores", "variant"),
        reference_rows=of_study("quality", "reference_rows"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/score_restarts.py"


rule find_overlaps:
    input:
        latents=f"{RUN}/latents.npy",
        encoding=f"{RUN}/encoding.parquet",
    output:
        overlaps=f"{RUN}/overlaps.parquet",
    log:
        f"{LOG}/find_overlaps-{{view}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        step=step("find_overlaps"),
        threshold=of_study("scores", "overlap_threshold"),
        max_pairs=of_study("scores", "overlap_pairs"),
    script:
        "../../scripts/forensics/find_overlaps.py"


rule find_signatures:
    input:
        latents=f"{RUN}/latents.npy",
        encoding=f"{RUN}/encoding.parquet",
    output:
        signatures=f"{RUN}/signatures.parquet",
    log:
        f"{LOG}/find_signatures-{{view}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        step=step("find_signatures"),
        settings=ask(runs.scores_settings(*scores.SIGNATURES)),
    script:
        "../../scripts/forensics/find_signatures.py"


rule select_candidates:
    input:
        latents=f"{RUN}/latents.npy",
        sources=f"{RUN}/sources-{{method}}.npy",
        samples=ask(runs.encoded_samples),
    output:
        candidates=f"{RUN}/candidates-{{method}}.parquet",
        funnel=f"{RUN}/funnel-{{method}}.parquet",
    log:
        f"{LOG}/select_candidates-{{view}}-seed{{seed}}-{{method}}.log",
    group:
        batch("ranks")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        step=step("select_candidates"),
        settings=ask(runs.scores_settings(*scores.CANDIDATES)),
        uniqueness_percentiles=of_study("funnel", "uniqueness_percentiles"),
        stability_percentiles=of_study("funnel", "stability_percentiles"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/select_candidates.py"


rule evaluate_detectors:
    input:
        scores=f"{RUN}/scores-{{method}}.parquet",
        samples=ask(runs.encoded_samples),
    output:
        detection=f"{RUN}/detection-{{method}}.parquet",
    log:
        f"{LOG}/evaluate_detectors-{{view}}-seed{{seed}}-{{method}}.log",
    group:
        batch("ranks")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory, batched=True),
    params:
        step=step("evaluate_detectors"),
    script:
        "../../scripts/forensics/evaluate_detectors.py"


rule evaluate_setting:
    input:
        latents=f"{RUN}/latents.npy",
        encoding=f"{RUN}/encoding.parquet",
        samples=ask(runs.encoded_samples),
    output:
        comparison=f"{RUN}/comparison.parquet",
        search=f"{RUN}/search.parquet",
    log:
        f"{LOG}/evaluate_setting-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("detection"),
    group:
        batch("scores")
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, batched=True),
    params:
        step=step("evaluate_setting"),
        sources=of_study("sources"),
        settings=ask(scores.ours_of_the_section),
        grid=of_study("search"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/evaluate_setting.py"


rule rank_samples:
    input:
        scores=f"{RUN}/scores-intended.parquet",
        clusters=f"{RUN}/clusters.parquet",
    output:
        rankings=f"{RUN}/rankings.parquet",
    log:
        f"{LOG}/rank_samples-{{view}}-seed{{seed}}.log",
    group:
        batch("ranks")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory, batched=True),
    params:
        step=step("rank_samples"),
        lists=of_study("lists"),
    script:
        "../../scripts/forensics/rank_samples.py"


rule study_identities:
    input:
        latents=f"{RUN}/latents.npy",
        scores=f"{RUN}/scores-intended.parquet",
        samples=ask(runs.encoded_samples),
    output:
        groups=f"{RUN}/identity-groups.parquet",
        members=f"{RUN}/identity-members.parquet",
        tests=f"{RUN}/identity-tests.parquet",
        pairs=f"{RUN}/identity-pairs.parquet",
    log:
        f"{LOG}/study_identities-{{view}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        step=step("study_identities"),
        images=of_study("identity_images"),
        seed=SEED,
        run=ask(runs.number),
    script:
        "../../scripts/forensics/study_identities.py"


rule find_duplicates:
    input:
        latents=f"{RUN}/latents.npy",
        encoding=f"{RUN}/encoding.parquet",
        images=ask(runs.encoded_images),
        samples=ask(runs.encoded_samples),
    output:
        duplicates=f"{RUN}/duplicates.parquet",
    log:
        f"{LOG}/find_duplicates-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: "images" in study.parts),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("find_duplicates"),
        candidates=of_study("quality", "candidates"),
        look_alikes=of_study("quality", "look_alikes"),
        detail=of_study("quality", "detail"),
    script:
        "../../scripts/forensics/find_duplicates.py"


rule find_alike:
    input:
        latents=f"{RUN}/latents.npy",
        encoding=f"{RUN}/encoding.parquet",
    output:
        duplicates=f"{RUN}/duplicates.parquet",
    log:
        f"{LOG}/find_alike-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: "images" not in study.parts),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("find_alike"),
        candidates=of_study("quality", "candidates"),
        look_alikes=of_study("quality", "look_alikes"),
    script:
        "../../scripts/forensics/find_alike.py"


rule probe_attributes:
    input:
        latents=f"{RUN}/latents.npy",
        encoding=f"{RUN}/encoding.parquet",
        images=ask(runs.images_if_any),
        samples=ask(runs.encoded_samples),
        attributes=ask(runs.attribute_file),
    output:
        probes=f"{RUN}/probes.parquet",
    log:
        f"{LOG}/probe_attributes-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("faces", "alignment", "own"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("probe_attributes"),
        folds=of_study("quality", "folds"),
        strength=of_study("quality", "strength"),
        seed=SEED,
    script:
        "../../scripts/forensics/probe_attributes.py"
