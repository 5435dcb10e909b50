# A study of one's own: its files joined by id, in the form that the other kinds have.

require_files()


rule match_ids:
    input:
        embeddings=own_file("embeddings"),
        embedding_ids=id_file("embeddings"),
        images=own_file("images"),
        attributes=own_file("attributes"),
        identities=own_file("identities"),
        labels=own_file("labels"),
        votes=own_file("votes"),
        dissimilarity=own_file("dissimilarity"),
        dissimilarity_ids=id_file("dissimilarity"),
        models=model_files,
    output:
        ids="results/{study}/data/ids.parquet",
        files="results/{study}/tables/files.parquet",
        files_csv=report(
            "results/{study}/tables/files.csv",
            caption="../report/table_files.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "files", "kind": "table"},
        ),
        unmatched="results/{study}/tables/unmatched.parquet",
        unmatched_csv=report(
            "results/{study}/tables/unmatched.csv",
            caption="../report/table_unmatched.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "ids that do not match", "kind": "table"},
        ),
    log:
        f"{LOG}/match_ids.log",
    wildcard_constraints:
        study=one_of(of_kind("own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("match_ids"),
        settings=own_settings(*FILED),
        arrays=model_arrays,
        folder=folder_state,
    script:
        "../../scripts/data/match_ids.py"


rule join_samples:
    input:
        ids="results/{study}/data/ids.parquet",
        files="results/{study}/tables/files.parquet",
        unmatched="results/{study}/tables/unmatched.parquet",
        listed="results/{study}/tables/unmatched.csv",
        identities=own_file("identities"),
        labels=own_file("labels"),
        images=named_images,
        votes=own_file("votes"),
    output:
        samples="results/{study}/data/samples.parquet",
    log:
        f"{LOG}/join_samples.log",
    wildcard_constraints:
        study=one_of(of_kind("own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("join_samples"),
        settings=own_settings("identities", "labels", "images", "votes"),
        drop=lambda wildcards: STUDIES[wildcards.study]["unmatched"] == "drop",
        least=lambda wildcards: least_samples(wildcards)[0],
        least_reason=lambda wildcards: least_samples(wildcards)[1],
    script:
        "../../scripts/data/join_samples.py"


rule encode_attributes:
    input:
        table=own_file("attributes"),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
    output:
        attributes="results/{study}/data/attributes.parquet",
        numbers="results/{study}/data/numbers.parquet",
        report="results/{study}/tables/attributes.parquet",
        report_csv=report(
            "results/{study}/tables/attributes.csv",
            caption="../report/table_attributes.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "attributes", "kind": "table"},
        ),
    log:
        f"{LOG}/encode_attributes.log",
    wildcard_constraints:
        study=one_of(of_kind("own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("encode_attributes"),
        settings=of_study("data", "attributes"),
    script:
        "../../scripts/data/encode_attributes.py"


rule tabulate_correlations:
    input:
        numbers="results/{study}/data/numbers.parquet",
        samples="results/{study}/data/samples.parquet",
        scores=run_files("scores-intended.parquet"),
    output:
        table="results/{study}/tables/correlations.parquet",
        csv=report(
            "results/{study}/tables/correlations.csv",
            caption="../report/table_correlations.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "numeric attributes and scores", "kind": "table"},
        ),
    log:
        f"{LOG}/tabulate_correlations.log",
    wildcard_constraints:
        study=one_of(of_kind("own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("tabulate_correlations"),
        runs=run_seeds,
        seed=CONFIG["seed"],
    script:
        "../../scripts/tables/tabulate_correlations.py"


rule import_embeddings:
    input:
        embeddings=own_file("embeddings"),
        embedding_ids=id_file("embeddings"),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
    output:
        latents=f"{B}/latents.npy",
        encoding=f"{B}/encoding.parquet",
    log:
        f"{LOG}/import_embeddings-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(GIVEN),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("import_embeddings"),
        settings=of_study("data", "embeddings"),
    script:
        "../../scripts/data/import_embeddings.py"


rule find_alike:
    input:
        latents=f"{B}/latents.npy",
        encoding=f"{B}/encoding.parquet",
    output:
        duplicates=f"{B}/duplicates.parquet",
    log:
        f"{LOG}/find_alike-{{view}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of([s for s in of_kind("own") if "images" not in parts_of(s)]),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("find_alike"),
        candidates=of_study("quality", "candidates"),
        look_alikes=of_study("quality", "look_alikes"),
    script:
        "../../scripts/forensics/find_alike.py"


rule pack_images:
    input:
        source=own_file("images"),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
    output:
        images="results/{study}/data/images.npy",
    log:
        f"{LOG}/pack_images.log",
    wildcard_constraints:
        study=one_of(of_kind("own")),
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
        disk_mb=images_disk,
    params:
        step=step("pack_images"),
        settings=of_study("data", "images"),
        size=of_study("data", "images", "size"),
        folder=folder_state,
    script:
        "../../scripts/data/pack_images.py"


rule collect_judgements:
    input:
        source=own_file("votes"),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
    output:
        votes="results/{study}/data/votes.parquet",
    log:
        f"{LOG}/collect_judgements.log",
    wildcard_constraints:
        study=one_of(of_kind("own")),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("collect_judgements"),
        settings=of_study("data", "votes"),
    script:
        "../../scripts/data/collect_judgements.py"


rule import_features:
    input:
        file=lambda wildcards: model_of(wildcards)["file"],
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
        votes=votes_of_logits,
    output:
        features="results/{study}/models/{model}/seed{seed}/features.npy",
        feature_ids="results/{study}/models/{model}/seed{seed}/features.parquet",
    log:
        f"{LOG}/import_features-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        study=one_of(of_kind("own")),
        model=one_of({m for s in STUDIES for m in own_models(s)}),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=heavy_memory,
        runtime=short_runtime,
    params:
        step=step("import_features"),
        array=lambda wildcards: model_of(wildcards)["array"],
    script:
        "../../scripts/data/import_features.py"


rule compare_dissimilarity:
    input:
        people=own_file("dissimilarity"),
        people_ids=id_file("dissimilarity"),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
        rdms=similar_rdms(".npy"),
        rdm_ids=similar_rdms(".ids.parquet"),
    output:
        table="results/{study}/tables/dissimilarity.parquet",
        csv=report(
            "results/{study}/tables/dissimilarity.csv",
            caption="../report/table_dissimilarity.rst",
            category="{study}",
            subcategory="Tables",
            labels={"what": "similarity to people's dissimilarities", "kind": "table"},
        ),
    log:
        f"{LOG}/compare_dissimilarity.log",
    wildcard_constraints:
        study=one_of(of_kind("own")),
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=ranks_memory,
        runtime=long_runtime,
    params:
        step=step("compare_dissimilarity"),
        names=similar_names,
        metrics=similar_metrics,
        settings=of_study("data", "dissimilarity"),
        draws=of_study("inference", "draws"),
        seed=CONFIG["seed"],
    script:
        "../../scripts/alignment/compare_dissimilarity.py"


rule plot_dissimilarity:
    input:
        table="results/{study}/tables/dissimilarity.parquet",
    output:
        png=report(
            f"{RF}/dissimilarity.png",
            caption="../report/dissimilarity.rst",
            category="{study}",
            subcategory="Alignment",
            labels={"figure": "similarity to people's dissimilarities"},
        ),
        pdf=f"{RF}/dissimilarity.pdf",
    log:
        f"{LOG}/plot_dissimilarity.log",
    wildcard_constraints:
        study=one_of(of_kind("own")),
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("plot_dissimilarity"),
        title=title_of,
        style=STYLE,
    script:
        "../../scripts/figures/plot_dissimilarity.py"
