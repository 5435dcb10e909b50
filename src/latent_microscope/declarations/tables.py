"""The tables of a study, in the order of the report."""

from latent_microscope.declarations.where import (
    bootstrapped,
    clustered,
    has_vae,
    judged,
    of_kind,
    profiled,
    recovered,
    scored,
)
from latent_microscope.planning import comparison, networks, scores
from latent_microscope.planning.runs import (
    RESULTS,
    attribute_file,
    of_study,
    run_files,
    run_method_files,
    run_method_seeds,
    run_method_views,
    run_methods,
    run_seeds,
    run_views,
    study_samples,
)
from latent_microscope.planning.study import Study, Wildcards
from latent_microscope.registry import ROOT_SEED, Table


def published_votes(study: Study, at: Wildcards) -> bool:
    """Whether published values are of these images and votes."""
    return study.has_published_votes


def label_model(study: Study, at: Wildcards) -> str:
    """The model that knows the true label."""
    return study.models("label")[0]


own = of_kind("own")


def own_latents(study: Study) -> bool:
    """A study of one's own whose latents are analysed."""
    return own(study) and study.has_forensics


def has_vae_to_check(study: Study) -> bool:
    """A VAE whose health is told: of a detection study it is in the comparison."""
    return study.has_vae and study.kind != "detection"


