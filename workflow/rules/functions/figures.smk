# Functions of the figures' rules: paths, params and lists by study.

STYLE = CONFIG["figures"]


RF = "results/{study}/figures"


BF = f"{B}/figures"


def made_up(study):
    """Whether a study is a demonstration: its numbers are no results."""
    if study.startswith("demo-"):
        return True
    settings = STUDIES[study]
    names = [settings[key] for key in ("dataset", "images", "votes") if key in settings]
    return any(name not in DOWNLOADED for name in names)


def title_of(wildcards):
    """Study, view and seed as a figure's first line says them."""
    parts = [wildcards.study]
    if len(views_of(wildcards.study)) > 1 and hasattr(wildcards, "view"):
        parts.append({"whole": "whole image", "eyes": "eye region"}[wildcards.view])
    if hasattr(wildcards, "seed"):
        parts.append(f"seed {wildcards.seed}")
    if hasattr(wildcards, "method"):
        parts.append(f"sources as {wildcards.method}")
    if made_up(wildcards.study):
        parts.append("made-up data")
    return " · ".join(parts)


def seed_labels(wildcards):
    return [f"seed {seed}" for seed in seeds_of(wildcards.study)]


def view_files(name):
    """An input function: this file of each seed of a view."""

    def files(wildcards):
        return [
            B.format(study=wildcards.study, view=wildcards.view, seed=seed)
            + "/"
            + name.format(**wildcards)
            for seed in seeds_of(wildcards.study)
        ]

    return files


def run_samples(wildcards):
    return encoded_samples(wildcards)


LISTS = ["creative", "stereotypes", "grey"]


# Figures of one VAE, by kind of study; the first seed of each view is drawn. True: no photographs.
RUN_FIGURES = {
    "vae": {"vae-images": False, "traversals": False},
    "scored": {"density": True, "overlaps": False},
    "synthetic": {"latent-map": True},
    "faces": {"subniches": False, "identities": False},
    "alignment": {},
    "own": {"subniches": False, "identities": False},
    "clustered": {
        "components": True,
        "clusters": True,
        "cluster-control": False,
        "cluster-bias": False,
        "cmax-bias": False,
        "bias-forest": True,
        "uniqueness-originality": True,
        **{f"list-{name}": False for name in LISTS},
    },
}


def run_figures(study, published):
    kind = STUDIES[study]["kind"]
    if not has_vae(study) and not has_forensics(study):
        return []
    figures = RUN_FIGURES["vae"] | RUN_FIGURES[kind]
    if has_forensics(study):
        figures |= RUN_FIGURES["scored"]
    if has_forensics(study) and kind != "synthetic":
        figures |= RUN_FIGURES["clustered"]
    if kind == "synthetic":
        figures |= {f"panels-{method}": True for method in methods_of(study)}
    if study in TRAINED:
        figures["vae-samples"] = False
    names = [name for name, plain in figures.items() if plain or not published]
    names = possible(study, names)
    return [
        f"{B}/figures/{name}.png".format(study=study, view=view, seed=seeds_of(study)[0])
        for view in views_of(study)
        for name in names
    ]


def study_figures(study):
    kind = STUDIES[study]["kind"]
    names = []
    for view in views_of(study) if has_vae(study) else []:
        names += [f"vae-health-{view}", f"vae-checks-{view}"]
        if study in TRAINED:
            names.append(f"training-{view}")
        if kind == "synthetic":
            for method in methods_of(study):
                names += [f"funnel-{view}-{method}", f"detectors-{view}-{method}"]
    if kind != "synthetic" and has_forensics(study):
        names += [*cluster_figures(study), "reliability", *possible(study, ["probes"])]
    if "dissimilarity" in parts_of(study):
        names.append("dissimilarity")
    if is_judged(study):
        names += possible(study, alignment_figures(study))
        names += ["recovery"] if STUDIES[study]["inference"]["simulations"] else []
    return [f"results/{study}/figures/{name}.png" for name in names]


def figures_of(study):
    if STUDIES[study]["kind"] == "detection":
        return detection_figures(study)
    if STUDIES[study]["kind"] == "simulations":
        return simulation_figures(study)
    figures = run_figures(study, published=False) + study_figures(study)
    if models_of(study, "philnet"):
        figures.append(f"results/{study}/figures/disputed.png")
    if (
        STUDIES[study]["kind"] != "synthetic"
        and has_forensics(study)
        and "images" in parts_of(study)
    ):
        figures.append(f"results/{study}/figures/duplicates.png")
    return figures


def publishable_figures(study):
    """Figures without photographs of the data sets."""
    if STUDIES[study]["kind"] == "detection":
        return detection_figures(study)
    if STUDIES[study]["kind"] == "simulations":
        return simulation_figures(study)
    return run_figures(study, published=True) + study_figures(study)
