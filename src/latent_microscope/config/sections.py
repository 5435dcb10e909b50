"""Sections that several kinds of studies have."""

from typing import Annotated, Literal

from pydantic import Field

from latent_microscope.config.fields import Distinct, Percentile, Section, Seeds, optional, setting

Optimizer = Annotated[Literal["adam", "adamw", "sgd"], Field(description="optimizer")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"], Field(description="arithmetic of the training")
]
MemoryFormat = Annotated[
    Literal["contiguous", "channels_last"], Field(description="layout of images in memory")
]
Architecture = Annotated[Literal["dense", "convolutional", "cifar"], Field(description="network")]
Latent = Annotated[int, Field(ge=1, le=4096, description="latent dimensions")]
BetaKind = Annotated[
    Literal["constant", "warmup"],
    Field(description="warmup: min(maximum, epoch/over), epochs from 0"),
]
SchedulerKind = Annotated[
    Literal["constant", "plateau", "cosine", "linear"],
    Field(description="plateau: ReduceLROnPlateau on the epoch's loss; cosine, linear: to zero"),
]
Reduction = Annotated[
    Literal["sum", "mean"], Field(description="reduction of the loss over the batch")
]
Variant = Annotated[
    Literal["script", "notebook"],
    Field(description="published variant in the columns without a suffix"),
]
Similarity = Annotated[
    float, Field(ge=-1, le=1, description="cosine similarity above which a row is a neighbour")
]
Draws = Literal[0] | Annotated[int, Field(ge=2)]
ClusterSize = Annotated[int, Field(ge=2)]


class Beta(Section):
    """Weight of the KL term."""

    kind: BetaKind = "constant"
    value: float = setting("the weight (constant)", 1.0, ge=0)
    maximum: float = setting("largest weight (warmup)", 0.1, ge=0)
    over: float = setting("epochs until the weight would reach 1 (warmup)", 50, gt=0)


class Scheduler(Section):
    """Schedule of the learning rate."""

    kind: SchedulerKind = "constant"
    patience: int = setting("epochs without improvement (plateau)", 20, ge=0)
    factor: float = setting("factor of each reduction (plateau)", 0.1, gt=0, lt=1)
    warmup: float = setting("epochs of linear warm-up (cosine, linear)", 0, ge=0)


class Samples(Section):
    """Images saved during the training."""

    count: int = setting("images", 16, ge=1)
    frames: int = setting("epochs at which they are saved", 10, ge=1)


class Vae(Section):
    """The VAE and its training."""

    arch: Architecture
    latent: Latent
    epochs: int = setting("passes over the training images", ge=1)
    batch: int = setting("images per step", 64, ge=1)
    learning_rate: float = setting("base learning rate", 0.001, gt=0)
    weight_decay: float = setting("weight decay", 0.0, ge=0)
    optimizer: Optimizer = "adam"
    scheduler: Scheduler = Field(default_factory=Scheduler)
    dropout: float = setting("dropout of the dense encoder", 0.2, ge=0, lt=1)
    reconstruction: Literal["mse", "l1"] = setting("error, summed over an image's values", "mse")
    reduction: Reduction = "mean"
    precision: Precision = "float32"
    memory_format: MemoryFormat = "contiguous"
    input_range: Literal["unit", "signed"] = setting("images scaled to [0, 1] or [-1, 1]", "unit")
    beta: Beta = Field(default_factory=Beta)
    samples: Samples = Field(default_factory=Samples)
    restarts: int = setting(
        "how often the training may be repeated with other initial weights if more than 1 % of "
        "the images get exactly the latents of another image",
        0,
        ge=0,
        le=20,
    )
    weights: str | None = setting("published weights to load instead: dataset/file", None)


class Sources(Section):
    """Independent sources of the latents."""

    methods: Distinct[Literal["intended", "executed"]] = setting(
        "the published method as described (intended) or as its code computes it (executed)",
        ["intended"],
    )
    components: int | None = setting("number of sources; null: min(20, latent)", None, ge=1)
    restarts: int = setting("restarts of FastICA", 10, ge=1)
    fit_rows: int = setting("largest sample that the unmixing is fitted on", 20000, ge=10)


