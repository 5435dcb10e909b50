# Figures: one rule each, PNG for screens and PDF for print, in the Snakemake report with a caption.


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
        "../../scripts/plot_training.py"


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
        "../../scripts/plot_vae_health.py"


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
        "../../scripts/plot_vae_images.py"


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
        "../../scripts/plot_vae_samples.py"


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
        "../../scripts/plot_traversals.py"


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
        "../../scripts/plot_density.py"


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
        "../../scripts/plot_overlaps.py"


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
        "../../scripts/plot_latent_map.py"


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
        "../../scripts/plot_forensic_panels.py"


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
        "../../scripts/plot_funnel.py"


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
        "../../scripts/plot_detectors.py"


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
        study=one_of(of_kind("faces", "alignment")),
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
        "../../scripts/plot_components.py"


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
        study=one_of(of_kind("faces", "alignment")),
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
        "../../scripts/plot_clusters.py"


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
        study=one_of(of_kind("faces", "alignment")),
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
        "../../scripts/plot_cluster_control.py"


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
        study=one_of(of_kind("faces", "alignment")),
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
        "../../scripts/plot_cluster_bias.py"


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
        study=one_of(of_kind("faces", "alignment")),
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
        "../../scripts/plot_cmax_bias.py"


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
        study=one_of(of_kind("faces", "alignment")),
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
        "../../scripts/plot_uniqueness_originality.py"


rule plot_ranking_grid:
    input:
        images=encoded_images,
        samples=run_samples,
        rankings=f"{B}/rankings.parquet",
    output:
        png=report(
            f"{BF}/list-{{list}}.png",
            caption="../report/ranking_grid.rst",
            category="{study}",
            subcategory="Forensics",
            labels={"figure": "list: {list}", "view": "{view}", "seed": "{seed}"},
        ),
        pdf=f"{BF}/list-{{list}}.pdf",
    log:
        f"{LOG}/plot_ranking_grid-{{view}}-seed{{seed}}-{{list}}.log",
    wildcard_constraints:
        study=one_of(of_kind("faces", "alignment")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_ranking_grid"),
        title=title_of,
        style=STYLE,
        name=lambda wildcards: wildcards.list,
    script:
        "../../scripts/plot_ranking_grid.py"


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
        study=one_of(of_kind("faces")),
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
        "../../scripts/plot_subniches.py"


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
        study=one_of(of_kind("faces")),
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
        "../../scripts/plot_identities.py"


rule plot_rdms:
    input:
        human="results/{study}/rdms/{metric}/human.npy",
        models=model_rdms,
        samples="results/{study}/data/test/samples.parquet",
    output:
        png=report(
            f"{RF}/rdms-{{metric}}.png",
            caption="../report/rdms.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "RDMs, {metric}"},
        ),
        pdf=f"{RF}/rdms-{{metric}}.pdf",
    log:
        f"{LOG}/plot_rdms-{{metric}}.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=pair_memory,
        runtime=short_runtime,
    params:
        step=step("plot_rdms"),
        title=title_of,
        style=STYLE,
        labels=model_names,
    script:
        "../../scripts/plot_rdms.py"


rule plot_rsa:
    input:
        rsa="results/{study}/rsa/{metric}.parquet",
    output:
        png=report(
            f"{RF}/rsa-{{metric}}.png",
            caption="../report/rsa.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "similarity to humans, {metric}"},
        ),
        pdf=f"{RF}/rsa-{{metric}}.pdf",
    log:
        f"{LOG}/plot_rsa-{{metric}}.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_rsa"),
        title=title_of,
        style=STYLE,
        simulated=of_study("simulated_votes"),
    script:
        "../../scripts/plot_rsa.py"


rule plot_model_similarity:
    input:
        similarity="results/{study}/rsa/{metric}-models.parquet",
    output:
        png=report(
            f"{RF}/model-similarity-{{metric}}.png",
            caption="../report/model_similarity.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "model by model, {metric}"},
        ),
        pdf=f"{RF}/model-similarity-{{metric}}.pdf",
    log:
        f"{LOG}/plot_model_similarity-{{metric}}.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_model_similarity"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/plot_model_similarity.py"


rule plot_confusions:
    input:
        confusions="results/{study}/confusions.parquet",
    output:
        png=report(
            f"{RF}/confusions.png",
            caption="../report/confusions.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "confusion matrices"},
        ),
        pdf=f"{RF}/confusions.pdf",
    log:
        f"{LOG}/plot_confusions.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_confusions"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/plot_confusions.py"


rule plot_entropy:
    input:
        images="results/{study}/images.parquet",
    output:
        png=report(
            f"{RF}/entropy.png",
            caption="../report/entropy.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "entropy of people and models"},
        ),
        pdf=f"{RF}/entropy.pdf",
    log:
        f"{LOG}/plot_entropy.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_entropy"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/plot_entropy.py"


rule plot_disputed:
    input:
        pixels="results/{study}/data/test/images.npy",
        samples="results/{study}/data/test/samples.parquet",
        votes="results/{study}/data/votes.parquet",
        images="results/{study}/images.parquet",
        logits=shown_file("logits.npy"),
        features=shown_file("features.parquet"),
    output:
        png=report(
            f"{RF}/disputed.png",
            caption="../report/disputed.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "images that people and the model read differently"},
        ),
        pdf=f"{RF}/disputed.pdf",
    log:
        f"{LOG}/plot_disputed.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_disputed"),
        title=title_of,
        style=STYLE,
        model=lambda wildcards: shown_model(wildcards.study),
        run=lambda wildcards: seeds_of(wildcards.study)[0],
    script:
        "../../scripts/plot_disputed.py"


rule plot_classifier_training:
    input:
        training=lambda wildcards: [
            f"results/{wildcards.study}/models/{m}/seed{s}/training.parquet"
            for m, s in trained_models(wildcards)
        ],
    output:
        png=report(
            f"{RF}/classifier-training.png",
            caption="../report/classifier_training.rst",
            category="{study}",
            subcategory="Training",
            labels={"figure": "training of the classifiers"},
        ),
        pdf=f"{RF}/classifier-training.pdf",
    log:
        f"{LOG}/plot_classifier_training.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_classifier_training"),
        title=title_of,
        style=STYLE,
        labels=lambda wildcards: [model for model, _ in trained_models(wildcards)],
    script:
        "../../scripts/plot_classifier_training.py"


wildcard_constraints:
    list="creative|stereotypes|grey|generic",
