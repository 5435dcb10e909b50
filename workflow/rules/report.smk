# Pages for users: the explorer, checks of finished artefacts, the report, a notebook; publishing.


rule embed_features:
    input:
        features=ask(lambda study, at: networks.first_file(study, at.model, "features.npy")),
    output:
        umap="results/{study}/explorer/{model}/umap.npy",
        neighbours="results/{study}/explorer/{model}/neighbours.npy",
    log:
        f"{LOG}/embed_features-{{model}}.log",
    wildcard_constraints:
        study=PLAN.of_kind("alignment"),
    conda:
        "../../envs/clustering.yaml"
    threads: THREADS
    resources:
        **needs(heavy_memory, long_runtime),
    params:
        step=step("embed_features"),
        neighbors=of_study("clusters", "neighbors"),
        min_dist=of_study("clusters", "min_dist"),
        root_seed=ROOT_SEED,
    script:
        "../../scripts/alignment/embed_features.py"


# It may hold photographs: never published.
rule make_explorer:
    input:
        samples=ask(explorer.at_first_run(runs.encoded_samples)),
        spaces=ask(explorer.of_spaces(0)),
        space_ids=ask(explorer.of_spaces(1)),
        maps=ask(explorer.of_spaces(2)),
        neighbours=ask(explorer.of_spaces(3)),
        images=ask(explorer.at_first_run(runs.images_if_any)),
        scores=ask(explorer.scores),
        clusters=ask(runs.of_first_run("clusters.parquet", explorer.is_clustered)),
        attributes=ask(explorer.attributes),
        rankings=ask(runs.of_first_run("rankings.parquet", explorer.is_clustered)),
        pairs=ask(runs.of_first_run("duplicates.parquet", explorer.is_clustered)),
        votes=ask(explorer.votes),
        logits=ask(explorer.logits),
        logit_ids=ask(explorer.logit_ids),
    output:
        explorer="results/{study}/explorer.html",
    log:
        f"{LOG}/make_explorer.log",
    wildcard_constraints:
        study=PLAN.of_kind(*explorer.EXPLORED),
    conda:
        "../../envs/figures.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("make_explorer"),
        title=ask(explorer.at_first_run(runs.title)),
        space_names=ask(explorer.spaces_with(0)),
        map_spaces=ask(explorer.spaces_with(2)),
        neighbour_spaces=ask(explorer.spaces_with(3)),
        map_method=ask(lambda study, at: "t-SNE" if study.kind == "synthetic" else "UMAP"),
        models=ask(explorer.model_names),
        thumbnail=of_study("explorer", "thumbnail"),
        quality=of_study("explorer", "quality"),
        nearest=of_study("explorer", "neighbours"),
        titles=ask(scores.titles),
        first=ask(scores.main),
    script:
        "../../scripts/report/make_explorer.py"


rule check_results:
    input:
        artefacts=ask(targets.checked_artefacts),
    output:
        checks="results/{study}/checks.parquet",
    log:
        f"{LOG}/check_results.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("check_results"),
        measured=ask(scores.checked),
        may_collapse=ask(lambda study, at: study.kind == "detection"),
    script:
        "../../scripts/report/check_results.py"


# One job for all studies of this run: a job per study would take longer to start than to write.
rule write_report:
    input:
        checks=[targets.checks_of(study) for study in STUDIES.values()],
        tables=[path for s in STUDIES.values() for path in tables.tables_of(s, "parquet")],
        figures=[path for study in STUDIES.values() for path in figures.figures_of(study)],
    output:
        page="results/report.html",
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


# The notebook that continues from a study's results, with its outputs. Not in `all`: make notebook STUDY=…
rule run_notebook:
    input:
        checks="results/{study}/checks.parquet",
        tables=ask(lambda study, at: tables.tables_of(study, "parquet")),
        latents=ask(runs.of_first_run("latents.npy")),
        encoding=ask(runs.of_first_run("encoding.parquet")),
        scores=ask(runs.of_first_run("scores-intended.parquet")),
        attributes=ask(runs.attribute_file),
    output:
        executed="results/{study}/notebook.ipynb",
    log:
        f"{LOG}/run_notebook.log",
    wildcard_constraints:
        study=PLAN.where(lambda study: study.has_forensics),
    conda:
        "../../envs/notebook.yaml"
    resources:
        **needs(heavy_memory),
    params:
        step=step("run_notebook", assets=[targets.NOTEBOOK]),
        notebook=targets.NOTEBOOK,
    script:
        "../../scripts/report/run_notebook.py"


rule run_notebooks:
    input:
        [f"results/{s.name}/notebook.ipynb" for s in STUDIES.values() if s.has_forensics],


# Small results of finished real runs, committed under results/published; README's tables come from there.
rule publish:
    input:
        checks="results/{study}/checks.parquet",
        tables=ask(lambda study, at: tables.tables_of(study)),
        figures=ask(lambda study, at: figures.figures_of(study, published=True)),
    output:
        folder=directory("results/published/{study}"),
    log:
        f"{LOG}/publish.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory),
    params:
        step=step("publish"),
        study=lambda wildcards: wildcards.study,
        settings=ask(lambda study, at: study.settings),
    script:
        "../../scripts/report/publish.py"


rule publish_all:
    input:
        [f"results/published/{study}" for study in STUDIES],