class Scores(Section):
    """The forensic heuristics."""

    variant: Variant = "script"
    alpha: float = setting(
        "weight of uniqueness in the CLS, the rest is originality", 0.5, ge=0, le=1
    )
    k: int = setting("neighbours for density and originality", 10, ge=1)
    radius: float = setting("radius of the attractor density", 0.01, gt=0)
    attractors: int = setting("attractors of originality", 5, ge=1)
    similarity: Similarity = 0.95
    max_neighbors: int = setting("neighbours that an isolated core may have", 7, ge=0)
    stability_noise: float = setting("standard deviation of the noise on latents", 0.005, gt=0)
    stability_draws: int = setting("noise draws per sample", 10, ge=2)
    signature_low: float = setting("attractor density of a signature, above", 0.005)
    signature_high: float = setting("attractor density of a signature, below", 0.15)
    overlap_threshold: float = setting("cosine similarity of an overlap", 0.99, ge=0, le=1)
    overlap_pairs: int = setting("pairs in the table of overlaps, at most", 1000, ge=1)
    pairs: Literal["exact", "sampled"] = setting(
        "of sources, for uniqueness and similar neighbours; sampled: each sample and some others, "
        "for hundreds of thousands of samples; columns …_error of the scores hold 95 % bounds",
        "exact",
    )
    sampled_rows: int = setting(
        "these others, the same for all samples: the farthest out and as many at random",
        2000,
        ge=100,
    )
    scan_parts: int = setting(
        "jobs that share the passes over all pairs of latents, each kept when a run ends; results "
        "are the same for any number",
        1,
        ge=1,
        le=1000,
    )


class Clusters(Section):
    """UMAP and HDBSCAN."""

    neighbors: int = setting("neighbours of UMAP", 15, ge=2)
    min_dist: float = setting("minimal distance of UMAP", 0.1, ge=0)
    min_cluster_size: int = setting(
        "smallest cluster of HDBSCAN on the UMAP, at most n / 2", 100, ge=2
    )
    min_samples: int = setting("neighbours of a core point of that HDBSCAN", 10, ge=1)
    scales: list[ClusterSize] = setting(
        "other smallest clusters that it is run with", [5, 10, 20, 50]
    )
    umap_seeds: int = setting("seeds of UMAP whose clusters are compared", 5, ge=1)
    sbs_sizes: list[ClusterSize] = setting(
        "minimal cluster sizes at which the SBS is shown, at most n / 2",
        [10, 25, 50, 100, 200, 400],
        min_length=1,
    )
    resamples: int = setting("resamples of the UMAP that are clustered again", 100, ge=0)
    resampling: Literal["subsample", "bootstrap"] = setting(
        "identities (without any: samples) drawn once (subsample) or with replacement (bootstrap: "
        "HDBSCAN takes repeated points for clusters)",
        "subsample",
    )
    resample_share: float = setting("share of the identities in a subsample", 0.8, gt=0, lt=1)


class Lists(Section):
    """Lengths of the ranked lists."""

    creative: int = setting("samples in the list of the highest CLS", 150, ge=1)
    stereotypes: int = setting("samples in the list of the lowest originality", 140, ge=1)
    grey: int = setting("samples in the list of the highest CLS outside of all clusters", 50, ge=1)
    generic_percentile: Percentile = setting(
        "generic samples: uniqueness and originality below this percentile", 25
    )


class Bias(Section):
    """Attribute bias of clusters."""

    definitions: Distinct[Literal["odds", "ratio"]] = setting(
        "of the index: odds ratio, or ratio of the prevalence inside to that of all",
        ["odds", "ratio"],
    )
    by_person: bool = setting(
        "images of one person are a cluster; false: they count as independent", True
    )


