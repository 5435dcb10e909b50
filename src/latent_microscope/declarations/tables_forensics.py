"""Tables of detection, simulations, scores, bias and clusters, in the order of the report."""

from functools import partial

from latent_microscope.calibration import PARTS
from latent_microscope.declarations.where import clustered, has_vae, of_kind, scored, vae
from latent_microscope.planning import runs, scores
from latent_microscope.planning.runs import RESULTS, run_files, run_method_files, run_seeds
from latent_microscope.registry import ROOT_SEED, Table

_RUNS = {"crops": runs.run_crops, "seeds": run_seeds}
_SCENARIOS = {"scenarios": runs.run_crops, "seeds": run_seeds}
_METHODS = {
    "methods": runs.run_methods,
    "seeds": runs.run_method_seeds,
    "crops": runs.run_method_crops,
}
_SCORES = {"scores": run_files("scores-intended.parquet"), "more": scores.more}


_of_clusters = partial(Table, where=clustered)
_of_images = partial(_of_clusters, needs=frozenset({"images"}))
_of_attributes = partial(_of_clusters, needs=frozenset({"attributes"}))
_of_custom_latents = partial(
    Table,
    where=lambda study: study.is_of("custom") and study.has_forensics,
    needs=frozenset({"attributes"}),
)
_of_simulations = partial(Table, where=of_kind("simulations"))
_of_detection = partial(Table, where=of_kind("detection"), params=_SCENARIOS)
_synthetic = partial(Table, where=of_kind("synthetic"), params=_METHODS)

