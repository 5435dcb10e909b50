# Figures of a VAE and of its training: one rule each, PNG for screens and PDF for print.


rule plot_training:
    input:
        training=view_files("training.parquet"),
    output:
        png=report(
            f"{RF}/training-{{view}}.png",
            caption="../report/training.rst",
            category="{study}",
            subcategory="Training",
            labels={"figure": "training of the VAE", "view": "{view}"},
        ),
        pdf=f"{RF}/training-{{view}}.pdf",
    log:
        f"{LOG}/plot_training-{{view}}.log",
    wildcard_constraints:
        study=one_of(TRAINED),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_training"),
        title=title_of,
        style=STYLE,
        labels=seed_labels,
    script:
        "../../scripts/figures/plot_training.py"


rule plot_vae_health:
    input:
        dimensions=view_files("dimensions.parquet"),
    output:
        png=report(
            f"{RF}/vae-health-{{view}}.png",
            caption="../report/vae_health.rst",
            category="{study}",
            subcategory="Training",
            labels={"figure": "latent dimensions of the VAE", "view": "{view}"},
        ),
        pdf=f"{RF}/vae-health-{{view}}.pdf",
    log:
        f"{LOG}/plot_vae_health-{{view}}.log",
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_vae_health"),
        title=title_of,
        style=STYLE,
        labels=seed_labels,
    script:
        "../../scripts/figures/plot_vae_health.py"


rule plot_vae_images:
    input:
        reconstructions=f"{B}/reconstructions.npy",
        variations=f"{B}/variations.npy",
        interpolation=f"{B}/interpolation.npy",
    output:
        png=report(
            f"{BF}/vae-images.png",
            caption="../report/vae_images.rst",
            category="{study}",
            subcategory="Training",
            labels={
                "figure": "images, reconstructions, variations, interpolations",
                "view": "{view}",
                "seed": "{seed}",
            },
        ),
        pdf=f"{BF}/vae-images.pdf",
    log:
        f"{LOG}/plot_vae_images-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_vae_images"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_vae_images.py"


rule plot_vae_samples:
    input:
        history=f"{B}/history.npy",
        epochs=f"{B}/history.parquet",
    output:
        png=report(
            f"{BF}/vae-samples.png",
            caption="../report/vae_samples.rst",
            category="{study}",
            subcategory="Training",
            labels={
                "figure": "prior samples along the training",
                "view": "{view}",
                "seed": "{seed}",
            },
        ),
        pdf=f"{BF}/vae-samples.pdf",
    log:
        f"{LOG}/plot_vae_samples-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(TRAINED),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_vae_samples"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_vae_samples.py"


rule plot_traversals:
    input:
        traversal=f"{B}/traversal.npy",
        dimensions=f"{B}/dimensions.parquet",
    output:
        png=report(
            f"{BF}/traversals.png",
            caption="../report/traversals.rst",
            category="{study}",
            subcategory="Training",
            labels={"figure": "latent traversals", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/traversals.pdf",
    log:
        f"{LOG}/plot_traversals-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_traversals"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_traversals.py"
