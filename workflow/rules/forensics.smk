# Analyses of a latent space: independent sources, scores, overlaps, near-duplicates, identities, probes.


ROWS = {"latents": f"{RUN}/latents.npy", "encoding": f"{RUN}/encoding.parquet"}


rule compute_sources:
    input:
        latents=f"{RUN}/latents.npy",
    output:
        sources=f"{RUN}/sources-{{method}}.npy",
        restarts=f"{RUN}/sources-{{method}}.parquet",
        unmixings=f"{RUN}/unmixings-{{method}}.npy",
    log:
        f"{LOG}/compute_sources-{{crop}}-seed{{seed}}-{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        **SEEDED,
        step=step("compute_sources"),
        method=lambda wildcards: wildcards.method,
        components=of_study("sources", "components"),
        n_restarts=of_study("sources", "restarts"),
        fit_rows=of_study("sources", "fit_rows"),
    script:
        "../../scripts/forensics/compute_sources.py"


rule compute_factors:
    input:
        latents=f"{RUN}/latents.npy",
    output:
        factors=f"{RUN}/factors.npy",
    log:
        f"{LOG}/compute_factors-{{crop}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        **SEEDED,
        step=step("compute_factors"),
        components=of_study("sources", "components"),
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
        f"{LOG}/score_samples-{{crop}}-seed{{seed}}-{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        **SEEDED,
        step=step("score_samples"),
        settings=ask(runs.scores_settings(*scores.SETTINGS)),
    script:
        "../../scripts/forensics/score_samples.py"


# Scores that a plugin declares: a function from latents to one number per sample.
for score in scores.declared_scores():

    rule:
        name:
            f"apply_score_{score.name}"
        input:
            **ROWS,
        output:
            score=f"{RUN}/score-{score.name}.parquet",
        log:
            f"{LOG}/apply_score_{score.name}-{{crop}}-seed{{seed}}.log",
        wildcard_constraints:
            study=PLAN.where(partial(scores.is_computed, score)),
        group:
            batch("scores")
        conda:
            "../../envs/analysis.yaml"
        resources:
            **needs(heavy_memory, long_runtime, batched=True),
        params:
            **SEEDED,
            step=step("apply_score", declared=("scores", score.name)),
            settings=ask(scores.settings(score)),
        script:
            "../../scripts/forensics/apply_score.py"


rule score_restarts:
    input:
        **ROWS,
        restarts=f"{RUN}/sources-intended.parquet",
        unmixings=f"{RUN}/unmixings-intended.npy",
    output:
        scores=f"{RUN}/restart-scores.parquet",
    log:
        f"{LOG}/score_restarts-{{crop}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, batched=True),
    params:
        **SEEDED,
        step=step("score_restarts"),
        variant=of_study("scores", "variant"),
        reference_rows=of_study("quality", "reference_rows"),
    script:
        "../../scripts/forensics/score_restarts.py"


rule find_overlaps:
    input:
        **ROWS,
    output:
        overlaps=f"{RUN}/overlaps.parquet",
    log:
        f"{LOG}/find_overlaps-{{crop}}-seed{{seed}}.log",
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
        **ROWS,
    output:
        signatures=f"{RUN}/signatures.parquet",
    log:
        f"{LOG}/find_signatures-{{crop}}-seed{{seed}}.log",
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
        f"{LOG}/select_candidates-{{crop}}-seed{{seed}}-{{method}}.log",
    group:
        batch("ranks")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        **section("funnel", "uniqueness_percentiles", "stability_percentiles"),
        **SEEDED,
        step=step("select_candidates"),
        settings=ask(runs.scores_settings(*scores.CANDIDATES)),
    script:
        "../../scripts/forensics/select_candidates.py"


rule evaluate_detectors:
    input:
        scores=f"{RUN}/scores-{{method}}.parquet",
        samples=ask(runs.encoded_samples),
    output:
        detection=f"{RUN}/detection-{{method}}.parquet",
    log:
        f"{LOG}/evaluate_detectors-{{crop}}-seed{{seed}}-{{method}}.log",
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


rule evaluate_scenario:
    input:
        **ROWS,
        samples=ask(runs.encoded_samples),
    output:
        comparison=f"{RUN}/comparison.parquet",
        search=f"{RUN}/search.parquet",
    log:
        f"{LOG}/evaluate_scenario-{{crop}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("detection"),
    group:
        batch("scores")
    conda:
        "../../envs/clustering.yaml"
    resources:
        **needs(heavy_memory, batched=True),
    params:
        **SEEDED,
        step=step("evaluate_scenario"),
        sources=of_study("sources"),
        settings=ask(scores.ours_of_the_section),
        grid=of_study("search"),
    script:
        "../../scripts/forensics/evaluate_scenario.py"


rule rank_samples:
    input:
        scores=f"{RUN}/scores-intended.parquet",
        clusters=f"{RUN}/clusters.parquet",
    output:
        rankings=f"{RUN}/rankings.parquet",
    log:
        f"{LOG}/rank_samples-{{crop}}-seed{{seed}}.log",
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
        f"{LOG}/study_identities-{{crop}}-seed{{seed}}.log",
    group:
        batch("scores")
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime, batched=True),
    params:
        **SEEDED,
        step=step("study_identities"),
        images=of_study("identity_images"),
    script:
        "../../scripts/forensics/study_identities.py"


rule find_near_matches:
    input:
        **ROWS,
    output:
        duplicates=f"{RUN}/duplicates.parquet",
    log:
        f"{LOG}/find_near_matches-{{crop}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: "images" not in study.parts),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        **section("quality", "candidates", "near_matches"),
        step=step("find_duplicates"),
    script:
        "../../scripts/forensics/find_duplicates.py"


use rule find_near_matches as find_duplicates with:
    input:
        **ROWS,
        images=ask(runs.encoded_images),
        samples=ask(runs.encoded_samples),
    log:
        f"{LOG}/find_duplicates-{{crop}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: "images" in study.parts),
    params:
        detail=of_study("quality", "detail"),


rule probe_attributes:
    input:
        **ROWS,
        images=ask(runs.images_if_any),
        samples=ask(runs.encoded_samples),
        attributes=ask(runs.attribute_file),
    output:
        probes=f"{RUN}/probes.parquet",
    log:
        f"{LOG}/probe_attributes-{{crop}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("faces", "alignment", "custom"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        **section("quality", "folds", "strength"),
        step=step("probe_attributes"),
        root_seed=ROOT_SEED,
    script:
        "../../scripts/forensics/probe_attributes.py"