FORENSICS = (
    _of_detection(
        name="comparison",
        title="comparison of detectors",
        caption=(
            "Our detector, those of PyOD at their defaults, kNN density and every single "
            "heuristic on ground truths of increasing difficulty: mean and standard deviation "
            "over data seeds. ``f1``: threshold by the same kind of rule for all; ``f1_oracle``: "
            "by the threshold that is best given the truth. ``…_difference``: ours minus this "
            "one, paired by seed, with a 95 % interval."
        ),
        function="latent_microscope.tables.detection:tabulate_comparison",
        inputs={"by_seed": run_files("comparison.parquet")},
    ),
    _of_detection(
        name="search",
        title="the funnel at its best",
        caption=(
            "The published funnel over a grid of its parameters. Each data seed is tested at the "
            "configuration that is best on all other seeds; ``f1_own`` is the best of any "
            "configuration on the tested seed itself, ``f1_all`` that of calling every sample "
            "authentic."
        ),
        function="latent_microscope.tables.detection:tabulate_search",
        inputs={"by_seed": run_files("search.parquet")},
    ),
    _of_simulations(
        name="power",
        title="power",
        caption=(
            "Power of the test of one biased attribute over odds ratio, prevalence and cluster "
            "size: alone (p ≤ 0.05) and adjusted by Benjamini-Hochberg within a family of "
            "attributes of which it is the only biased one."
        ),
        made_by="simulate_power",
    ),
    _of_simulations(
        name="calibration",
        title="calibration of the inference",
        caption=(
            "Every method of inference on simulated data sets with a known truth, by cell of its "
            "grid: share of false alarms, coverage of the intervals, bias or power, the share of "
            "data sets in which it says that no answer is available, the nominal value with its "
            "binomial band, simultaneous over the cells, and whether the cell lies outside."
        ),
        function="latent_microscope.tables.calibration:tabulate_calibration",
        inputs={
            "parts": lambda study, at: [
                f"results/{study.name}/calibration/{part}.parquet" for part in PARTS
            ]
        },
    ),
    _synthetic(
        name="funnel",
        title="funnel",
        caption=(
            "The published funnel: true and false positives, precision, recall and F1 of each "
            "configuration, mean and standard deviation over seeds, and the published values."
        ),
        function="latent_microscope.tables.forensics:tabulate_funnel",
        inputs={"funnels": run_method_files("funnel-{method}.parquet")},
    ),
    _synthetic(
        name="detectors",
        title="detectors",
        caption=(
            "Every score and detector of authentic samples against interpolations: area under the "
            "ROC curve, average precision and F1."
        ),
        function="latent_microscope.tables.forensics:tabulate_detectors",
        inputs={"detections": run_method_files("detection-{method}.parquet")},
    ),
    _of_custom_latents(
        name="attributes",
        title="attributes",
        caption=(
            "How every column of the user's attribute table was encoded as 0/1 attributes: one "
            "column per category (none where there are too many), numbers split at their median or "
            "at a threshold of the config."
        ),
        made_by="encode_attributes",
        output="report",
    ),
    _of_custom_latents(
        name="class-probes",
        title="probes of many classes",
        caption=(
            "One linear probe of all classes per attribute of three classes or more: the nearest "
            "class mean in the metric of the covariance within classes (shrunk), on held-out "
            "samples[identities:  (no person in two folds)]. Accuracy, beside the share of the "
            "largest class; balanced accuracy (mean over classes, all equally likely), beside "
            "chance; 95 % intervals for probes trained on as many other samples[identities:  "
            "(persons)] and tried on new ones; q of no relation, from folds predicted by the folds "
            "before them. Tested are classes with samples in two folds.[images:  ``…_partial``: "
            "the latents without what is linear in the covariates of the images.]"
        ),
        function="latent_microscope.tables.quality:tabulate_class_probes",
        inputs={"probes": run_files("class-probes.parquet")},
        params={"seeds": run_seeds},
    ),
    _of_custom_latents(
        name="correlations",
        title="numeric attributes and scores",
        caption=(
            "Spearman correlation of every numeric attribute (not split) with the scores: 95 % "
            "interval and p on Fisher's scale[identities: , people being the clusters], q by "
            "Benjamini-Hochberg within a seed.[images:  ``partial``: with the covariates of the "
            "images (brightness, colour, blur, background, file) held constant, of ranks.]"
        ),
        function="latent_microscope.custom.correlations:tabulate_correlations",
        heavy=True,
        inputs={
            "numbers": f"{RESULTS}/data/numbers.parquet",
            "samples": f"{RESULTS}/data/samples.parquet",
            "pixels": runs.pixel_file,
            **_SCORES,
        },
        params={"measured": scores.tested, "seeds": run_seeds},
    ),
    Table(
        name="forensics",
        title="forensics",
        caption=(
            "Facts about the latent space and the scores, mean and standard deviation over seeds."
        ),
        where=scored,
        function="latent_microscope.tables.forensics:tabulate_forensics",
        inputs={
            "summaries": run_files("summary-intended.parquet"),
            "dimensions": run_files("dimensions.parquet", has_vae),
            "sbs": run_files("sbs.parquet", clustered),
        },
        params=_RUNS,
    ),
    _of_attributes(
        name="bias",
        title="bias",
        caption=(
            "Attributes whose odds ratio in a cluster differs from 1 after Benjamini-Hochberg "
            "correction, with 95 % interval and q; *direction*: neutral within published limits."
        ),
        function="latent_microscope.tables.forensics:tabulate_bias",
        inputs={"abis": run_files("abi.parquet"), "profiles": run_files("profile.parquet")},
        params={"seeds": run_seeds},
    ),
    _of_attributes(
        name="bias-tests",
        title="bias, all tests",
        caption=(
            "Every attribute of every cluster, of C_max and of every sub-niche that was tested, "
            "for each seed and by both definitions: bias index, 95 % interval, p and q. Status "
            '"untestable": not available, since fewer than 7 images[identities: , or people who '
            "by their shares of the images count as fewer (Kish),] are in the group or outside; "
            '"constant": all samples have the attribute, or none.'
        ),
        made_by="tabulate_bias",
        output="tests",
    ),
    _of_images(
        name="cluster-pixels",
        title="pixels of the clusters",
        caption=(
            "Covariates of the images in every cluster, C_max and sub-niche against all others: "
            "brightness, contrast, saturation (mean chroma), hue (red minus blue; green minus "
            "magenta), blur (-log10 of the variance of the Laplacian), the same light and hue of "
            "the background (a frame along the border); of the user's files their size, shape, "
            "ending and folder. ``d``: Cohen's standardised difference with a 95 % interval and "
            "p,[identities:  images of one person as a cluster;] q by Benjamini-Hochberg within "
            'the group. Status "untestable": fewer than 7 samples[identities: , or people who by '
            "their shares of the images count as fewer (Kish),] are in the group or outside."
        ),
        function="latent_microscope.tables.pixels:tabulate_cluster_pixels",
        heavy=True,
        inputs={
            "clusters": run_files("clusters.parquet"),
            "pixels": runs.pixel_file,
            "samples": runs.study_samples,
            "subniches": run_files(
                "subniches.parquet", lambda study: study.is_of("faces", "custom")
            ),
        },
        params={"seeds": run_seeds, "by_person": runs.of_study("bias", "by_person")},
    ),
    _of_images(
        name="pixel-correlations",
        title="pixels and scores",
        caption=(
            "Spearman correlation of every covariate of the images (brightness, colour, blur, "
            "background, file) with the scores: 95 % interval and p on Fisher's scale"
            "[identities: , people being the clusters], q by Benjamini-Hochberg within a seed. "
            "``explained``: adjusted R² of the ranks of a score by those of all covariates "
            "together, at chance 0."
        ),
        function="latent_microscope.tables.pixels:tabulate_pixel_correlations",
        heavy=True,
        inputs={"pixels": runs.pixel_file, "samples": runs.study_samples, **_SCORES},
        params={"measured": scores.tested, "seeds": run_seeds},
    ),
    _of_clusters(
        name="rankings",
        title="rankings",
        caption=(
            "Spearman correlation of each score between [vae: VAEs of different ]seeds: how far a "
            "ranking repeats."
        ),
        function="latent_microscope.tables.forensics:tabulate_rankings",
        heavy=True,
        inputs=_SCORES,
        params={"measured": scores.every, "seeds": run_seeds},
    ),
    _of_clusters(
        name="sbs",
        title="stereotypical bias score (SBS)",
        caption=(
            "Stereotypical bias score (share of all samples in the largest cluster) by HDBSCAN's "
            "minimal cluster size, with a 95 % interval from subsamples[identities:  of persons] "
            "on the same UMAP. Subsamples are drawn without replacement, since the repeated points "
            "of a bootstrap sample look like clusters to HDBSCAN. The interval is a delete-d "
            "jackknife of every cluster's share, simultaneous over clusters; empty without a "
            "cluster. ``umap_low``, ``umap_high``: range over UMAP seeds at the size that is used."
        ),
        made_by="tabulate_clusters",
        function="latent_microscope.tables.cluster_stability:tabulate_clusters",
        heavy=True,
        inputs={
            "sbs": run_files("sbs-sizes.parquet"),
            "umaps_sbs": run_files("umaps-sbs.parquet"),
            "resampled": run_files("resampled-pairs.parquet"),
            "umaps": run_files("umaps-pairs.parquet"),
            "resampled_clusters": run_files("resampled-clusters.parquet"),
            "umaps_clusters": run_files("umaps-clusters.parquet"),
            "clusters": run_files("clusters.parquet"),
        },
        params={**_RUNS, "root_seed": ROOT_SEED},
        output="curve",
    ),
    _of_clusters(
        name="cluster-stability",
        title="cluster stability",
        caption=(
            "Agreement of clusterings over subsamples and UMAP seeds[vae:  and VAE seeds]: "
            "adjusted Rand index (ARI) and adjusted mutual information, with noise as a label of "
            "its own and over the samples clustered in both; the baseline is the ARI of shuffled "
            "labels. Warning: the mean ARI is below 0.65."
        ),
        made_by="tabulate_clusters",
        output="stability",
    ),
    _of_clusters(
        name="cluster-jaccard",
        title="stability of every cluster",
        caption=(
            "Stability of every cluster: mean Jaccard index of its best match over subsamples and "
            "UMAP seeds (Hennig 2007). Clusters below 0.6 are unstable, from 0.75 stable; the "
            "baseline is the same with shuffled labels."
        ),
        made_by="tabulate_clusters",
        output="jaccard",
    ),
    _of_clusters(
        name="reliability",
        title="reliability",
        caption=(
            "How far rankings repeat over [vae: VAE seeds (with the chosen ICA restart of each), "
            "over ]the ICA restarts[vae:  within a VAE, over both], and over orders of the columns "
            "of the same latents, which mean nothing (stability: over draws of its noise). "
            "Spearman over pairs, Kendall's W with its value by chance (1/m), intra-class "
            "correlation ICC(C,1) of percentiles with a 95 % interval over images[vae: , about "
            "these VAEs and no others], and that of the mean over all replicates, share and "
            'Jaccard index of the ranked list that repeats with chance. Status "mostly noise": '
            "mean Spearman below 0.5, so that more than half of the variance of a ranking is not "
            'shared; "list mostly noise": another replicate repeats less than half of the list; '
            '"unknown": one replicate.'
        ),
        function="latent_microscope.tables.reliability:tabulate_reliability",
        heavy=True,
        inputs={
            **_SCORES,
            "restarts": run_files("restart-scores.parquet"),
            "columns": runs.column_scores,
        },
        params={
            "seeds": run_seeds,
            "lists": scores.lists,
            "alpha": runs.of_study("scores", "alpha"),
            "root_seed": ROOT_SEED,
        },
        more={"intervals": f"{RESULTS}/score-intervals.parquet"},
    ),
    Table(
        name="diagnostics",
        title="diagnostics",
        caption=(
            "Diagnostics of the VAEs over their seeds: active units (Burda et al.), KL against "
            "the ln n nats that identify one of n images, reconstruction error against the best "
            "constant image, match of the aggregated posterior with the prior, saturated "
            "posterior variances. Status is the worst of the seeds (ok, warning, alarm), with the "
            "seeds concerned, the limits, what the value means and what to do. After an alarm the "
            "workflow continues, but scores, clusters and bias of that VAE should not be "
            "interpreted."
        ),
        where=vae,
        needs=frozenset({"vae"}),
        function="latent_microscope.tables.quality:tabulate_diagnostics",
        inputs={"diagnostics": run_files("diagnostics.parquet")},
        params=_RUNS,
    ),
    _of_clusters(
        name="duplicates",
        title="near-duplicates and near matches",
        caption=(
            "Near-duplicates and near matches: ids, [images: what was done to the one image "
            "(cropped, mirrored, brightness …), what proposed the pair (perceptual hashes, "
            "latents), ]labels, attributes in which two copies differ (one of them is wrong), "
            "[images: difference of structure (0 to 2) and of colour (grey levels) of the aligned "
            "images, root mean square difference of the pixels as they are, bits of 128 in which "
            "the hashes differ, ]cosine and distance of the latents[vae:  (mean over VAE seeds), "
            "number of seeds that found the pair], number of pairs that were compared, and what to "
            "do. Copies of one share a group. Where latents alone are compared, they do not show "
            "that two samples are one."
        ),
        function="latent_microscope.tables.duplicates:tabulate_duplicates",
        heavy=True,
        inputs={
            "duplicates": run_files("duplicates.parquet"),
            "samples": runs.study_samples,
            "attributes": runs.attribute_file,
        },
        params={"seeds": run_seeds, "pictures": lambda study, at: "images" in study.parts},
    ),
    _of_attributes(
        name="probes",
        title="probes",
        caption=(
            "Linear probes of every attribute: AUC of logistic regression on the latents of "
            "held-out images[identities:  (no person in two folds)][vae:  over VAE seeds], 95 % "
            "interval for probes trained on as many other images[identities:  of other persons] "
            "(DeLong's placements[identities:  summed within persons], and the variance of "
            "training), q against 0.5[images: , the AUC from as many principal components of the "
            "pixels, from the mean colour and from the covariates of the images (brightness, "
            "colour, blur, background, file), the gain of the latents over the pixels with "
            "interval and q, and ``auc_partial``: the latents without what is linear in the "
            'covariates (regressed out within folds)]. Status "few": not available, needs at least '
            '20 images[identities:  and people] with and without the attribute; "separated": no '
            "fold has both."
        ),
        function="latent_microscope.tables.quality:tabulate_probes",
        inputs={"probes": run_files("probes.parquet")},
        params={"seeds": run_seeds},
    ),
)
