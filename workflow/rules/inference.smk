# How far bias and clusters can be trusted: stability, SBS by cluster size, simulations.


rule embed_replicate:
    input:
        latents=f"{B}/latents.npy",
        neighbours=f"{B}/neighbours.npy",
        distances=f"{B}/neighbour-distances.npy",
    output:
        plane=f"{B}/planes/umap{{replicate}}.npy",
    log:
        f"{LOG}/embed_replicate-{{view}}-seed{{seed}}-{{replicate}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
        replicate=r"\d+",
    conda:
        "../../envs/clustering.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("embed_replicate"),
        neighbors=of_study("clusters", "neighbors"),
        min_dist=of_study("clusters", "min_dist"),
        seed=CONFIG["seed"],
        run=run_number,
        replicate=lambda wildcards: int(wildcards.replicate),
    script:
        "../../scripts/forensics/embed_replicate.py"


rule resample_clusters:
    input:
        plane=f"{B}/plane.npy",
        encoding=f"{B}/encoding.parquet",
        samples=encoded_samples,
    output:
        sbs=f"{B}/sbs-sizes.parquet",
        pairs=f"{B}/resampled-pairs.parquet",
        clusters=f"{B}/resampled-clusters.parquet",
    log:
        f"{LOG}/resample_clusters-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/clustering.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("resample_clusters"),
        sizes=of_study("clusters", "sbs_sizes"),
        min_cluster_size=of_study("clusters", "min_cluster_size"),
        min_samples=of_study("clusters", "min_samples"),
        resamples=of_study("clusters", "resamples"),
        resampling=of_study("clusters", "resampling"),
        share=of_study("clusters", "resample_share"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/resample_clusters.py"


rule compare_planes:
    input:
        plane=f"{B}/plane.npy",
        replicates=umap_replicates,
        encoding=f"{B}/encoding.parquet",
    output:
        sbs=f"{B}/planes-sbs.parquet",
        pairs=f"{B}/planes-pairs.parquet",
        clusters=f"{B}/planes-clusters.parquet",
    log:
        f"{LOG}/compare_planes-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/clustering.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("compare_planes"),
        min_cluster_size=of_study("clusters", "min_cluster_size"),
        min_samples=of_study("clusters", "min_samples"),
        seed=CONFIG["seed"],
        run=run_number,
    script:
        "../../scripts/forensics/compare_planes.py"


rule tabulate_clusters:
    input:
        sbs=run_files("sbs-sizes.parquet"),
        resampled=run_files("resampled-pairs.parquet"),
        planes=run_files("planes-pairs.parquet"),
        resampled_clusters=run_files("resampled-clusters.parquet"),
        planes_clusters=run_files("planes-clusters.parquet"),
        clusters=run_files("clusters.parquet"),
    output:
        sbs_table="results/{study}/tables/sbs.parquet",
        sbs_csv=report(
            "results/{study}/tables/sbs.csv",
            caption="../report/table_sbs.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "sbs", "kind": "table"},
        ),
        stability_table="results/{study}/tables/cluster-stability.parquet",
        stability_csv=report(
            "results/{study}/tables/cluster-stability.csv",
            caption="../report/table_cluster_stability.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "cluster stability", "kind": "table"},
        ),
        clusters_table="results/{study}/tables/cluster-jaccard.parquet",
        clusters_csv=report(
            "results/{study}/tables/cluster-jaccard.csv",
            caption="../report/table_cluster_jaccard.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "cluster jaccard", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_clusters.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_clusters"),
        views=run_views,
        runs=run_seeds,
        seed=CONFIG["seed"],
    script:
        "../../scripts/tables/tabulate_clusters.py"


rule plot_bias_forest:
    input:
        abi=f"{B}/abi.parquet",
    output:
        png=report(
            f"{BF}/bias-forest.png",
            caption="../report/bias_forest.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "attribute bias with intervals", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/bias-forest.pdf",
    log:
        f"{LOG}/plot_bias_forest-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_bias_forest"),
        title=title_of,
        style=STYLE,
        published=lambda wildcards: STUDIES[wildcards.study]["kind"] == "faces"
        and not made_up(wildcards.study),
    script:
        "../../scripts/figures/plot_bias_forest.py"


rule plot_sbs_sizes:
    input:
        sbs=view_files("sbs-sizes.parquet"),
        planes=view_files("planes-sbs.parquet"),
    output:
        png=report(
            f"{RF}/sbs-sizes-{{view}}.png",
            caption="../report/sbs_sizes.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "SBS by minimal cluster size", "view": "{view}"},
        ),
        pdf=f"{RF}/sbs-sizes-{{view}}.pdf",
    log:
        f"{LOG}/plot_sbs_sizes-{{view}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_sbs_sizes"),
        title=title_of,
        style=STYLE,
        labels=seed_labels,
    script:
        "../../scripts/figures/plot_sbs_sizes.py"


