# Custom studies: the user's files, joined by id, in the form that the other kinds of study have.


def matching(ids, wanted, **codes):
    """How the files of some custom studies are matched by id."""
    return dict(
        script="match_ids",
        input=dict(
            embeddings=ask(data.own_file("embeddings")),
            embedding_ids=ask(data.own_file("embeddings", "ids")),
            images=ask(data.own_file("images")),
            attributes=ask(data.own_file("attributes")),
            identities=ask(data.own_file("identities")),
            labels=ask(data.own_file("labels")),
            votes=ask(data.own_file("votes")),
            dissimilarity=ask(data.own_file("dissimilarity")),
            dissimilarity_ids=ask(data.own_file("dissimilarity", "ids")),
            models=ask(lambda study, at: list(data.of_externals("file")(study, at).values())),
        ),
        output=tables_of_rule("match_ids", ids=ids),
        params=dict(
            settings=ask(data.own_settings(*data.FILED)),
            arrays=ask(data.of_externals("array")),
            holds=ask(data.of_externals("holds")),
            folder=ask(data.folder_state),
            join=of_study("join"),
            ignoring=of_study("ignoring"),
            **codes,
        ),
        where=dict(study=PLAN.where(lambda study: study.kind == "custom" and wanted(study))),
        resources=needs(heavy_memory),
    )


STEPS |= {
    "match_ids": matching(data.IDS, lambda study: not study.is_anonymised),
    "match_private_ids": matching(
        data.PRIVATE_IDS, lambda study: study.is_anonymised, code_seed=ROOT_SEED
    ),
    "join_samples": dict(
        input=dict(
            ids=ask(data.all_ids),
            files="results/{study}/tables/files.parquet",
            unmatched="results/{study}/tables/unmatched.parquet",
            listed="results/{study}/tables/unmatched.csv",
            identities=ask(data.own_file("identities")),
            labels=ask(data.own_file("labels")),
            images=ask(data.named_images),
            votes=ask(data.own_file("votes")),
            attributes=ask(data.if_anonymised(data.own_file("attributes"))),
        ),
        output=dict(samples="results/{study}/data/samples.parquet"),
        params=dict(
            settings=ask(data.joined_settings),
            written=ask(data.written),
            drop=ask(lambda study, at: study.settings["unmatched"] == "drop"),
            least=ask(lambda study, at: data.least_samples(study)[0]),
            least_reason=ask(lambda study, at: data.least_samples(study)[1]),
        ),
        where=dict(study=PLAN.of_kind("custom")),
        resources=needs(heavy_memory),
    ),
    "encode_attributes": dict(
        input=dict(
            table=ask(data.own_file("attributes")),
            ids=ask(data.all_ids),
            samples="results/{study}/data/samples.parquet",
        ),
        output=tables_of_rule(
            "encode_attributes",
            attributes="results/{study}/data/attributes.parquet",
            numbers="results/{study}/data/numbers.parquet",
            classes="results/{study}/data/classes.parquet",
        ),
        params=dict(settings=of_study("data", "attributes")),
        where=dict(study=PLAN.of_kind("custom")),
        resources=needs(heavy_memory),
    ),
    "import_embeddings": dict(
        input=dict(
            embeddings=ask(data.own_file("embeddings")),
            embedding_ids=ask(data.own_file("embeddings", "ids")),
            ids=ask(data.all_ids),
            samples="results/{study}/data/samples.parquet",
        ),
        output=dict(latents=f"{RUN}/latents.npy", encoding=f"{RUN}/encoding.parquet"),
        params=dict(settings=of_study("data", "embeddings")),
        where=dict(study=PLAN.where(lambda study: study.has_embeddings and not study.has_space)),
        resources=needs(heavy_memory),
    ),
    "import_space": dict(
        input=dict(
            features=ask(networks.space_file("{layer}.npy")),
            feature_ids=ask(networks.space_file("features.parquet")),
            samples="results/{study}/data/samples.parquet",
        ),
        output=dict(latents=f"{RUN}/latents.npy", encoding=f"{RUN}/encoding.parquet"),
        where=dict(study=PLAN.where(lambda study: study.has_space)),
        resources=needs(heavy_memory),
    ),
    "pack_images": dict(
        input=dict(
            source=ask(data.own_file("images")),
            ids=ask(data.all_ids),
            samples="results/{study}/data/samples.parquet",
        ),
        output=dict(images="results/{study}/data/images.npy"),
        params=dict(
            settings=of_study("data", "images"),
            size=of_study("data", "images", "size"),
            folder=ask(data.folder_state),
        ),
        where=dict(study=PLAN.of_kind("custom")),
        threads=THREADS,
        resources=needs(heavy_memory, long_runtime, disk=ask(images_disk)),
    ),
    "collect_judgements": dict(
        input=dict(
            source=ask(data.own_file("votes")),
            ids=ask(data.all_ids),
            samples="results/{study}/data/samples.parquet",
        ),
        output=dict(votes="results/{study}/data/votes.parquet"),
        params=dict(settings=of_study("data", "votes")),
        where=dict(study=PLAN.of_kind("custom")),
    ),
    "import_features": dict(
        input=dict(
            file=ask(data.of_external("file")),
            ids=ask(data.all_ids),
            samples="results/{study}/data/samples.parquet",
            votes=ask(data.votes_of_logits),
        ),
        output=dict(features=f"{MODEL}/features.npy", feature_ids=f"{MODEL}/features.parquet"),
        params=dict(
            array=ask(data.of_external("array")),
            holds=ask(data.of_external("holds")),
        ),
        where=dict(study=PLAN.of_kind("custom"), model=PLAN.with_models("external")),
        resources=needs(heavy_memory),
    ),
    "compare_dissimilarity": dict(
        input=dict(
            human=ask(data.own_file("dissimilarity")),
            human_ids=ask(data.own_file("dissimilarity", "ids")),
            ids=ask(data.all_ids),
            samples="results/{study}/data/samples.parquet",
            rdms=ask(comparison.similar_rdms(".npy")),
            rdm_ids=ask(comparison.similar_rdms(".ids.parquet")),
        ),
        output=tables_of_rule(
            "compare_dissimilarity",
            similarity="results/{study}/rsa/models.parquet",
            rdm="results/{study}/human/rdm.npy",
            mean_ids="results/{study}/human/rdm.ids.parquet",
        ),
        params=dict(
            names=ask(comparison.similar_names),
            metrics=ask(comparison.similar_metrics),
            settings=of_study("data", "dissimilarity"),
            draws=of_study("inference", "draws"),
            correction=of_study("inference", "correction"),
            root_seed=ROOT_SEED,
            threads=THREADS,
        ),
        where=dict(study=PLAN.of_kind("custom")),
        threads=THREADS,
        resources=needs(ranks_memory, long_runtime),
    ),
}
