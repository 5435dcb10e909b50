# Functions of report_page.smk: what the story page tells of.

CAPTIONS = "workflow/report"


def told_checks(wildcards):
    return [f"results/{study}/checks.parquet" for study in STUDIES]


def told_tables(wildcards):
    return [path for study in STUDIES for path in tables_of(study) if path.endswith(".parquet")]


def told_figures(wildcards):
    return [path for study in STUDIES for path in figures_of(study)]


def told_studies(wildcards):
    """Settings of each study, whether its data are made up, and its explorer if it has one."""
    return {
        study: {
            "settings": settings,
            "made_up": made_up(study),
            "explorer": "".join(explorer_of(study)),
        }
        for study, settings in STUDIES.items()
    }


def story_pages():
    pages = [f"results/{study}/report.html" for study in STUDIES]
    return ["results/report.html", "results/report.pdf", *pages]