TABLES = (
    Table(
        name="alignment",
        title="alignment",
        caption=(
            "Similarity to human judgements by model and layer, with the label-only baseline, "
            "the noise ceiling and published values."
        ),
        where=judged,
        function="latent_microscope.tables.alignment:tabulate_alignment",
        inputs={"rsa": comparison.rsa_tables},
        params={
            "simulated": of_study("simulated_votes"),
            "published": published_votes,
            "notes": networks.notes,
        },
    ),
    Table(
        name="behaviour",
        title="behaviour",
        caption=(
            "Accuracy, cross-entropy to the votes, divergences, second-best accuracy, entropy "
            "correlation and error consistency."
        ),
        where=judged,
        function="latent_microscope.tables.alignment:tabulate_behaviour",
        inputs={"behaviour": f"{RESULTS}/behaviour.parquet"},
        params={"simulated": of_study("simulated_votes"), "published": published_votes},
    ),
    Table(
        name="measures",
        title="all measures",
        caption=(
            "Every measure of every model: value, 95 % intervals over images and over images "
            "and votes, noise ceilings (halves of the votes; simulated truths), the baseline, "
            "and how many votes an image the score is worth."
        ),
        where=judged,
        function="latent_microscope.tables.measures:tabulate_measures",
        inputs={
            "rsa": comparison.rsa_tables,
            "ceilings": comparison.of_metrics("ceilings"),
            "behaviour": f"{RESULTS}/behaviour.parquet",
            "intervals": comparison.interval_tables,
            "equivalents": comparison.equivalent_tables,
        },
        params={
            "metrics": of_study("metrics"),
            "label": label_model,
            "simulated": of_study("simulated_votes"),
            "notes": networks.notes,
        },
    ),
    Table(
        name="models",
        title="models",
        caption=(
            "One row a model and layer: mean and standard deviation over runs of all measures, "
            "and annotator equivalents of the first run."
        ),
        where=judged,
        made_by="tabulate_measures",
        output="models",
    ),
    Table(
        name="ceilings",
        title="noise ceilings",
        caption=(
            "Noise ceilings of every measure: halves of the votes with the Spearman-Brown "
            "estimate, and what a perfect model scores in simulated worlds beside what that "
            "estimate says there."
        ),
        where=judged,
        made_by="tabulate_measures",
        output="all_ceilings",
    ),
    Table(
        name="files",
        title="files",
        caption=(
            "The files of this study and how they were joined: by id, or by position where a "
            "file has no ids; *alone*: ids of a file that another one lacks; *lacking*: ids of "
            "the others that it lacks, or whose row has an empty cell."
        ),
        where=own,
        made_by="match_ids",
        output="files",
    ),
    Table(
        name="unmatched",
        title="ids that do not match",
        caption="Ids that some file lacks, and which; they are in no other table or figure.",
        where=own,
        made_by="match_ids",
        output="unmatched",
    ),
    Table(
        name="dissimilarity",
        title="similarity to people's dissimilarities",
        caption=(
            "Similarity of every model's RDM to the dissimilarities that people gave: Spearman,"
            " Pearson and rho-a with 95 % intervals over images, the true label alone, Spearman"
            " with the label partialled out, and the noise ceiling over observers where there "
            "is more than one matrix (Nili et al. 2014)."
        ),
        needs=frozenset({"dissimilarity"}),
        made_by="compare_dissimilarity",
    ),
    Table(
        name="comparison",
        title="comparison of detectors",
        caption=(
            "Our detector, PyOD's at their defaults, kNN density and every single heuristic on "
            "ground truths of growing difficulty: mean and standard deviation over data seeds. "
            "``f1``: threshold by the same kind of rule for all; ``f1_oracle``: by the "
            "threshold that the truth would choose. ``…_difference``: ours minus this one, "
            "paired by seed, with a 95 % interval."
        ),
        where=of_kind("detection"),
        function="latent_microscope.tables.detection:tabulate_comparison",
        inputs={"runs_found": run_files("comparison.parquet")},
        params={"settings": run_views, "seeds": run_seeds},
    ),
    Table(
        name="search",
        title="the funnel at its best",
        caption=(
            "The published funnel over a grid of its parameters. Each data seed is tested at "
            "the configuration that is best on all other seeds; ``f1_own`` is the best that any"
            " configuration reaches on the tested seed itself, ``f1_all`` that of calling "
            "everything authentic."
        ),
        where=of_kind("detection"),
        function="latent_microscope.tables.detection:tabulate_search",
        inputs={"runs_found": run_files("search.parquet")},
        params={"settings": run_views, "seeds": run_seeds},
    ),
    Table(
        name="null",
        title="null",
        caption=(
            "Share of simulated studies with any rejection at q ≤ 0.05 although no attribute "
            "has to do with any cluster, by procedure and family; the limit is the 99 % "
            "binomial limit of 5 %. The last procedure ignores that images share people, and is"
            " shown to fail."
        ),
        where=of_kind("simulations"),
        made_by="simulate_null",
    ),
    Table(
        name="coverage",
        title="coverage",
        caption=(
            "How often the 95 % intervals of odds ratio, ratio of prevalences and risk "
            "difference hold the truth in simulated studies, by cluster size, prevalence and "
            "odds ratio; and how often p ≤ 0.05 agrees with the interval."
        ),
        where=of_kind("simulations"),
        made_by="simulate_coverage",
    ),
    Table(
        name="power",
        title="power",
        caption=(
            "Power of the test of one biased attribute over odds ratio, prevalence and cluster "
            "size: alone (p ≤ 0.05) and adjusted by Benjamini-Hochberg within a family of "
            "attributes of which it is the only biased one."
        ),
        where=of_kind("simulations"),
        made_by="simulate_power",
    ),
    Table(
        name="funnel",
        title="funnel",
        caption=(
            "The published funnel: true and false positives, precision, recall and F1 in each "
            "configuration, mean and standard deviation over seeds, beside the published "
            "values."
        ),
        where=of_kind("synthetic"),
        function="latent_microscope.tables.forensics:tabulate_funnel",
        inputs={"funnels": run_method_files("funnel-{method}.parquet")},
        params={"methods": run_methods, "runs": run_method_seeds, "views": run_method_views},
    ),
    Table(
        name="detectors",
        title="detectors",
        caption="Every score and detector on the question authentic or interpolation.",
        where=of_kind("synthetic"),
        function="latent_microscope.tables.forensics:tabulate_detectors",
        inputs={"detections": run_method_files("detection-{method}.parquet")},
        params={"methods": run_methods, "runs": run_method_seeds, "views": run_method_views},
    ),
    Table(
        name="attributes",
        title="attributes",
        caption=(
            "How every column of the user's attribute table became 0/1 attributes: categories "
            "one column each, numbers cut at their median or at a threshold of the config."
        ),
        where=own_latents,
        needs=frozenset({"attributes"}),
        made_by="encode_attributes",
        output="report",
    ),
    Table(
        name="correlations",
        title="numeric attributes and scores",
        caption=(
            "Spearman correlation of every numeric attribute, as it is and not cut in two, with"
            " the scores: 95 % interval and p by a bootstrap of people (of samples where people"
            " are not known), q by Benjamini-Hochberg over a run."
        ),
        where=own_latents,
        needs=frozenset({"attributes"}),
        function="latent_microscope.custom.correlations:tabulate_correlations",
        inputs={
            "numbers": f"{RESULTS}/data/numbers.parquet",
            "samples": f"{RESULTS}/data/samples.parquet",
            "scores": run_files("scores-intended.parquet"),
            "more": scores.more,
        },
        params={"measured": scores.tested, "runs": run_seeds, "seed": ROOT_SEED},
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
        params={"views": run_views, "runs": run_seeds},
    ),
    Table(
        name="bias",
        title="bias",
        caption=(
            "Attributes that are over- or under-represented in a cluster after "
            "Benjamini-Hochberg correction, with odds ratio, 95 % interval and q."
        ),
        where=clustered,
        needs=frozenset({"attributes"}),
        function="latent_microscope.tables.forensics:tabulate_bias",
        inputs={"abis": run_files("abi.parquet"), "profiles": run_files("profile.parquet")},
        params={"runs": run_seeds},
    ),
    Table(
        name="bias-tests",
        title="bias, all tests",
        caption=(
            "Every attribute of every cluster, of C_max and of every sub-niche that was tested,"
            " in each run and by both definitions: bias index, interval, p and q."
        ),
        where=clustered,
        needs=frozenset({"attributes"}),
        made_by="tabulate_bias",
        output="tests",
    ),
    Table(
        name="rankings",
        title="rankings",
        caption=(
            "Spearman correlation of each score between VAEs of different seeds: what of a "
            "ranking repeats."
        ),
        where=clustered,
        function="latent_microscope.tables.forensics:tabulate_rankings",
        inputs={"scores": run_files("scores-intended.parquet"), "more": scores.more},
        params={"measured": scores.every, "runs": run_seeds},
    ),
    Table(
        name="sbs",
        title="sbs",
        caption=(
            "Stereotypical bias score (share of all samples in the largest cluster) by "
            "HDBSCAN's minimal cluster size, with a 95 % interval from subsamples of people on "
            "the same UMAP plane. Subsamples are drawn without replacement, since the repeated "
            "points of a bootstrap sample look like clusters to HDBSCAN; deviations are scaled "
            "by the delete-d jackknife's factor."
        ),
        where=clustered,
        made_by="tabulate_clusters",
        function="latent_microscope.tables.cluster_stability:tabulate_clusters",
        inputs={
            "sbs": run_files("sbs-sizes.parquet"),
            "resampled": run_files("resampled-pairs.parquet"),
            "planes": run_files("planes-pairs.parquet"),
            "resampled_clusters": run_files("resampled-clusters.parquet"),
            "planes_clusters": run_files("planes-clusters.parquet"),
            "clusters": run_files("clusters.parquet"),
        },
        params={"views": run_views, "runs": run_seeds, "seed": ROOT_SEED},
        output="curve",
    ),
    Table(
        name="cluster-stability",
        title="cluster stability",
        caption=(
            "Agreement of clusterings over subsamples, UMAP seeds and VAE seeds: adjusted Rand "
            "index (ARI) and adjusted mutual information, with noise as a label of its own and "
            "over the points clustered in both; the baseline is the ARI of shuffled labels. A "
            "warning where the mean ARI is below 0.65."
        ),
        where=clustered,
        made_by="tabulate_clusters",
        output="stability",
    ),
    Table(
        name="cluster-jaccard",
        title="cluster jaccard",
        caption=(
            "Stability of every cluster: mean Jaccard index of its best match over subsamples "
            "and UMAP seeds (Hennig 2007). Below 0.6 a cluster is not to be trusted, from 0.75 "
            "it is stable; the baseline is the same against shuffled labels."
        ),
        where=clustered,
        made_by="tabulate_clusters",
        output="jaccard",
    ),
    Table(
        name="reliability",
        title="reliability",
        caption=(
            "How far rankings repeat, over VAE seeds (with the chosen ICA restart of each), "
            "over the ICA restarts within a VAE, and over both. Spearman over pairs, Kendall's "
            "W beside its value by chance (1/m), intra-class correlation ICC(C,1) of "
            "percentiles with 95 % interval and that of the mean over all replicates, share and"
            ' Jaccard index of the ranked list that repeats beside chance. Status "mostly '
            "noise\": mean Spearman below 0.5, so that more than half of a ranking's variance is"
            ' not shared; "list mostly noise": another replicate repeats less than half of the '
            'list; "unknown": one replicate.'
        ),
        where=clustered,
        function="latent_microscope.tables.reliability:tabulate_reliability",
        inputs={
            "scores": run_files("scores-intended.parquet"),
            "more": scores.more,
            "restarts": run_files("restart-scores.parquet"),
        },
        params={
            "runs": run_seeds,
            "lists": scores.lists,
            "alpha": of_study("scores", "alpha"),
            "seed": ROOT_SEED,
        },
        more={"intervals": f"{RESULTS}/score-intervals.parquet"},
    ),
    Table(
        name="health",
        title="health",
        caption=(
            "Checks of the VAEs over their seeds: active units (Burda et al.), KL against the "
            "ln n nats that tell n images apart, reconstruction error against the best constant"
            " image, match of the aggregated posterior with the prior, saturated posterior "
            "variances. Status is the worst of the runs (ok, warning, alarm), with the runs "
            "concerned, the limits, what the value means and what to do. An alarm stops "
            "nothing: it says that scores, clusters and bias of that VAE should not be read."
        ),
        where=has_vae_to_check,
        needs=frozenset({"vae"}),
        function="latent_microscope.tables.quality:tabulate_health",
        inputs={"healths": run_files("health.parquet")},
        params={"views": run_views, "runs": run_seeds},
    ),
    Table(
        name="duplicates",
        title="duplicates",
        caption=(
            "Near-duplicate images and look-alikes with ids, labels, attributes in which two "
            "copies of one photograph differ (one of them is wrong), correlation of details, "
            "root mean square difference of the pixels, cosine and distance of the latents "
            "(mean over VAE seeds), in how many runs the pair was found, and what to do. Pairs "
            "of one photograph share a group."
        ),
        where=clustered,
        function="latent_microscope.tables.duplicates:tabulate_duplicates",
        inputs={
            "duplicates": run_files("duplicates.parquet"),
            "samples": study_samples,
            "attributes": attribute_file,
        },
        params={"runs": run_seeds, "pictures": lambda study, at: "images" in study.parts},
    ),
    Table(
        name="probes",
        title="probes",
        caption=(
            "Linear probes of every attribute: AUC of logistic regression on the latents of "
            "held-out images (no person in two folds) over VAE seeds, interval by DeLong's "
            "placements summed within people, q against 0.5, the AUC from as many principal "
            "components of the pixels and from the mean colour, and the gain of the latents "
            "over the pixels with interval and q."
        ),
        where=clustered,
        needs=frozenset({"attributes"}),
        function="latent_microscope.tables.quality:tabulate_probes",
        inputs={"probes": run_files("probes.parquet")},
        params={"runs": run_seeds},
    ),
    Table(
        name="differences",
        title="differences between models",
        caption=(
            "Paired differences of the Spearman correlations of all models: bootstrap intervals"
            " and p values, adjusted for their number."
        ),
        where=bootstrapped,
        made_by="tabulate_inference",
        function="latent_microscope.tables.intervals:tabulate_inference",
        inputs={
            "differences": comparison.of_metrics("differences"),
            "check": comparison.of_metrics("check"),
        },
    ),
    Table(
        name="bootstrap-check",
        title="check of the bootstrap",
        caption=(
            "The bootstrap of the intervals beside one that ranks every sample anew, on some of"
            " the images."
        ),
        where=bootstrapped,
        made_by="tabulate_inference",
        output="checks",
    ),
    Table(
        name="recovery",
        title="model recovery",
        caption=(
            "Model recovery: votes simulated from each model, and the model whose RDM of "
            "predictions they are most like."
        ),
        where=recovered,
        made_by="recover_models",
    ),
    Table(
        name="layers",
        title="layers",
        caption=(
            "Similarity to human judgements of every stage of every network on a subset of the "
            "images: Spearman correlation over all pairs, with the label held constant and "
            "within classes, mean and standard deviation over seeds, with noise ceilings of the"
            " same images."
        ),
        where=profiled,
        function="latent_microscope.tables.layers:tabulate_layers",
        inputs={
            "profiles": networks.profiles,
            "votes": f"{RESULTS}/data/votes.parquet",
            "samples": f"{RESULTS}/data/test/samples.parquet",
        },
        params={
            "wanted": of_study("profile", "images"),
            "splits": of_study("ceiling_splits"),
            "seed": ROOT_SEED,
            "notes": networks.notes,
        },
        threads=True,
    ),
)
