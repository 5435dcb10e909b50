# Figures of the forensic heuristics, every kind of study: one rule each, PNG and PDF.


rule plot_density:
    input:
        scores=f"{B}/scores-intended.parquet",
        samples=run_samples,
    output:
        png=report(
            f"{BF}/density.png",
            caption="../report/density.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "densities", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/density.pdf",
    log:
        f"{LOG}/plot_density-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_density"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_density.py"


rule plot_overlaps:
    input:
        images=encoded_images,
        overlaps=f"{B}/overlaps.parquet",
        samples=run_samples,
        summary=f"{B}/summary-intended.parquet",
    output:
        png=report(
            f"{BF}/overlaps.png",
            caption="../report/overlaps.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "most similar pairs", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/overlaps.pdf",
    log:
        f"{LOG}/plot_overlaps-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_overlaps"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_overlaps.py"


rule plot_latent_map:
    input:
        latents=f"{B}/latents.npy",
        tsne=f"{B}/tsne.npy",
        scores=f"{B}/scores-intended.parquet",
        clusters=f"{B}/clusters.parquet",
        samples=run_samples,
    output:
        png=report(
            f"{BF}/latent-map.png",
            caption="../report/latent_map.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "PCA and t-SNE", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/latent-map.pdf",
    log:
        f"{LOG}/plot_latent_map-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("synthetic")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_latent_map"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_latent_map.py"


rule plot_forensic_panels:
    input:
        scores=f"{B}/scores-{{method}}.parquet",
        samples=run_samples,
        latents=f"{B}/latents.npy",
        sources=f"{B}/sources-{{method}}.npy",
        candidates=f"{B}/candidates-{{method}}.parquet",
        signatures=f"{B}/signatures.parquet",
    output:
        png=report(
            f"{BF}/panels-{{method}}.png",
            caption="../report/forensic_panels.rst",
            category="{study}",
            subcategory="Forensics",
            labels={
                "figure": "nine panels of the heuristics",
                "view": "{view}",
                "seed": "{seed}",
                "sources": "{method}",
            },
        ),
        pdf=f"{BF}/panels-{{method}}.pdf",
    log:
        f"{LOG}/plot_forensic_panels-{{view}}-seed{{seed}}-{{method}}.log",
    wildcard_constraints:
        study=one_of(of_kind("synthetic")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_forensic_panels"),
        title=title_of,
        style=STYLE,
        max_neighbors=of_study("scores", "max_neighbors"),
    script:
        "../../scripts/figures/plot_forensic_panels.py"


rule plot_components:
    input:
        sources=f"{B}/sources-intended.npy",
        scores=f"{B}/scores-intended.parquet",
        clusters=f"{B}/clusters.parquet",
    output:
        png=report(
            f"{BF}/components.png",
            caption="../report/components.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "components by cluster", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/components.pdf",
    log:
        f"{LOG}/plot_components-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_components"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_components.py"


rule plot_uniqueness_originality:
    input:
        scores=f"{B}/scores-intended.parquet",
        clusters=f"{B}/clusters.parquet",
    output:
        png=report(
            f"{BF}/uniqueness-originality.png",
            caption="../report/uniqueness_originality.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "uniqueness and originality", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/uniqueness-originality.pdf",
    log:
        f"{LOG}/plot_uniqueness_originality-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_uniqueness_originality"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_uniqueness_originality.py"


rule plot_funnel:
    input:
        funnel=view_files("funnel-{method}.parquet"),
    output:
        png=report(
            f"{RF}/funnel-{{view}}-{{method}}.png",
            caption="../report/funnel.rst",
            category="{study}",
            subcategory="Detection",
            labels={"figure": "the published funnel", "view": "{view}", "sources": "{method}"},
        ),
        pdf=f"{RF}/funnel-{{view}}-{{method}}.pdf",
    log:
        f"{LOG}/plot_funnel-{{method}}-{{view}}.log",
    wildcard_constraints:
        study=one_of(of_kind("synthetic")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_funnel"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_funnel.py"


rule plot_detectors:
    input:
        detection=view_files("detection-{method}.parquet"),
    output:
        png=report(
            f"{RF}/detectors-{{view}}-{{method}}.png",
            caption="../report/detectors.rst",
            category="{study}",
            subcategory="Detection",
            labels={
                "figure": "detectors of authentic samples",
                "view": "{view}",
                "sources": "{method}",
            },
        ),
        pdf=f"{RF}/detectors-{{view}}-{{method}}.pdf",
    log:
        f"{LOG}/plot_detectors-{{method}}-{{view}}.log",
    wildcard_constraints:
        study=one_of(of_kind("synthetic")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_detectors"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_detectors.py"


rule plot_ranking_grid:
    input:
        images=encoded_images,
        samples=run_samples,
        rankings=f"{B}/rankings.parquet",
    output:
        png=[
            report(
                f"{BF}/list-{name}.png",
                caption="../report/ranking_grid.rst",
                category="{study}",
                subcategory="Forensics",
                labels={"figure": f"list: {name}", "view": "{view}", "seed": "{seed}"},
            )
            for name in LISTS
        ],
        pdf=expand(f"{BF}/list-{{name}}.pdf", name=LISTS, allow_missing=True),
    log:
        f"{LOG}/plot_ranking_grid-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_ranking_grid"),
        title=title_of,
        style=STYLE,
        names=LISTS,
    script:
        "../../scripts/figures/plot_ranking_grid.py"
