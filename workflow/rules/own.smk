# A study of one's own: its files joined by id, in the form that the other kinds have.


rule match_ids:
    input:
        embeddings=own_file("embeddings"),
        embedding_ids=embedding_ids,
        images=own_file("images"),
        attributes=own_file("attributes"),
        identities=own_file("identities"),
        labels=own_file("labels"),
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
        folder=folder_state,
    script:
        "../../scripts/match_ids.py"


rule join_samples:
    input:
        ids="results/{study}/data/ids.parquet",
        files="results/{study}/tables/files.parquet",
        unmatched="results/{study}/tables/unmatched.parquet",
        listed="results/{study}/tables/unmatched.csv",
        identities=own_file("identities"),
        labels=own_file("labels"),
        images=named_images,
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
        settings=own_settings("identities", "labels", "images"),
        drop=lambda wildcards: STUDIES[wildcards.study]["unmatched"] == "drop",
        least=lambda wildcards: least_samples(wildcards)[0],
        least_reason=lambda wildcards: least_samples(wildcards)[1],
    script:
        "../../scripts/join_samples.py"


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
        "../../scripts/encode_attributes.py"


rule import_embeddings:
    input:
        embeddings=own_file("embeddings"),
        embedding_ids=embedding_ids,
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
        "../../scripts/import_embeddings.py"


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
        "../../scripts/pack_images.py"
