"""Figures over the seeds of a study: VAEs, detection, simulations, stability, probes."""

from functools import partial

from latent_microscope.declarations.where import clustered, of_kind, trained_here, vae
from latent_microscope.planning import runs
from latent_microscope.planning.runs import RESULTS, crop_files
from latent_microscope.registry import ROOT_SEED, Figure

_PLOTS = "latent_microscope.plots"
_BY_SEED = {"labels": runs.seed_labels}


_of_detection = partial(Figure, category="Detection", per="crop_method", where=of_kind("synthetic"))
_of_simulations = partial(Figure, category="Simulations", where=of_kind("simulations"))
_of_study = partial(Figure, category="Forensics", where=clustered)
_of_clusters = partial(_of_study, per="crop", params=_BY_SEED)
_of_vaes = partial(Figure, category="Training", per="crop", params=_BY_SEED)

STUDIES = (
    _of_vaes(
        name="vae_diagnostics",
        title="latent dimensions of the VAE",
        caption=(
            "Latent dimensions of the VAE, sorted. a: KL divergence (nats) and b: variance of the "
            "posterior means. A dimension is active if the variance exceeds 0.01 (Burda et al.); "
            "inactive dimensions carry no information about the image."
        ),
        function=f"{_PLOTS}.vae:plot_vae_diagnostics",
        where=vae,
        inputs={"dimensions": crop_files("dimensions.parquet")},
    ),
    _of_vaes(
        name="vae_checks",
        title="diagnostics of the VAE",
        caption=(
            "Diagnostics of the VAE. a: mean of each latent dimension over images (prior: 0). b: "
            "variance of the aggregated posterior, that of the means plus the mean posterior "
            "variance (prior: 1). c: reconstruction error of each image relative to that of the "
            "best constant image; at 1 the VAE is no better than this baseline. Below: every "
            "check with its limits; the table of diagnostics says what to do about a warning or "
            "an alarm."
        ),
        function=f"{_PLOTS}.vae:plot_vae_checks",
        where=vae,
        inputs={
            "posteriors": crop_files("posterior.parquet"),
            "errors": crop_files("errors.parquet"),
            "diagnostics": crop_files("diagnostics.parquet"),
        },
    ),
    _of_vaes(
        name="training",
        title="training of the VAE",
        caption=(
            "Loss of the autoencoder per image over epochs, and its parts: reconstruction error "
            "(summed over pixels) and KL divergence (nats), weighted by beta; one line per seed."
        ),
        function=f"{_PLOTS}.training:plot_training",
        where=trained_here,
        inputs={"training": crop_files("training.parquet")},
    ),
    _of_detection(
        name="funnel",
        title="the published funnel",
        caption=(
            "Precision, recall and F1 of the published funnel (uniqueness, isolation, stability) "
            "in its four configurations: ours as mean and standard deviation over seeds, and the "
            "published values."
        ),
        function=f"{_PLOTS}.detection:plot_funnel",
        inputs={"funnel": crop_files("funnel-{method}.parquet")},
    ),
    _of_detection(
        name="detectors",
        title="detectors of authentic samples",
        caption=(
            "How well each score separates authentic samples from interpolations: area under the "
            "ROC curve and average precision, mean and standard deviation over seeds; dashed: "
            "chance."
        ),
        function=f"{_PLOTS}.detection:plot_detectors",
        inputs={"detection": crop_files("detection-{method}.parquet")},
    ),
    Figure(
        name="scenarios",
        title="detectors on harder ground truths",
        caption=(
            "Detectors of authentic samples on harder ground truths: noise up to four times the "
            "published one, few interpolations, interpolation weights near 0 and 1, fifty "
            "persons; mean and standard deviation over data seeds. Drawn are our own, the best "
            "others by their mean average precision, uniqueness and stability."
        ),
        category="Detection",
        function=f"{_PLOTS}.detection:plot_scenarios",
        where=of_kind("detection"),
        inputs={"comparison": f"{RESULTS}/tables/comparison.parquet"},
    ),
    _of_simulations(
        name="power",
        title="power of the bias tests",
        caption=(
            "Power of the test of one biased attribute over its odds ratio, alone and adjusted "
            "for a family of attributes, with 95 % intervals over simulated studies. Dashed: 5 %; "
            "star: the requirement of 90 % at odds ratio 1.5, prevalence 0.2 and 500 members."
        ),
        function=f"{_PLOTS}.simulations:plot_power",
        inputs={"power": f"{RESULTS}/tables/power.parquet"},
        params={"attributes": runs.of_study("attributes")},
    ),
    _of_simulations(
        name="calibration",
        title="calibration of the inference",
        caption=(
            "Every method of inference on simulated data sets of a known truth: one dot per cell "
            "of its grid, the share of data sets with a false alarm (nominal: 5 %), that of "
            "intervals that hold the truth (95 %), or the mean bias; orange: outside the band."
        ),
        function=f"{_PLOTS}.simulations:plot_calibration",
        inputs={"calibration": f"{RESULTS}/tables/calibration.parquet"},
    ),
    _of_clusters(
        name="sbs_sizes",
        title="SBS by minimal cluster size",
        caption=(
            "Stereotypical bias score by HDBSCAN's minimal cluster size with its 95 % interval "
            "over resamples[identities:  by person], number of clusters and share of noise. "
            "Dashed: the size that the study uses; crosses, if any: other UMAP seeds at that size."
        ),
        function=f"{_PLOTS}.stability:plot_sbs_sizes",
        inputs={"sbs": crop_files("sbs-sizes.parquet"), "umaps": crop_files("umaps-sbs.parquet")},
    ),
    _of_clusters(
        name="cluster_stability",
        title="stability of clusters",
        caption=(
            "Stability of the clusters. a: adjusted Rand index between clusterings over resamples "
            "and, if there are several, UMAP seeds[vae:  and VAE seeds], with noise as a label of "
            "its own (filled) and over samples clustered in both (open); 0 is chance, below 0.65 "
            "is poor. b: Jaccard index of the best match of every cluster, mean and standard "
            "deviation; clusters below 0.6 are unstable. Of more than 40 clusters the least stable "
            "of each seed are drawn, n of N as the title says."
        ),
        function=f"{_PLOTS}.stability:plot_cluster_stability",
        inputs={
            "resampled": crop_files("resampled-pairs.parquet"),
            "umaps": crop_files("umaps-pairs.parquet"),
            "resampled_clusters": crop_files("resampled-clusters.parquet"),
            "umaps_clusters": crop_files("umaps-clusters.parquet"),
            "clusters": crop_files("clusters.parquet"),
        },
        params={
            **_BY_SEED,
            "seeds": lambda study, at: study.seeds(),
            "root_seed": ROOT_SEED,
        },
    ),
    _of_study(
        name="reliability",
        title="uncertainty of the ranks of samples",
        caption=(
            "Uncertainty of each sample's rank by the main scores. Top: percentile of every "
            "sample (of more than 400: of as many, evenly spaced), ordered by the median (line), "
            "with its range over [vae: VAE seeds and, for uniqueness and CLS, over ]the ICA "
            "restarts[vae:  of each; the dashed band holds 95 % of the percentiles that another "
            "VAE gives to samples of that median. The range over m VAEs holds the value of a "
            "further VAE with a probability of only about (m − 1)/(m + 1)]. Bottom: the same if "
            "they ranked the samples independently of each other. Orange: mostly noise (mean "
            "Spearman correlation between two of them below 0.5), or a list of which another one "
            "repeats less than half. Last line of each note: Spearman correlation with the scores "
            "of the same latents with their columns in another order (stability: with other draws "
            "of its noise), and the share of the list that is found again."
        ),
        function=f"{_PLOTS}.stability:plot_reliability",
        inputs={
            "intervals": f"{RESULTS}/score-intervals.parquet",
            "reliability": f"{RESULTS}/tables/reliability.parquet",
        },
    ),
    _of_study(
        name="probes",
        title="linear probes of every attribute",
        caption=(
            "Linear probes of attributes. a: AUC of logistic regression of each attribute on the "
            "latents of held-out images (five-fold cross-validation[identities: ; no person is in "
            "two folds]), 95 % interval of sampling [identities: persons, ]for training and for "
            "testing[vae: , mean over VAEs]. [images: Orange diamonds: the same from as many "
            "principal components of the pixels; grey bars: from the covariates of the images "
            "(brightness, colour, blur, background, file), else the mean colour. b: latents minus "
            "pixels, paired by image. ]Grey dots: not tested, since there are too few images"
            "[identities:  or persons] with or without the attribute, or the predictions [images: "
            "from latents or pixels ]make no error from which uncertainty could be estimated. "
            "Filled: q ≤ 0.05 (Benjamini-Hochberg over attributes[vae: , the largest over VAEs])."
        ),
        category="Bias",
        function=f"{_PLOTS}.bias:plot_probes",
        needs=frozenset({"attributes"}),
        inputs={
            "probes": f"{RESULTS}/tables/probes.parquet",
            "by_seed": runs.run_files("probes.parquet"),
        },
    ),
)
DUPLICATES = _of_study(
    name="duplicates",
    title="near-duplicates and near matches",
    caption=(
        "Pairs of images to check. a: near-duplicates are one photograph, cropped, mirrored, "
        "brightened, rescaled or compressed, with what was done to it. Perceptual hashes and "
        "latents propose pairs; the pixels decide: after alignment (place, size, mirror image, "
        "brightness) the images differ by δ (0: not at all), less than quality.difference and "
        "less than different images of these data do by chance. b: near matches are the closest "
        "other pairs by latents, c their cosine: different photographs by their pixels. Orange: "
        "the two labels differ, so one is wrong (near-duplicates) or the model does not represent "
        "the difference (near matches)."
    ),
    function=f"{_PLOTS}.pairs:plot_duplicates",
    needs=frozenset({"images"}),
    photographs=True,
    inputs={
        "images": runs.study_images,
        "samples": runs.study_samples,
        "pairs": f"{RESULTS}/tables/duplicates.parquet",
    },
)
