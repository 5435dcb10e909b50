# Custom studies: the user's files, joined by id, in the form that the other kinds of study have.


rule match_ids:
    input:
        embeddings=ask(data.own_file("embeddings")),
        embedding_ids=ask(data.own_file("embeddings", "ids")),
        images=ask(data.own_file("images")),
        attributes=ask(data.own_file("attributes")),
        identities=ask(data.own_file("identities")),
        labels=ask(data.own_file("labels")),
        votes=ask(data.own_file("votes")),
        dissimilarity=ask(data.own_file("dissimilarity")),
        dissimilarity_ids=ask(data.own_file("dissimilarity", "ids")),
        models=ask(lambda study, at: list(data.of_own_models("file", study).values())),
    output:
        **tables_of_rule("match_ids", ids="results/{study}/data/ids.parquet"),
    log:
        f"{LOG}/match_ids.log",
    wildcard_constraints:
        study=PLAN.of_kind("custom"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("match_ids"),
        settings=ask(data.own_settings(*data.FILED)),
        arrays=ask(lambda study, at: data.of_own_models("array", study)),
        folder=ask(data.folder_state),
    script:
        "../../scripts/data/match_ids.py"


rule join_samples:
    input:
        ids="results/{study}/data/ids.parquet",
        files="results/{study}/tables/files.parquet",
        unmatched="results/{study}/tables/unmatched.parquet",
        listed="results/{study}/tables/unmatched.csv",
        identities=ask(data.own_file("identities")),
        labels=ask(data.own_file("labels")),
        images=ask(data.named_images),
        votes=ask(data.own_file("votes")),
    output:
        samples="results/{study}/data/samples.parquet",
    log:
        f"{LOG}/join_samples.log",
    wildcard_constraints:
        study=PLAN.of_kind("custom"),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("join_samples"),
        settings=ask(data.own_settings("identities", "labels", "images", "votes")),
        drop=ask(lambda study, at: study.settings["unmatched"] == "drop"),
        least=ask(lambda study, at: data.least_samples(study)[0]),
        least_reason=ask(lambda study, at: data.least_samples(study)[1]),
    script:
        "../../scripts/data/join_samples.py"


rule encode_attributes:
    input:
        table=ask(data.own_file("attributes")),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
    output:
        **tables_of_rule(
            "encode_attributes",
            attributes="results/{study}/data/attributes.parquet",
            numbers="results/{study}/data/numbers.parquet",
        ),
    log:
        f"{LOG}/encode_attributes.log",
    wildcard_constraints:
        study=PLAN.of_kind("custom"),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("encode_attributes"),
        settings=of_study("data", "attributes"),
    script:
        "../../scripts/data/encode_attributes.py"


rule import_embeddings:
    input:
        embeddings=ask(data.own_file("embeddings")),
        embedding_ids=ask(data.own_file("embeddings", "ids")),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
    output:
        latents=f"{RUN}/latents.npy",
        encoding=f"{RUN}/encoding.parquet",
    log:
        f"{LOG}/import_embeddings-{{crop}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: study.has_embeddings),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("import_embeddings"),
        settings=of_study("data", "embeddings"),
    script:
        "../../scripts/data/import_embeddings.py"


rule pack_images:
    input:
        source=ask(data.own_file("images")),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
    output:
        images="results/{study}/data/images.npy",
    log:
        f"{LOG}/pack_images.log",
    wildcard_constraints:
        study=PLAN.of_kind("custom"),
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime, disk=ask(images_disk)),
    params:
        step=step("pack_images"),
        settings=of_study("data", "images"),
        size=of_study("data", "images", "size"),
        folder=ask(data.folder_state),
    script:
        "../../scripts/data/pack_images.py"


rule collect_judgements:
    input:
        source=ask(data.own_file("votes")),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
    output:
        votes="results/{study}/data/votes.parquet",
    log:
        f"{LOG}/collect_judgements.log",
    wildcard_constraints:
        study=PLAN.of_kind("custom"),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("collect_judgements"),
        settings=of_study("data", "votes"),
    script:
        "../../scripts/data/collect_judgements.py"


rule import_features:
    input:
        file=ask(networks.setting_of_model("file")),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
        votes=ask(data.votes_of_logits),
    output:
        features=f"{MODEL}/features.npy",
        feature_ids=f"{MODEL}/features.parquet",
    log:
        f"{LOG}/import_features-{{model}}-seed{{seed}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("custom"),
        model=PLAN.with_models("external"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("import_features"),
        array=ask(networks.setting_of_model("array")),
    script:
        "../../scripts/data/import_features.py"


rule compare_dissimilarity:
    input:
        human=ask(data.own_file("dissimilarity")),
        human_ids=ask(data.own_file("dissimilarity", "ids")),
        ids="results/{study}/data/ids.parquet",
        samples="results/{study}/data/samples.parquet",
        rdms=ask(comparison.similar_rdms(".npy")),
        rdm_ids=ask(comparison.similar_rdms(".ids.parquet")),
    output:
        **tables_of_rule("compare_dissimilarity"),
    log:
        f"{LOG}/compare_dissimilarity.log",
    wildcard_constraints:
        study=PLAN.of_kind("custom"),
    conda:
        "../../envs/analysis.yaml"
    threads: THREADS
    resources:
        **needs(ranks_memory, long_runtime),
    params:
        step=step("compare_dissimilarity"),
        names=ask(comparison.similar_names),
        metrics=ask(comparison.similar_metrics),
        settings=of_study("data", "dissimilarity"),
        draws=of_study("inference", "draws"),
        root_seed=ROOT_SEED,
    script:
        "../../scripts/alignment/compare_dissimilarity.py"
