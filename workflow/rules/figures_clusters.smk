# Figures of clusters, their bias and identities: one rule each, PNG for screens and PDF for print.


rule plot_clusters:
    input:
        plane=f"{B}/plane.npy",
        scores=f"{B}/scores-intended.parquet",
        clusters=f"{B}/clusters.parquet",
    output:
        png=report(
            f"{BF}/clusters.png",
            caption="../report/clusters.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "UMAP plane", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/clusters.pdf",
    log:
        f"{LOG}/plot_clusters-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_clusters"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_clusters.py"


rule plot_cluster_control:
    input:
        images=encoded_images,
        scores=f"{B}/scores-intended.parquet",
        clusters=f"{B}/clusters.parquet",
    output:
        png=report(
            f"{BF}/cluster-control.png",
            caption="../report/cluster_control.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "a cluster and a control", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/cluster-control.pdf",
    log:
        f"{LOG}/plot_cluster_control-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_cluster_control"),
        title=title_of,
        style=STYLE,
        seed=CONFIG["seed"],
    script:
        "../../scripts/figures/plot_cluster_control.py"


rule plot_cluster_bias:
    input:
        images=encoded_images,
        samples=run_samples,
        clusters=f"{B}/clusters.parquet",
        abi=f"{B}/abi.parquet",
    output:
        png=report(
            f"{BF}/cluster-bias.png",
            caption="../report/cluster_bias.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "attribute bias of clusters", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/cluster-bias.pdf",
    log:
        f"{LOG}/plot_cluster_bias-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_cluster_bias"),
        title=title_of,
        style=STYLE,
        seed=CONFIG["seed"],
    script:
        "../../scripts/figures/plot_cluster_bias.py"


rule plot_cmax_bias:
    input:
        images=encoded_images,
        samples=run_samples,
        clusters=f"{B}/clusters.parquet",
        abi=f"{B}/abi.parquet",
    output:
        png=report(
            f"{BF}/cmax-bias.png",
            caption="../report/cmax_bias.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "attribute bias of C_max", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/cmax-bias.pdf",
    log:
        f"{LOG}/plot_cmax_bias-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_cmax_bias"),
        title=title_of,
        style=STYLE,
        seed=CONFIG["seed"],
    script:
        "../../scripts/figures/plot_cmax_bias.py"


rule plot_subniches:
    input:
        images=encoded_images,
        samples=run_samples,
        plane=f"{B}/plane.npy",
        subniches=f"{B}/subniches.parquet",
        profile=f"{B}/subniche-profile.parquet",
    output:
        png=report(
            f"{BF}/subniches.png",
            caption="../report/subniches.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "sub-niches", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/subniches.pdf",
    log:
        f"{LOG}/plot_subniches-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_subniches"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_subniches.py"


rule plot_identities:
    input:
        images=encoded_images,
        samples=run_samples,
        latents=f"{B}/latents.npy",
        members=f"{B}/identity-members.parquet",
        groups=f"{B}/identity-groups.parquet",
        pairs=f"{B}/identity-pairs.parquet",
    output:
        png=report(
            f"{BF}/identities.png",
            caption="../report/identities.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "identity consistency", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/identities.pdf",
    log:
        f"{LOG}/plot_identities-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_identities"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_identities.py"
