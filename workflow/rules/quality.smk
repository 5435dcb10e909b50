# Quality: scores with their uncertainty, health of the VAEs, near-duplicates, linear probes.


rule score_restarts:
    input:
        latents=f"{B}/latents.npy",
        encoding=f"{B}/encoding.parquet",
        restarts=f"{B}/sources-intended.parquet",
        unmixings=f"{B}/unmixings-intended.npy",
    output:
        scores=f"{B}/restart-scores.parquet",
    log:
        f"{LOG}/score_restarts-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("score_restarts"),
        variant=of_study("scores", "variant"),
        reference_rows=of_study("quality", "reference_rows"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/score_restarts.py"


rule tabulate_reliability:
    input:
        scores=run_files("scores-intended.parquet"),
        restarts=run_files("restart-scores.parquet"),
    output:
        table="results/{study}/tables/reliability.parquet",
        csv=report(
            "results/{study}/tables/reliability.csv",
            caption="../report/table_reliability.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "reliability", "kind": "table"},
        ),
        intervals="results/{study}/score-intervals.parquet",
    log:
        f"{LOG}/tabulate_reliability.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_reliability"),
        runs=run_seeds,
        lists=list_lengths,
        alpha=of_study("scores", "alpha"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/tables/tabulate_reliability.py"


rule plot_reliability:
    input:
        intervals="results/{study}/score-intervals.parquet",
        reliability="results/{study}/tables/reliability.parquet",
    output:
        png=report(
            f"{RF}/reliability.png",
            caption="../report/reliability.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "how sure each sample's rank is"},
        ),
        pdf=f"{RF}/reliability.pdf",
    log:
        f"{LOG}/plot_reliability.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_reliability"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_reliability.py"


rule assess_vae:
    input:
        images=encoded_images,
        latents=f"{B}/latents.npy",
        logvar=f"{B}/logvar.npy",
        encoding=f"{B}/encoding.parquet",
        dimensions=f"{B}/dimensions.parquet",
    output:
        health=f"{B}/health.parquet",
        posterior=f"{B}/posterior.parquet",
        errors=f"{B}/errors.parquet",
    log:
        f"{LOG}/assess_vae-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("assess_vae"),
        reconstruction=of_study("vae", "reconstruction"),
    script:
        "../../scripts/training/assess_vae.py"


rule tabulate_health:
    input:
        healths=run_files("health.parquet"),
    output:
        table="results/{study}/tables/health.parquet",
        csv=report(
            "results/{study}/tables/health.csv",
            caption="../report/table_health.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "health", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_health.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_health"),
        views=run_views,
        runs=run_seeds,
    script:
        "../../scripts/tables/tabulate_health.py"


rule plot_vae_checks:
    input:
        posteriors=view_files("posterior.parquet"),
        errors=view_files("errors.parquet"),
        healths=view_files("health.parquet"),
    output:
        png=report(
            f"{RF}/vae-checks-{{view}}.png",
            caption="../report/vae_checks.rst",
            category="{study}",
            subcategory="Training",
            labels={"figure": "checks of the VAE", "view": "{view}"},
        ),
        pdf=f"{RF}/vae-checks-{{view}}.pdf",
    log:
        f"{LOG}/plot_vae_checks-{{view}}.log",
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_vae_checks"),
        title=title_of,
        style=STYLE,
        labels=seed_labels,
    script:
        "../../scripts/figures/plot_vae_checks.py"


rule find_duplicates:
    input:
        latents=f"{B}/latents.npy",
        encoding=f"{B}/encoding.parquet",
        images=encoded_images,
        samples=encoded_samples,
    output:
        duplicates=f"{B}/duplicates.parquet",
    log:
        f"{LOG}/find_duplicates-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of([s for s in STUDIES if "images" in parts_of(s)]),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("find_duplicates"),
        candidates=of_study("quality", "candidates"),
        look_alikes=of_study("quality", "look_alikes"),
        detail=of_study("quality", "detail"),
    script:
        "../../scripts/forensics/find_duplicates.py"


rule tabulate_duplicates:
    input:
        duplicates=run_files("duplicates.parquet"),
        samples=study_samples,
        attributes=attribute_file,
    output:
        table="results/{study}/tables/duplicates.parquet",
        csv=report(
            "results/{study}/tables/duplicates.csv",
            caption="../report/table_duplicates.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "duplicates", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_duplicates.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_duplicates"),
        runs=run_seeds,
        pictures=lambda wildcards: "images" in parts_of(wildcards.study),
    script:
        "../../scripts/tables/tabulate_duplicates.py"


rule plot_duplicates:
    input:
        images=study_images,
        samples=study_samples,
        pairs="results/{study}/tables/duplicates.parquet",
    output:
        png=report(
            f"{RF}/duplicates.png",
            caption="../report/duplicates.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "near-duplicates and look-alikes"},
        ),
        pdf=f"{RF}/duplicates.pdf",
    log:
        f"{LOG}/plot_duplicates.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_duplicates"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_duplicates.py"


rule probe_attributes:
    input:
        latents=f"{B}/latents.npy",
        encoding=f"{B}/encoding.parquet",
        images=images_if_any,
        samples=encoded_samples,
        attributes=attribute_file,
    output:
        probes=f"{B}/probes.parquet",
    log:
        f"{LOG}/probe_attributes-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("probe_attributes"),
        folds=of_study("quality", "folds"),
        strength=of_study("quality", "strength"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/forensics/probe_attributes.py"


rule tabulate_probes:
    input:
        probes=run_files("probes.parquet"),
    output:
        table="results/{study}/tables/probes.parquet",
        csv=report(
            "results/{study}/tables/probes.csv",
            caption="../report/table_probes.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "probes", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_probes.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_probes"),
        runs=run_seeds,
    script:
        "../../scripts/tables/tabulate_probes.py"


rule plot_probes:
    input:
        probes="results/{study}/tables/probes.parquet",
        runs=run_files("probes.parquet"),
    output:
        png=report(
            f"{RF}/probes.png",
            caption="../report/probes.rst",
            category="{study}",
            subcategory="Bias",
            labels={"figure": "linear probes of every attribute"},
        ),
        pdf=f"{RF}/probes.pdf",
    log:
        f"{LOG}/plot_probes.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_probes"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_probes.py"
