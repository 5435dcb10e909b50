"""Figures of VAEs, and of what is in a latent space, in the order of the report."""

from latent_microscope.declarations.where import (
    clustered,
    of_kind,
    scored,
)
from latent_microscope.planning import scores
from latent_microscope.planning.runs import (
    RESULTS,
    RUN,
    encoded_images,
    encoded_samples,
    of_study,
    run_files,
    seed_labels,
    study_images,
    study_samples,
    view_files,
)
from latent_microscope.planning.study import Study, Wildcards
from latent_microscope.registry import ROOT_SEED, Figure

LISTS = ("creative", "stereotypes", "grey")
"""Ranked lists that are drawn."""


def trained_here(study: Study) -> bool:
    """A VAE whose training there is to see."""
    return study.has_vae and study.is_trained and study.kind != "detection"


def vae(study: Study) -> bool:
    """A VAE; of a detection study the detectors are drawn instead."""
    return study.has_vae and study.kind != "detection"


def niched(study: Study) -> bool:
    """Latents whose sub-niches and identities are studied."""
    return study.has_forensics and study.is_of("faces", "own")


def published_faces(study: Study, at: Wildcards) -> bool:
    """Whether published values are of these faces."""
    return study.kind == "faces" and not study.is_made_up


def view_seeds(study: Study, at: Wildcards) -> list[int]:
    """Seed of each VAE of a view."""
    return study.seeds()


