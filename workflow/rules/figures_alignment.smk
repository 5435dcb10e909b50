# Figures of the alignment study: one rule each, PNG for screens and PDF for print.


rule plot_rdms:
    input:
        human="results/{study}/rdms/{metric}/human.npy",
        human_ids="results/{study}/rdms/{metric}/human.ids.parquet",
        models=model_rdms,
        model_ids=model_rdm_ids,
        samples=study_samples,
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
        study=one_of(of_kind("alignment", "own")),
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
        order=of_study("rdm_order"),
        notes=figure_notes,
    script:
        "../../scripts/figures/plot_rdms.py"


rule plot_rsa:
    input:
        rsa="results/{study}/rsa/{metric}.parquet",
        measures="results/{study}/tables/measures.parquet",
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
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_rsa"),
        title=title_of,
        style=STYLE,
        simulated=lambda wildcards: not has_published_votes(wildcards),
        notes=figure_notes,
    script:
        "../../scripts/figures/plot_rsa.py"


rule plot_accuracy:
    input:
        measures="results/{study}/tables/measures.parquet",
    output:
        png=report(
            f"{RF}/accuracy-{{metric}}.png",
            caption="../report/accuracy.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "accuracy and likeness to people, {metric}"},
        ),
        pdf=f"{RF}/accuracy-{{metric}}.pdf",
    log:
        f"{LOG}/plot_accuracy-{{metric}}.log",
    wildcard_constraints:
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_accuracy"),
        title=title_of,
        style=STYLE,
        metric=lambda wildcards: wildcards.metric,
        targets=fold_column("targets"),
        starts=fold_column("of"),
        simulated=lambda wildcards: not has_published_votes(wildcards),
    script:
        "../../scripts/figures/plot_accuracy.py"


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
        study=one_of(of_kind("alignment", "own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_model_similarity"),
        title=title_of,
        metric=lambda wildcards: wildcards.metric,
        style=STYLE,
        notes=figure_notes,
    script:
        "../../scripts/figures/plot_model_similarity.py"


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
        study=one_of(of_kind("alignment", "own")),
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
        "../../scripts/figures/plot_confusions.py"


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
        study=one_of(of_kind("alignment", "own")),
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
        "../../scripts/figures/plot_entropy.py"


rule plot_disputed:
    input:
        pixels=study_images,
        samples=study_samples,
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
        study=one_of(of_kind("alignment", "own")),
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
        "../../scripts/figures/plot_disputed.py"


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
        "../../scripts/figures/plot_classifier_training.py"
