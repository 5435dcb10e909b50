# Pages for users: the explorer, checks of finished artefacts, the report, a notebook; publishing.


STEPS |= {
    "embed_features": dict(
        input=dict(
            features=ask(lambda study, at: networks.first_file(study, at.model, "features.npy"))
        ),
        output=dict(
            umap="results/{study}/explorer/{model}/umap.npy",
            neighbours="results/{study}/explorer/{model}/neighbours.npy",
        ),
        params=dict(
            neighbors=of_study("clusters", "neighbors"),
            min_dist=of_study("clusters", "min_dist"),
            root_seed=ROOT_SEED,
        ),
        where=dict(study=PLAN.of_kind("alignment")),
        environment="clustering",
        threads=THREADS,
    ),
    # It may hold photographs: never published.
    "make_explorer": dict(
        input=dict(
            samples=ask(explorer.samples),
            spaces=ask(explorer.of_spaces(0)),
            space_ids=ask(explorer.of_spaces(1)),
            maps=ask(explorer.of_spaces(2)),
            neighbours=ask(explorer.of_spaces(3)),
            images=ask(explorer.images),
            scores=ask(explorer.scores),
            clusters=ask(explorer.clusters),
            attributes=ask(explorer.attributes),
            rankings=ask(runs.of_first_run("rankings.parquet", explorer.is_clustered)),
            pairs=ask(runs.of_first_run("duplicates.parquet", explorer.is_clustered)),
            votes=ask(explorer.votes),
            logits=ask(explorer.logits),
            logit_ids=ask(explorer.logit_ids),
        ),
        output=dict(explorer="results/{study}/explorer.html"),
        params=dict(
            title=ask(explorer.at_first_run(runs.title)),
            space_names=ask(explorer.spaces_with(0)),
            map_spaces=ask(explorer.spaces_with(2)),
            neighbour_spaces=ask(explorer.spaces_with(3)),
            map_method=ask(explorer.map_method),
            models=ask(explorer.model_names),
            thumbnail=of_study("explorer", "thumbnail"),
            quality=of_study("explorer", "quality"),
            nearest=of_study("explorer", "neighbours"),
            titles=ask(scores.titles),
            first=ask(scores.main),
        ),
        where=dict(study=PLAN.of_kind(*explorer.EXPLORED)),
        environment="figures",
        resources=needs(heavy_memory),
    ),
    "check_results": dict(
        input=dict(artefacts=ask(targets.checked_artefacts)),
        output=dict(checks="results/{study}/checks.parquet"),
        params=dict(
            measured=ask(scores.checked),
            may_collapse=ask(lambda study, at: study.kind == "detection"),
        ),
        resources=needs(heavy_memory),
    ),
    # The notebook that continues from a study's results, with its outputs. Not in `all`: make notebook STUDY=…
    "run_notebook": dict(
        input=dict(
            checks="results/{study}/checks.parquet",
            tables=ask(lambda study, at: tables.tables_of(study, "parquet")),
            latents=ask(runs.of_first_run("latents.npy")),
            encoding=ask(runs.of_first_run("encoding.parquet")),
            scores=ask(runs.of_first_run("scores-intended.parquet")),
            attributes=ask(runs.attribute_file),
        ),
        output=dict(executed="results/{study}/notebook.ipynb"),
        params=dict(
            step=step("run_notebook", assets=[targets.NOTEBOOK]), notebook=targets.NOTEBOOK
        ),
        where=dict(study=PLAN.where(lambda study: study.has_forensics)),
        environment="notebook",
        resources=needs(heavy_memory),
    ),
}


# One job for the pages of all studies of this run: a job per study would take longer to start than to write.
rule write_report:
    input:
        checks=lambda _: [targets.checks_of(s) for s in STUDIES.values()],
        tables=lambda _: [p for s in STUDIES.values() for p in tables.tables_of(s, "parquet")],
        figures=lambda _: [p for s in STUDIES.values() for p in figures.figures_of(s)],
    output:
        pages=[f"results/{study}/report.html" for study in STUDIES],
    log:
        "results/logs/write_report.log",
    localrule: True
    conda:
        "../../envs/report.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("write_report"),
        studies=targets.told_studies(STUDIES),
        captions=captions.captions(STUDIES.values()),
    script:
        "../../scripts/report/write_report.py"


rule run_notebooks:
    input:
        [f"results/{s.name}/notebook.ipynb" for s in STUDIES.values() if s.has_forensics],


# Small results of finished real runs, committed under results/published; the tables of README and docs/findings come from there.
rule publish:
    input:
        checks="results/{study}/checks.parquet",
        tables=ask(lambda study, at: tables.tables_of(study)),
        figures=ask(lambda study, at: figures.figures_of(study, published=True)),
        logits=ask(lambda study, at: list(comparison.trained_classifiers(study).values())),
    output:
        done="results/logs/published-{study}.json",
    log:
        f"{LOG}/publish.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("publish"),
        folder="results/published/{study}",
        study=lambda wildcards: wildcards.study,
        settings=ask(lambda study, at: study.settings),
        root_seed=ROOT_SEED,
        classifiers=ask(lambda study, at: list(comparison.trained_classifiers(study))),
        datasets=ask(
            lambda study, at: [
                {"title": d.description, "licence": d.licence, "homepage": d.homepage}
                for d in study.datasets
            ]
        ),
    script:
        "../../scripts/report/publish.py"


rule publish_all:
    input:
        [f"results/logs/published-{study}.json" for study in STUDIES],
