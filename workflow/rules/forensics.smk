# Analyses of a latent space: independent sources, scores, overlaps, near-duplicates, identities, probes; its clusters on
# a UMAP plane, their stability and their attribute bias.

ROWS = {"latents": f"{RUN}/latents.npy", "encoding": f"{RUN}/encoding.parquet"}
NEAREST = {"neighbours": f"{RUN}/neighbours.npy", "distances": f"{RUN}/neighbour-distances.npy"}
SCANNED = {"scan": ask(runs.scan_files)}
ASKED = dict(settings=ask(runs.scores_settings(*scores.SCAN)), candidates=ask(runs.candidates))
PART = dict(part=lambda wildcards: int(wildcards.part), parts=of_study("scores", "scan_parts"))
WANTED = dict(wanted=of_study("clusters", "neighbors"))
SCANNING = needs(heavy_memory, long_runtime, disk=ask(scan_disk))
REAL = PLAN.of_kind("faces", "alignment", "custom")

STEPS |= {
    "compute_sources": dict(
        input=dict(latents=f"{RUN}/latents.npy"),
        output=dict(
            sources=f"{RUN}/sources-{{method}}.npy",
            restarts=f"{RUN}/sources-{{method}}.parquet",
            unmixings=f"{RUN}/unmixings-{{method}}.npy",
        ),
        params=dict(
            **SEEDED,
            method=lambda wildcards: wildcards.method,
            components=of_study("sources", "components"),
            n_restarts=of_study("sources", "restarts"),
            fit_rows=of_study("sources", "fit_rows"),
        ),
        threads=THREADS,
    ),
    "compute_factors": dict(
        input=dict(latents=f"{RUN}/latents.npy"),
        output=dict(factors=f"{RUN}/factors.npy"),
        params=dict(**SEEDED, components=of_study("sources", "components")),
        group="scores",
    ),
    "score_samples": dict(
        input=dict(
            latents=f"{RUN}/latents.npy",
            sources=f"{RUN}/sources-{{method}}.npy",
            encoding=f"{RUN}/encoding.parquet",
            restarts=f"{RUN}/sources-{{method}}.parquet",
            **SCANNED,
        ),
        output=dict(
            scores=f"{RUN}/scores-{{method}}.parquet",
            summary=f"{RUN}/summary-{{method}}.parquet",
        ),
        params=dict(**SEEDED, settings=ask(runs.scores_settings(*scores.SETTINGS))),
        threads=PAIR_THREADS,
        resources=needs(copies_memory, long_runtime),
    ),
    "score_restarts": dict(
        input=dict(
            **ROWS,
            restarts=f"{RUN}/sources-intended.parquet",
            unmixings=f"{RUN}/unmixings-intended.npy",
        ),
        output=dict(scores=f"{RUN}/restart-scores.parquet"),
        params=dict(
            **SEEDED,
            variant=of_study("scores", "variant"),
            reference_rows=of_study("quality", "reference_rows"),
        ),
        group="scores",
        resources=needs(copies_memory),
    ),
    "score_column_orders": dict(
        input=ROWS | SCANNED,
        output=dict(scores=f"{RUN}/column-scores.parquet"),
        params=dict(
            **SEEDED,
            sources=of_study("sources"),
            settings=ask(runs.scores_settings(*scores.SETTINGS)),
            orders=of_study("quality", "column_orders"),
        ),
        threads=THREADS,
        resources=needs(copies_memory, long_runtime),
    ),
    "scan_part": dict(
        input=dict(latents=f"{RUN}/latents.npy"),
        output={name: f"{RUN}/scan/{{part}}-{name}.npy" for name in runs.PART},
        params=PART | ASKED,
        where=dict(part=r"\d+"),
        threads=PAIR_THREADS,
        resources=SCANNING,
    ),
    "scan_plane_part": dict(
        input=dict(latents=f"{RUN}/latents.npy"),
        output={name: f"{RUN}/scan-plane/{{part}}-{name}.npy" for name in runs.PART},
        params=PART | WANTED,
        where=dict(part=r"\d+"),
        script="scan_part",
        threads=PAIR_THREADS,
        resources=SCANNING,
    ),
    "scan_latents": dict(
        input=dict(**ROWS, parts=ask(runs.scan_parts("scan"))),
        output=runs.SCAN,
        params=ASKED,
        threads=PAIR_THREADS,
        resources=SCANNING,
    ),
    "find_signatures": dict(
        input=ROWS | SCANNED,
        output=dict(signatures=f"{RUN}/signatures.parquet"),
        params=dict(settings=ask(runs.scores_settings(*scores.SIGNATURES))),
        group="scores",
    ),
    "select_candidates": dict(
        input=dict(
            latents=f"{RUN}/latents.npy",
            sources=f"{RUN}/sources-{{method}}.npy",
            samples=ask(runs.encoded_samples),
        ),
        output=dict(
            candidates=f"{RUN}/candidates-{{method}}.parquet",
            funnel=f"{RUN}/funnel-{{method}}.parquet",
        ),
        params=dict(
            **section("funnel", "uniqueness_percentiles", "stability_percentiles"),
            **SEEDED,
            settings=ask(runs.scores_settings(*scores.CANDIDATES)),
        ),
        group="ranks",
    ),
    "evaluate_detectors": dict(
        input=dict(
            scores=f"{RUN}/scores-{{method}}.parquet",
            samples=ask(runs.encoded_samples),
        ),
        output=dict(detection=f"{RUN}/detection-{{method}}.parquet"),
        group="ranks",
        resources=needs(light_memory),
    ),
    "evaluate_scenario": dict(
        input=dict(**ROWS, samples=ask(runs.encoded_samples)),
        output=dict(comparison=f"{RUN}/comparison.parquet", search=f"{RUN}/search.parquet"),
        params=dict(
            **SEEDED,
            sources=of_study("sources"),
            settings=ask(scores.ours_of_the_section),
            grid=of_study("search"),
        ),
        where=dict(study=PLAN.of_kind("detection")),
        group="scores",
        environment="clustering",
        resources=needs(heavy_memory),
    ),
    "rank_samples": dict(
        input=dict(
            scores=f"{RUN}/scores-intended.parquet",
            clusters=f"{RUN}/clusters.parquet",
        ),
        output=dict(rankings=f"{RUN}/rankings.parquet"),
        params=dict(lists=of_study("lists")),
        group="ranks",
        resources=needs(light_memory),
    ),
    "study_identities": dict(
        input=dict(
            latents=f"{RUN}/latents.npy",
            scores=f"{RUN}/scores-intended.parquet",
            samples=ask(runs.encoded_samples),
        ),
        output={
            name: f"{RUN}/identity-{name}.parquet"
            for name in ("groups", "members", "tests", "pairs")
        },
        params=dict(**SEEDED, images=of_study("identity_images")),
        group="scores",
    ),
    "find_near_matches": dict(
        input=ROWS | SCANNED,
        output=dict(duplicates=f"{RUN}/duplicates.parquet"),
        params=section("quality", "candidates", "near_matches"),
        script="find_duplicates",
        where=dict(study=PLAN.where(lambda study: "images" not in study.parts)),
    ),
    "find_duplicates": dict(
        input=dict(
            **ROWS, **SCANNED, images=ask(runs.encoded_images), samples=ask(runs.encoded_samples)
        ),
        output=dict(duplicates=f"{RUN}/duplicates.parquet"),
        params=section("quality", "candidates", "near_matches", "difference"),
        where=dict(study=PLAN.where(lambda study: "images" in study.parts)),
    ),
    "probe_attributes": dict(
        input=dict(
            **ROWS,
            images=ask(runs.images_if_any),
            pixels=ask(runs.pixel_file),
            samples=ask(runs.encoded_samples),
            attributes=ask(runs.attribute_file),
        ),
        output=dict(probes=f"{RUN}/probes.parquet"),
        params=dict(**section("quality", "folds", "strength"), root_seed=ROOT_SEED),
        where=dict(study=REAL),
    ),
    "probe_classes": dict(
        input=dict(
            **ROWS,
            images=ask(runs.images_if_any),
            pixels=ask(runs.pixel_file),
            samples="results/{study}/data/samples.parquet",
            classes="results/{study}/data/classes.parquet",
        ),
        output=dict(probes=f"{RUN}/class-probes.parquet"),
        params=dict(**section("quality", "folds"), root_seed=ROOT_SEED),
        where=dict(study=PLAN.of_kind("custom")),
    ),
    "find_neighbours": dict(
        input=dict(latents=f"{RUN}/latents.npy", parts=ask(runs.scan_parts("scan-plane"))),
        output=NEAREST,
        params=WANTED,
        threads=PAIR_THREADS,
        resources=SCANNING,
    ),
    "embed_umap": dict(
        input=dict(**NEAREST, latents=f"{RUN}/latents.npy"),
        output=dict(umap=f"{RUN}/umap.npy"),
        params=dict(**section("clusters", "neighbors", "min_dist"), **SEEDED),
        environment="clustering",
        resources=needs(copies_memory, long_runtime),
    ),
    "embed_umap_replicate": dict(
        input=dict(**NEAREST, latents=f"{RUN}/latents.npy"),
        output=dict(umap=f"{RUN}/umaps/seed{{replicate}}.npy"),
        params=dict(
            **section("clusters", "neighbors", "min_dist"),
            **SEEDED,
            replicate=lambda wildcards: int(wildcards.replicate),
        ),
        script="embed_umap",
        where=dict(study=REAL),
        environment="clustering",
        resources=needs(copies_memory, long_runtime),
    ),
    "embed_tsne": dict(
        input=dict(latents=f"{RUN}/latents.npy"),
        output=dict(tsne=f"{RUN}/tsne.npy"),
        params=SEEDED,
        group="scores",
    ),
    "cluster_samples": dict(
        input=dict(**NEAREST, umap=f"{RUN}/umap.npy", **ROWS),
        output=dict(clusters=f"{RUN}/clusters.parquet"),
        params=section("clusters", "min_cluster_size", "min_samples", "scales"),
        environment="clustering",
    ),
    "profile_clusters": dict(
        input=dict(
            latents=f"{RUN}/latents.npy",
            clusters=f"{RUN}/clusters.parquet",
            scores=f"{RUN}/scores-intended.parquet",
        ),
        output=dict(profile=f"{RUN}/profile.parquet", sbs=f"{RUN}/sbs.parquet"),
        params=dict(measured=ask(scores.ours)),
        group="ranks",
        resources=needs(heavy_memory),
    ),
    "find_subniches": dict(
        input=dict(umap=f"{RUN}/umap.npy", scores=f"{RUN}/scores-intended.parquet"),
        output=dict(
            subniches=f"{RUN}/subniches.parquet",
            profile=f"{RUN}/subniche-profile.parquet",
        ),
        params=dict(settings=of_study("subniches")),
    ),
    "measure_bias": dict(
        input=dict(
            clusters=f"{RUN}/clusters.parquet",
            attributes="results/{study}/data/attributes.parquet",
            samples=ask(runs.encoded_samples),
            subniches=ask(runs.subniches_if_any),
        ),
        output=dict(abi=f"{RUN}/abi.parquet"),
        params=section("bias", "definitions", "by_person"),
        group="ranks",
    ),
    "resample_clusters": dict(
        input=dict(
            umap=f"{RUN}/umap.npy",
            encoding=f"{RUN}/encoding.parquet",
            samples=ask(runs.encoded_samples),
        ),
        output=dict(
            sbs=f"{RUN}/sbs-sizes.parquet",
            pairs=f"{RUN}/resampled-pairs.parquet",
            clusters=f"{RUN}/resampled-clusters.parquet",
        ),
        params=dict(
            **section("clusters", "min_cluster_size", "min_samples", "resamples", "resampling"),
            **SEEDED,
            sizes=of_study("clusters", "sbs_sizes"),
            share=of_study("clusters", "resample_share"),
        ),
        where=dict(study=REAL),
        environment="clustering",
    ),
    "compare_umaps": dict(
        input=dict(
            umap=f"{RUN}/umap.npy",
            replicates=ask(runs.umap_replicates),
            encoding=f"{RUN}/encoding.parquet",
        ),
        output={name: f"{RUN}/umaps-{name}.parquet" for name in ("sbs", "pairs", "clusters")},
        params=dict(**section("clusters", "min_cluster_size", "min_samples"), **SEEDED),
        where=dict(study=REAL),
        environment="clustering",
    ),
}


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
            where=dict(study=PLAN.where(partial(scores.is_computed, score))),
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
