"""Figures of one VAE and of what is in its latent space, in the order of the report."""

from functools import partial

from latent_microscope.declarations.where import clustered, of_kind, scored, trained_here, vae
from latent_microscope.planning import scores
from latent_microscope.planning.runs import RESULTS, RUN, encoded_images, encoded_samples, of_study
from latent_microscope.planning.study import Study
from latent_microscope.registry import ROOT_SEED, Figure

LISTS = ("creative", "stereotypes", "grey")
"""Ranked lists that are drawn."""
_PLOTS = "latent_microscope.plots"
_IMAGES = {"images": encoded_images, "samples": encoded_samples}
_SCORES = {"scores": f"{RUN}/scores-intended.parquet"}
_CLUSTERS = {"clusters": f"{RUN}/clusters.parquet"}
_ABI = {"abi": f"{RUN}/abi.parquet"}


def niched(study: Study) -> bool:
    """Latents whose sub-niches and identities are studied."""
    return study.has_forensics and study.is_of("faces", "custom")


# Limits of statistics.clusters; single images are always tested.
_UNTESTED = (
    "[identities:  No line: not tested, since there are fewer than 6.5 effective people (Kish, by "
    "their images) in the group or outside, or fewer than 3 degrees of freedom.]"
)
_BEYOND = " Arrows: beyond the axis; with numbers where no part of an interval is on it."
_of_run = partial(Figure, category="Forensics", per="vae")
_of_clusters = partial(_of_run, where=clustered)
_images_of_run = partial(_of_run, photographs=True, needs=frozenset({"images"}))
_images_of_clusters = partial(_images_of_run, where=clustered)
_of_vae = partial(Figure, category="Training", per="vae", photographs=True)