class Subniches(Section):
    """Low-density sub-niches of the UMAP."""

    bandwidth: float = setting("bandwidth of the KDE", 0.5, gt=0)
    percentile: Percentile = setting("density percentile of a valley", 20)
    eps: float = setting("radius of DBSCAN", 0.3, gt=0)
    min_samples: int = setting("core size of DBSCAN", 5, ge=1)
    min_points: int = setting("smallest sub-niche", 20, ge=1)


class Quality(Section):
    """How far the results can be trusted: rankings, near-duplicates, linear probes."""

    reference_rows: int = setting("samples for the uniqueness of ICA restarts, at most", 2000, ge=2)
    column_orders: int = setting(
        "other orders of the columns in which the latents are scored again; 0: none", 1, ge=0
    )
    candidates: int = setting(
        "most similar pairs of latents compared as images, beside the nearest of every image",
        2000,
        ge=1,
    )
    near_matches: int = setting("most similar pairs of different photographs listed", 24, ge=0)
    difference: float = setting(
        "most that two aligned images of one photograph differ (1 - structural similarity)",
        0.16,
        ge=0,
        le=1,
    )
    folds: int = setting("folds of the probes' cross-validation", 5, ge=2)
    strength: float = setting("inverse of the probes' L2 penalty, latents scaled", 0.01, gt=0)


class Explorer(Section):
    """results/<study>/explorer.html: one offline page to look at every image."""

    thumbnail: int = setting("longer side in pixels; 0: no images", 64, ge=0, le=256)
    quality: int = setting("WebP quality of thumbnails", 70, ge=1, le=100)
    neighbours: int = setting("per image; at most clusters.neighbors", 12, ge=1, le=50)
    feature_map: bool = setting(
        "alignment: a map by UMAP of the first trained network's features; false: their principal "
        "components",
        True,
    )


class Inference(Section):
    """Intervals, noise ceilings and tests of the comparison with annotators."""

    tau_a: bool = setting("Kendall's tau-a too; as slow as all other measures together", True)
    draws: Draws = setting("bootstrap samples of the images; 0: no intervals", 1000)
    correction: Literal["max-t", "holm", "bh"] = setting(
        "max-t: family-wise error by the joint law of the samples (dissimilarities of several "
        "annotators: holm); holm: by p; bh: FDR",
        "max-t",
    )
    check_images: int = setting("images on which the bootstrap is checked", 1000, ge=20)
    check_draws: int = setting("bootstrap samples of that check", 200, ge=10)
    simulated_datasets: int = setting(
        "simulated data sets at each of seven strengths for the noise ceiling", 3, ge=0
    )
    simulations: int = setting("data sets per model for model recovery; 0: none", 20, ge=0)
    recovery_images: int = setting("images of each of these data sets", 1000, ge=3)
    splits: int = setting("random halves of the votes for annotator equivalents; 0: none", 3, ge=0)


# --- parts of studies ----------------------------------------------------------------------------
class LatentStudy(Section):
    """A study that scores latents."""

    seeds: Seeds = setting("seeds of the study; tables give mean and standard deviation", [0])
    vae: Vae = optional()
    sources: Sources = Field(default_factory=Sources)
    scores: Scores = Field(default_factory=Scores)
    clusters: Clusters = Field(default_factory=Clusters)


class ImageStudy(LatentStudy):
    """A study of latents of real images."""

    lists: Lists = Field(default_factory=Lists)
    bias: Bias = Field(default_factory=Bias)
    quality: Quality = Field(default_factory=Quality)
    explorer: Explorer = Field(default_factory=Explorer)


class IdentityStudy(ImageStudy):
    """A study of images with identities."""

    subniches: Subniches = Field(default_factory=Subniches)
    identity_images: int = setting(
        "images per identity in the identity study; if no identity has as many, the largest ones",
        30,
        ge=4,
    )
    images: Literal["shown", "none"] = setting(
        "none: computed with, but left out of explorer, report, figures and exports", "shown"
    )