FORENSICS = (
    Figure(
        name="vae_images",
        title="images, reconstructions, variations, interpolations",
        caption=(
            "Images, their reconstructions, variations (the code plus noise) and interpolations"
            " between pairs of codes. What a reconstruction blurs, no score computed from "
            "latents can see."
        ),
        category="Training",
        function="latent_microscope.plots.training:plot_vae_images",
        per="run",
        where=vae,
        needs=frozenset({"vae"}),
        photographs=True,
        inputs={
            "reconstructions": f"{RUN}/reconstructions.npy",
            "variations": f"{RUN}/variations.npy",
            "interpolation": f"{RUN}/interpolation.npy",
        },
    ),
    Figure(
        name="traversals",
        title="latent traversals",
        caption=(
            "One row a latent dimension, largest KL first, moved from -3 to 3 standard "
            "deviations with all others at the mean."
        ),
        category="Training",
        function="latent_microscope.plots.training:plot_traversals",
        per="run",
        where=vae,
        needs=frozenset({"vae"}),
        photographs=True,
        inputs={"traversal": f"{RUN}/traversal.npy", "dimensions": f"{RUN}/dimensions.parquet"},
    ),
    Figure(
        name="latent_map",
        title="PCA and t-SNE",
        caption=(
            "Left: first two principal components of the latents, coloured by density. Right: "
            "t-SNE, coloured by HDBSCAN cluster; the marker tells authentic samples from "
            "interpolations."
        ),
        category="Forensics",
        function="latent_microscope.plots.synthetic:plot_latent_map",
        per="run",
        where=of_kind("synthetic"),
        inputs={
            "latents": f"{RUN}/latents.npy",
            "tsne": f"{RUN}/tsne.npy",
            "scores": f"{RUN}/scores-intended.parquet",
            "clusters": f"{RUN}/clusters.parquet",
            "samples": encoded_samples,
        },
    ),
    Figure(
        name="subniches",
        title="sub-niches",
        caption=(
            "Groups of samples in sparse valleys of the plane, where they lie and some of their"
            " images."
        ),
        category="Forensics",
        function="latent_microscope.plots.galleries:plot_subniches",
        per="run",
        where=niched,
        needs=frozenset({"images"}),
        photographs=True,
        inputs={
            "images": encoded_images,
            "samples": encoded_samples,
            "plane": f"{RUN}/plane.npy",
            "subniches": f"{RUN}/subniches.parquet",
            "profile": f"{RUN}/subniche-profile.parquet",
        },
    ),
    Figure(
        name="identities",
        title="identity consistency",
        caption=(
            "Images of the two people with most images, their latents on two principal "
            "components, the scores of the groups, and how well each space tells pairs of one "
            "person from pairs of two (area under the ROC curve with 95 % interval)."
        ),
        category="Forensics",
        function="latent_microscope.plots.identities:plot_identities",
        per="run",
        where=niched,
        needs=frozenset({"images", "identities"}),
        photographs=True,
        inputs={
            "images": encoded_images,
            "samples": encoded_samples,
            "latents": f"{RUN}/latents.npy",
            "members": f"{RUN}/identity-members.parquet",
            "groups": f"{RUN}/identity-groups.parquet",
            "pairs": f"{RUN}/identity-pairs.parquet",
        },
    ),
    Figure(
        name="density",
        title="densities",
        caption=(
            "Densities in latent space: inverse mean distance to the k nearest neighbours, and "
            "the share of samples within a radius (the attractors of the preprint) at the "
            "published and at an adaptive radius. At the published radius almost all tie at "
            "zero."
        ),
        category="Forensics",
        function="latent_microscope.plots.synthetic:plot_density",
        per="run",
        where=scored,
        inputs={"scores": f"{RUN}/scores-intended.parquet", "samples": encoded_samples},
    ),
    Figure(
        name="overlaps",
        title="most similar pairs",
        caption=(
            "Pairs of samples whose latent means have the highest cosine similarity, side by "
            "side: near-duplicates, or images that the autoencoder cannot tell apart."
        ),
        category="Forensics",
        function="latent_microscope.plots.synthetic:plot_overlaps",
        per="run",
        where=scored,
        needs=frozenset({"images"}),
        photographs=True,
        inputs={
            "images": encoded_images,
            "overlaps": f"{RUN}/overlaps.parquet",
            "samples": encoded_samples,
            "summary": f"{RUN}/summary-intended.parquet",
        },
    ),
    Figure(
        name="components",
        title="components by cluster",
        caption=(
            "First two independent components, coloured by cluster, and a zoom into one cluster."
        ),
        category="Forensics",
        function="latent_microscope.plots.faces:plot_components",
        per="run",
        where=clustered,
        inputs={
            "sources": f"{RUN}/sources-intended.npy",
            "scores": f"{RUN}/scores-intended.parquet",
            "clusters": f"{RUN}/clusters.parquet",
        },
    ),
    Figure(
        name="clusters",
        title="UMAP plane",
        caption=(
            "UMAP plane of the standardised latents, coloured by HDBSCAN cluster (grey: noise),"
            " CLS, uniqueness and originality."
        ),
        category="Forensics",
        function="latent_microscope.plots.faces:plot_clusters",
        per="run",
        where=clustered,
        inputs={
            "plane": f"{RUN}/plane.npy",
            "scores": f"{RUN}/scores-intended.parquet",
            "clusters": f"{RUN}/clusters.parquet",
        },
    ),
    Figure(
        name="cluster_control",
        title="a cluster and a control",
        caption=(
            "Images of one cluster beside a random control group of the same size, with the "
            "distributions of their scores."
        ),
        category="Forensics",
        function="latent_microscope.plots.faces:plot_cluster_control",
        per="run",
        where=clustered,
        needs=frozenset({"images"}),
        photographs=True,
        inputs={
            "images": encoded_images,
            "scores": f"{RUN}/scores-intended.parquet",
            "clusters": f"{RUN}/clusters.parquet",
        },
        params={"measured": scores.ours, "seed": ROOT_SEED},
    ),
    Figure(
        name="cluster_bias",
        title="attribute bias of clusters",
        caption=(
            "For the largest clusters: the attributes furthest from odds ratio 1 (members "
            "against all others) with 95 % intervals, resampled by identity where identities "
            "are known, and a sample of images. Filled marks survive Benjamini-Hochberg at 5 %."
        ),
        category="Forensics",
        function="latent_microscope.plots.bias:plot_cluster_bias",
        per="run",
        where=clustered,
        needs=frozenset({"images", "attributes"}),
        photographs=True,
        inputs={
            "images": encoded_images,
            "samples": encoded_samples,
            "clusters": f"{RUN}/clusters.parquet",
            "abi": f"{RUN}/abi.parquet",
        },
        params={"seed": ROOT_SEED},
    ),
    Figure(
        name="cmax_bias",
        title="attribute bias of C_max",
        caption=(
            "Attributes of C_max, the largest HDBSCAN cluster in latent space itself. There may"
            " be none: the KL term makes latents one Gaussian cloud."
        ),
        category="Forensics",
        function="latent_microscope.plots.bias:plot_cmax_bias",
        per="run",
        where=clustered,
        needs=frozenset({"images", "attributes"}),
        photographs=True,
        inputs={
            "images": encoded_images,
            "samples": encoded_samples,
            "clusters": f"{RUN}/clusters.parquet",
            "abi": f"{RUN}/abi.parquet",
        },
        params={"seed": ROOT_SEED},
    ),
    Figure(
        name="bias_forest",
        title="attribute bias with intervals",
        caption=(
            "Odds ratios (members against all others) of the attributes furthest from 1 in each"
            " of the largest groups, with 95 % intervals, resampled by identity where "
            "identities are known. Filled marks survive Benjamini-Hochberg at 5 % within the "
            "group, stars over all groups of the run. On real faces the bars that the preprint "
            "published for its cluster 0 stand beside it; clusters of different runs are not "
            "the same clusters."
        ),
        category="Forensics",
        function="latent_microscope.plots.forest:plot_bias_forest",
        per="run",
        where=clustered,
        needs=frozenset({"attributes"}),
        inputs={"abi": f"{RUN}/abi.parquet"},
        params={"published": published_faces},
    ),
    Figure(
        name="uniqueness_originality",
        title="uniqueness and originality",
        caption=(
            "Uniqueness against originality of every sample, coloured by cluster, with "
            "Spearman's rho and the direction of the trend."
        ),
        category="Forensics",
        function="latent_microscope.plots.faces:plot_uniqueness_originality",
        per="run",
        where=clustered,
        inputs={"scores": f"{RUN}/scores-intended.parquet", "clusters": f"{RUN}/clusters.parquet"},
    ),
    Figure(
        name="ranking_grid",
        title="ranked lists",
        caption=(
            "Images of one ranked list, best first: highest CLS (creative), lowest originality "
            "(stereotypes), or highest CLS among noise points (grey region). A rank is one "
            "VAE's; the rankings table tells how far it repeats over seeds."
        ),
        category="Forensics",
        function="latent_microscope.plots.galleries:plot_ranking_grid",
        per="run",
        where=clustered,
        needs=frozenset({"images"}),
        photographs=True,
        inputs={
            "images": encoded_images,
            "samples": encoded_samples,
            "rankings": f"{RUN}/rankings.parquet",
        },
        params={"names": list(LISTS)},
        files={f"list-{name}": f"list: {name}" for name in LISTS},
    ),
    Figure(
        name="forensic_panels",
        title="nine panels of the heuristics",
        caption=(
            "Nine views of the published heuristics: independent components by originality, "
            "stability, isolated cores, attractors, authentic signatures, validated cores, "
            "originality, candidates by method, and Spearman correlation of the metrics."
        ),
        category="Forensics",
        function="latent_microscope.plots.forensic_panels:plot_forensic_panels",
        per="run_method",
        where=of_kind("synthetic"),
        inputs={
            "scores": f"{RUN}/scores-{{method}}.parquet",
            "samples": encoded_samples,
            "latents": f"{RUN}/latents.npy",
            "sources": f"{RUN}/sources-{{method}}.npy",
            "candidates": f"{RUN}/candidates-{{method}}.parquet",
            "signatures": f"{RUN}/signatures.parquet",
        },
        params={"max_neighbors": of_study("scores", "max_neighbors")},
        files={"panels": "nine panels of the heuristics"},
    ),
    Figure(
        name="vae_samples",
        title="prior samples along the training",
        caption="The same draws from the prior, decoded at several epochs of the training.",
        category="Training",
        function="latent_microscope.plots.training:plot_vae_samples",
        per="run",
        where=trained_here,
        photographs=True,
        inputs={"history": f"{RUN}/history.npy", "epochs": f"{RUN}/history.parquet"},
    ),
    Figure(
        name="vae_health",
        title="latent dimensions of the VAE",
        caption=(
            "KL divergence and variance of the posterior mean of each latent dimension, sorted."
            " A dimension is active when the variance exceeds 0.01 (Burda et al.); inactive "
            "ones carry no information about the image."
        ),
        category="Training",
        function="latent_microscope.plots.training:plot_vae_health",
        per="view",
        where=vae,
        inputs={"dimensions": view_files("dimensions.parquet")},
        params={"labels": seed_labels},
    ),
    Figure(
        name="vae_checks",
        title="checks of the VAE",
        caption=(
            "Health of the VAE. a: mean of each latent dimension over images (prior: 0). b: "
            "variance of the aggregated posterior, that of the means plus the mean posterior "
            "variance (prior: 1). c: reconstruction error of each image over that of the best "
            "constant image, the baseline of any autoencoder: 1 is no better. Below, every "
            "check with its limits; a warning or an alarm says what to do in the health table."
        ),
        category="Training",
        function="latent_microscope.plots.quality:plot_vae_checks",
        per="view",
        where=vae,
        inputs={
            "posteriors": view_files("posterior.parquet"),
            "errors": view_files("errors.parquet"),
            "healths": view_files("health.parquet"),
        },
        params={"labels": seed_labels},
    ),
    Figure(
        name="training",
        title="training of the VAE",
        caption=(
            "Loss of the autoencoder and its two parts, per image, over the epochs; one line a "
            "seed. The KL term is weighted by beta."
        ),
        category="Training",
        function="latent_microscope.plots.training:plot_training",
        per="view",
        where=trained_here,
        inputs={"training": view_files("training.parquet")},
        params={"labels": seed_labels},
    ),
    Figure(
        name="funnel",
        title="the published funnel",
        caption=(
            "Precision, recall and F1 of the published funnel (uniqueness, isolation, "
            "stability) in its four configurations: ours as mean and standard deviation over "
            "seeds, beside the published values."
        ),
        category="Detection",
        function="latent_microscope.plots.detection:plot_funnel",
        per="view_method",
        where=of_kind("synthetic"),
        inputs={"funnel": view_files("funnel-{method}.parquet")},
    ),
    Figure(
        name="detectors",
        title="detectors of authentic samples",
        caption=(
            "How well each score tells authentic samples from interpolations: area under the "
            "ROC curve and average precision, mean and standard deviation over seeds; the line "
            "is chance."
        ),
        category="Detection",
        function="latent_microscope.plots.detection:plot_detectors",
        per="view_method",
        where=of_kind("synthetic"),
        inputs={"detection": view_files("detection-{method}.parquet")},
    ),
    Figure(
        name="settings",
        title="detectors on harder ground truths",
        caption=(
            "Detectors of authentic samples on harder ground truths: noise up to four times the"
            " published one, few interpolations, interpolation weights near 0 and 1, fifty "
            "people."
        ),
        category="Detection",
        function="latent_microscope.plots.scenarios:plot_settings",
        where=of_kind("detection"),
        inputs={"comparison": f"{RESULTS}/tables/comparison.parquet"},
    ),
    Figure(
        name="power",
        title="power of the bias tests",
        caption=(
            "Power of the test of one biased attribute, alone and adjusted for a family of "
            "attributes, over its odds ratio. Grey dashes: 5 %; the mark is the requirement of "
            "90 % at odds ratio 1.5, prevalence 0.2 and 500 members."
        ),
        category="Simulations",
        function="latent_microscope.plots.simulations:plot_power",
        where=of_kind("simulations"),
        inputs={"power": f"{RESULTS}/tables/power.parquet"},
        params={"attributes": of_study("attributes")},
    ),
    Figure(
        name="calibration",
        title="false alarms and coverage",
        caption=(
            "Left: share of simulated studies with any rejection at q ≤ 0.05 under the global "
            "null, with 95 % intervals, and its limit. Right: coverage of the 95 % intervals "
            "over prevalences and odds ratios, by scenario, effect and cluster size; the band "
            "is 93 % to 97 %."
        ),
        category="Simulations",
        function="latent_microscope.plots.simulations:plot_calibration",
        where=of_kind("simulations"),
        inputs={
            "null": f"{RESULTS}/tables/null.parquet",
            "coverage": f"{RESULTS}/tables/coverage.parquet",
        },
    ),
    Figure(
        name="sbs_sizes",
        title="SBS by minimal cluster size",
        caption=(
            "Stereotypical bias score by HDBSCAN's minimal cluster size with its 95 % interval "
            "over subsamples of people, number of clusters and share of noise. The vertical "
            "line is the size that the study uses, crosses are other UMAP seeds at that size."
        ),
        category="Forensics",
        function="latent_microscope.plots.stability:plot_sbs_sizes",
        per="view",
        where=clustered,
        inputs={"sbs": view_files("sbs-sizes.parquet"), "planes": view_files("planes-sbs.parquet")},
        params={"labels": seed_labels},
    ),
    Figure(
        name="cluster_stability",
        title="stability of clusters",
        caption=(
            "Left: adjusted Rand index between clusterings over subsamples, UMAP seeds and VAE "
            "seeds, with noise as a label of its own and over points clustered in both; 0 is "
            "chance, below 0.65 is poor. Right: Jaccard index of the best match of every "
            "cluster; below 0.6 a cluster is not to be trusted."
        ),
        category="Forensics",
        function="latent_microscope.plots.stability:plot_cluster_stability",
        per="view",
        where=clustered,
        inputs={
            "resampled": view_files("resampled-pairs.parquet"),
            "planes": view_files("planes-pairs.parquet"),
            "resampled_clusters": view_files("resampled-clusters.parquet"),
            "planes_clusters": view_files("planes-clusters.parquet"),
            "clusters": view_files("clusters.parquet"),
        },
        params={"labels": seed_labels, "runs": view_seeds, "seed": ROOT_SEED},
    ),
    Figure(
        name="reliability",
        title="how sure each sample's rank is",
        caption=(
            "How sure each sample's place is, by uniqueness, originality, stability and "
            "creative latent score. Top: percentile of every sample, ordered by the median "
            "(line), with its range over VAE seeds and, for uniqueness and CLS, over the ICA "
            "restarts of each; between the dashed lines lie 95 % of the percentiles that "
            "another VAE gives to samples of that median. Bottom: the same if the VAEs ranked "
            "the samples independently of each other, which is what pure noise looks like. "
            "Orange: mostly noise (mean Spearman between VAEs below 0.5: more than half of a "
            "ranking's variance is not shared), or a list of which another VAE repeats less "
            "than half. The range over m VAEs holds a further VAE's value with a chance of "
            "about (m − 1)/(m + 1) only; the dashed band holds 95 %."
        ),
        category="Forensics",
        function="latent_microscope.plots.reliability:plot_reliability",
        where=clustered,
        inputs={
            "intervals": f"{RESULTS}/score-intervals.parquet",
            "reliability": f"{RESULTS}/tables/reliability.parquet",
        },
    ),
    Figure(
        name="probes",
        title="linear probes of every attribute",
        caption=(
            "Attributes that a linear rule reads off the latents: AUC on held-out images "
            "(five-fold cross-validation; no person is in two folds where identities are "
            "known), 95 % interval clustered by person, mean over VAEs. Orange diamonds: the "
            "same from as many principal components of the pixels; grey bars: from the mean "
            "colour. Right: latents minus pixels, paired by image. Grey dots: fewer than 20 "
            "images with or without, not tested. Filled: q ≤ 0.05 (Benjamini-Hochberg over "
            "attributes, the largest over VAEs)."
        ),
        category="Bias",
        function="latent_microscope.plots.quality:plot_probes",
        where=clustered,
        needs=frozenset({"attributes"}),
        inputs={"probes": f"{RESULTS}/tables/probes.parquet", "runs": run_files("probes.parquet")},
    ),
)

DUPLICATES = (
    Figure(
        name="duplicates",
        title="near-duplicates and look-alikes",
        caption=(
            "Pairs of images to act on. Near-duplicates are one photograph, cropped, recoloured"
            " or compressed: the correlation r of their fine structure at the best small shift "
            "is at least 0.8 (0.75 where images are not aligned as faces are), or at least 0.6 "
            "with a latent cosine c of at least 0.95, and at least 0.5 without the edges, since"
            " different photographs may have one frame. Candidates are the most similar pairs "
            "by latents and by thumbnails. Look-alikes are the closest other pairs by latents: "
            "other photographs, or copies changed too much to be sure. Orange: the two labels "
            "differ, so one is wrong (near-duplicates) or the model is blind to the difference "
            "(look-alikes)."
        ),
        category="Forensics",
        function="latent_microscope.plots.quality:plot_duplicates",
        where=clustered,
        needs=frozenset({"images"}),
        photographs=True,
        inputs={
            "images": study_images,
            "samples": study_samples,
            "pairs": f"{RESULTS}/tables/duplicates.parquet",
        },
    ),
)