LATENTS = (
    _of_vae(
        name="vae_images",
        title="images, reconstructions, variations, interpolations",
        caption=(
            "Output of the VAE. a: images and their reconstructions. b: variations (the code plus "
            "noise). c: interpolations between pairs of codes. Details that a reconstruction "
            "blurs are invisible to every score computed from the latents."
        ),
        function=f"{_PLOTS}.vae:plot_vae_images",
        where=vae,
        needs=frozenset({"vae"}),
        inputs={
            "reconstructions": f"{RUN}/reconstructions.npy",
            "variations": f"{RUN}/variations.npy",
            "interpolation": f"{RUN}/interpolation.npy",
        },
    ),
    _of_vae(
        name="traversals",
        title="latent traversals",
        caption=(
            "Decoded codes, one latent dimension per row with the largest KL divergence (nats) "
            "first, moved from -3 to 3 standard deviations; all others stay at their means."
        ),
        function=f"{_PLOTS}.vae:plot_traversals",
        where=vae,
        needs=frozenset({"vae"}),
        inputs={"traversal": f"{RUN}/traversal.npy", "dimensions": f"{RUN}/dimensions.parquet"},
    ),
    _of_run(
        name="latent_map",
        title="PCA and t-SNE",
        caption=(
            "Two projections of the latents. a: first two principal components of the latents, "
            "coloured by kNN density. b: t-SNE, coloured by HDBSCAN cluster; markers tell "
            "authentic samples from interpolations."
        ),
        function=f"{_PLOTS}.latent:plot_latent_map",
        where=of_kind("synthetic"),
        inputs={
            "latents": f"{RUN}/latents.npy",
            "tsne": f"{RUN}/tsne.npy",
            **_SCORES,
            **_CLUSTERS,
            "samples": encoded_samples,
        },
    ),
    _images_of_run(
        name="subniches",
        title="sub-niches",
        caption=(
            "Groups of samples in regions of low density: where they lie on the UMAP, and of the "
            "largest ones their size n, their mean scores, and some of their images."
        ),
        function=f"{_PLOTS}.galleries:plot_subniches",
        where=niched,
        inputs={
            **_IMAGES,
            "umap": f"{RUN}/umap.npy",
            "subniches": f"{RUN}/subniches.parquet",
            "profile": f"{RUN}/subniche-profile.parquet",
        },
    ),
    _images_of_run(
        name="identities",
        title="identity consistency",
        caption=(
            "Consistency of identities. a, b: images of the two persons with the most images. c: "
            "their latents on two principal components. d: how well each space separates pairs of "
            "one person from pairs of two (area under the ROC curve with 95 % interval; 0.5 is "
            "chance). Below: scores of the groups, mean and standard deviation over their n "
            "images."
        ),
        function=f"{_PLOTS}.galleries:plot_identities",
        where=niched,
        needs=frozenset({"images", "identities"}),
        inputs={
            **_IMAGES,
            "latents": f"{RUN}/latents.npy",
            "members": f"{RUN}/identity-members.parquet",
            "groups": f"{RUN}/identity-groups.parquet",
            "pairs": f"{RUN}/identity-pairs.parquet",
        },
    ),
    _of_run(
        name="density",
        title="densities",
        caption=(
            "Densities in latent space, number of samples per bin. a: inverse mean distance to "
            "the k nearest neighbours. b: share of samples within a radius (attractors of the "
            "preprint) at an adaptive radius; the note says how many tie at the fixed one."
        ),
        function=f"{_PLOTS}.latent:plot_density",
        where=scored,
        inputs={**_SCORES, "samples": encoded_samples},
    ),
    _images_of_run(
        name="overlaps",
        title="most similar pairs",
        caption=(
            "Pairs of samples whose latent means have the highest cosine similarity, side by side: "
            "near-duplicates, or images that the model does not separate."
        ),
        function=f"{_PLOTS}.pairs:plot_overlaps",
        where=scored,
        inputs={
            "images": encoded_images,
            "overlaps": f"{RUN}/overlaps.parquet",
            "samples": encoded_samples,
            "summary": f"{RUN}/summary-intended.parquet",
        },
    ),
    _of_clusters(
        name="components",
        title="components by cluster",
        caption=(
            "First two independent components, coloured by HDBSCAN cluster (grey: noise), and a "
            "zoom into one cluster."
        ),
        function=f"{_PLOTS}.latent:plot_components",
        inputs={"sources": f"{RUN}/sources-intended.npy", **_SCORES, **_CLUSTERS},
    ),
    _of_clusters(
        name="clusters",
        title="UMAP",
        caption=(
            "UMAP of the standardised latents, coloured by HDBSCAN cluster (grey: noise), CLS, "
            "uniqueness and originality."
        ),
        function=f"{_PLOTS}.latent:plot_clusters",
        inputs={"umap": f"{RUN}/umap.npy", **_SCORES, **_CLUSTERS},
    ),
    _images_of_clusters(
        name="cluster_control",
        title="a cluster and a control",
        caption=(
            "Random images of one cluster beside as many random images outside it, and the "
            "distributions of the scores of both groups."
        ),
        function=f"{_PLOTS}.galleries:plot_cluster_control",
        inputs={"images": encoded_images, **_SCORES, **_CLUSTERS},
        params={"measured": scores.ours, "root_seed": ROOT_SEED},
    ),
    Figure(
        name="cluster_pixels",
        title="pixels of clusters",
        caption=(
            "Covariates of the images (brightness, contrast, saturation, hue, blur, background, "
            "file) that differ most between each of the largest groups of the first seed and all "
            "other samples: standardised difference with 95 % interval[identities: , images of one "
            "person as a cluster]. Filled: q ≤ 0.05 (Benjamini-Hochberg within the group). No "
            "line: not tested, since there are fewer than 6.5 effective [identities: people (Kish, "
            "by their ]images[identities: )] in the group or outside, or fewer than 3 degrees of "
            "freedom."
        ),
        category="Forensics",
        function=f"{_PLOTS}.pixels:plot_cluster_pixels",
        where=clustered,
        needs=frozenset({"images"}),
        inputs={"effects": f"{RESULTS}/tables/cluster-pixels.parquet"},
    ),
    _images_of_clusters(
        name="cluster_images",
        title="mean images of clusters",
        caption=(
            "Mean image of each of the largest clusters, and its difference from the mean of all "
            "other samples: brightness (luma), and red minus blue. All differences have one "
            "symmetric colour scale, as far as the largest of them; white: no difference."
        ),
        function=f"{_PLOTS}.pixels:plot_cluster_images",
        inputs={"images": encoded_images, **_CLUSTERS},
    ),
    _images_of_clusters(
        name="cluster_bias",
        title="attribute bias of clusters",
        caption=(
            "For the largest clusters: the attributes furthest from an odds ratio of 1 (members "
            "against all others) with 95 % intervals[identities: , images of one person as a "
            "cluster], and random images. Filled bars: q ≤ 0.05 (Benjamini-Hochberg)."
            + _UNTESTED
            + _BEYOND
        ),
        function=f"{_PLOTS}.bias:plot_cluster_bias",
        needs=frozenset({"images", "attributes"}),
        inputs={**_IMAGES, **_CLUSTERS, **_ABI},
        params={"root_seed": ROOT_SEED},
    ),
    _images_of_clusters(
        name="cmax_bias",
        title="attribute bias of C_max",
        caption=(
            "Odds ratios of the attributes of C_max, the largest HDBSCAN cluster in the latent "
            "space itself, with 95 % intervals. There may be none[vae: : the KL term pulls the "
            "latents towards one Gaussian cloud]." + _UNTESTED + _BEYOND
        ),
        function=f"{_PLOTS}.bias:plot_cluster_bias",
        needs=frozenset({"images", "attributes"}),
        inputs={**_IMAGES, **_CLUSTERS, **_ABI},
        params={"column": "cmax", "root_seed": ROOT_SEED},
    ),
    _of_clusters(
        name="bias_forest",
        title="attribute bias with intervals",
        caption=(
            "Odds ratios (members against all others) of the attributes furthest from 1 in each of "
            "the largest groups, with 95 % intervals[identities: , images of one person as a "
            "cluster]. Filled marks: q ≤ 0.05 (Benjamini-Hochberg) within the group; stars: over "
            "all groups of the seed as well.[published:  Grey bars, if any: what the preprint "
            "published for its cluster 0.][vae:  Clusters of different seeds are not the same "
            "clusters.]" + _UNTESTED + _BEYOND
        ),
        function=f"{_PLOTS}.bias:plot_bias_forest",
        needs=frozenset({"attributes"}),
        inputs=_ABI,
        params={  # published values are of the faces of CelebA
            "published": lambda study, at: study.kind == "faces" and not study.is_synthetic_demo
        },
    ),
    _of_clusters(
        name="uniqueness_originality",
        title="uniqueness and originality",
        caption=(
            "Uniqueness against originality of every sample, coloured by cluster, with Spearman's "
            "rho and the least-squares trend."
        ),
        function=f"{_PLOTS}.latent:plot_uniqueness_originality",
        inputs={**_SCORES, **_CLUSTERS},
    ),
    _images_of_clusters(
        name="ranking_grid",
        title="ranked lists",
        caption=(
            "Images of one ranked list, best first: highest CLS (creative), lowest originality "
            "(stereotypes), or highest CLS among noise points (grey region).[vae:  Ranks are those "
            "of one VAE; the table of rankings says how far they repeat over seeds.]"
        ),
        function=f"{_PLOTS}.galleries:plot_ranking_grid",
        inputs={**_IMAGES, "rankings": f"{RUN}/rankings.parquet"},
        params={"names": list(LISTS)},
        files={f"list-{name}": f"list: {name}" for name in LISTS},
    ),
    Figure(
        name="forensic_panels",
        title="nine panels of the heuristics",
        caption=(
            "The published heuristics: a: independent components by originality, b: stability, c: "
            "isolated cores, d: attractors, e: authentic signatures, f: validated cores, g: "
            "originality, h: candidates by method, i: Spearman correlation of the metrics."
        ),
        category="Forensics",
        function=f"{_PLOTS}.forensic_panels:plot_forensic_panels",
        per="vae_method",
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
    _of_vae(
        name="vae_samples",
        title="samples from the prior during training",
        caption="The same codes drawn from the prior, one per column, decoded at several epochs.",
        function=f"{_PLOTS}.vae:plot_vae_samples",
        where=trained_here,
        inputs={"history": f"{RUN}/history.npy", "epochs": f"{RUN}/history.parquet"},
    ),
)