rule plot_cluster_stability:
    input:
        resampled=view_files("resampled-pairs.parquet"),
        planes=view_files("planes-pairs.parquet"),
        resampled_clusters=view_files("resampled-clusters.parquet"),
        planes_clusters=view_files("planes-clusters.parquet"),
        clusters=view_files("clusters.parquet"),
    output:
        png=report(
            f"{RF}/cluster-stability-{{view}}.png",
            caption="../report/cluster_stability.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "stability of clusters", "view": "{view}"},
        ),
        pdf=f"{RF}/cluster-stability-{{view}}.pdf",
    log:
        f"{LOG}/plot_cluster_stability-{{view}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_cluster_stability"),
        title=title_of,
        style=STYLE,
        labels=seed_labels,
        runs=lambda wildcards: seeds_of(wildcards.study),
        seed=CONFIG["seed"],
    script:
        "../../scripts/figures/plot_cluster_stability.py"


rule simulate_null:
    output:
        table="results/{study}/tables/null.parquet",
        csv=report(
            "results/{study}/tables/null.csv",
            caption="../report/table_null.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "null", "kind": "table"},
        ),
    log:
        f"{LOG}/simulate_null.log",
    wildcard_constraints:
        study=one_of(of_kind("simulations")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=long_runtime,
    params:
        step=step("simulate_null"),
        runs=of_study("runs"),
        images=of_study("samples"),
        attributes=of_study("attributes"),
        groups=of_study("groups"),
        resamples=of_study("resamples"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/forensics/simulate_null.py"


rule simulate_coverage:
    output:
        table="results/{study}/tables/coverage.parquet",
        csv=report(
            "results/{study}/tables/coverage.csv",
            caption="../report/table_coverage.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "coverage", "kind": "table"},
        ),
    log:
        f"{LOG}/simulate_coverage.log",
    wildcard_constraints:
        study=one_of(of_kind("simulations")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=long_runtime,
    params:
        step=step("simulate_coverage"),
        runs=of_study("runs"),
        images=of_study("samples"),
        members=of_study("members"),
        resamples=of_study("resamples"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/forensics/simulate_coverage.py"


rule simulate_power:
    output:
        table="results/{study}/tables/power.parquet",
        csv=report(
            "results/{study}/tables/power.csv",
            caption="../report/table_power.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "power", "kind": "table"},
        ),
    log:
        f"{LOG}/simulate_power.log",
    wildcard_constraints:
        study=one_of(of_kind("simulations")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=long_runtime,
    params:
        step=step("simulate_power"),
        runs=of_study("runs"),
        images=of_study("power", "samples"),
        members=of_study("power", "members"),
        odds_ratios=of_study("power", "odds_ratios"),
        prevalences=of_study("power", "prevalences"),
        attributes=of_study("attributes"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/forensics/simulate_power.py"


rule plot_power:
    input:
        power="results/{study}/tables/power.parquet",
    output:
        png=report(
            f"{RF}/power.png",
            caption="../report/power.rst",
            category="{study}",
            subcategory="Simulations",
            labels={"figure": "power of the bias tests"},
        ),
        pdf=f"{RF}/power.pdf",
    log:
        f"{LOG}/plot_power.log",
    wildcard_constraints:
        study=one_of(of_kind("simulations")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_power"),
        title=title_of,
        style=STYLE,
        attributes=of_study("attributes"),
    script:
        "../../scripts/figures/plot_power.py"


rule plot_calibration:
    input:
        null="results/{study}/tables/null.parquet",
        coverage="results/{study}/tables/coverage.parquet",
    output:
        png=report(
            f"{RF}/calibration.png",
            caption="../report/calibration.rst",
            category="{study}",
            subcategory="Simulations",
            labels={"figure": "false alarms and coverage"},
        ),
        pdf=f"{RF}/calibration.pdf",
    log:
        f"{LOG}/plot_calibration.log",
    wildcard_constraints:
        study=one_of(of_kind("simulations")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_calibration"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_calibration.py"
