# Functions of detection.smk: paths, params and lists by study.


def of_setting(key):
    """A params function: this key of the ground truth of a detection study's setting."""
    return lambda wildcards: STUDIES[wildcards.study]["settings"][wildcards.view]["data"][key]


def detection_figures(study):
    return []
