# Functions of detection.smk: paths, params and lists by study.


def setting_data(wildcards):
    return STUDIES[wildcards.study]["settings"][wildcards.view]["data"]


def setting_runs(study):
    return [(name, seed) for name in views_of(study) for seed in seeds_of(study, name)]


def setting_names(wildcards):
    return [name for name, _ in setting_runs(wildcards.study)]


def setting_seeds(wildcards):
    return [seed for _, seed in setting_runs(wildcards.study)]


def detection_figures(study):
    return [f"results/{study}/figures/settings.png"]
