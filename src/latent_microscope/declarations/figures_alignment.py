"""Figures of the comparison with people, in the order of the report."""

from latent_microscope.declarations.where import judged, profiled, recovered
from latent_microscope.planning import comparison, networks
from latent_microscope.planning.runs import RESULTS, metric, of_study, study_images, study_samples
from latent_microscope.planning.study import Study, Wildcards
from latent_microscope.registry import Figure

RDMS = f"{RESULTS}/rdms/{{metric}}"


def has_philnet(study: Study) -> bool:
    """Whether a PhilNet is trained."""
    return bool(study.models("philnet"))


def judged_philnet(study: Study) -> bool:
    """Whether one is compared with people."""
    return study.is_judged and has_philnet(study)


def in_folds(study: Study) -> bool:
    """Whether one is fine-tuned in folds."""
    return study.is_judged and bool(study.models("folds"))


def classified(study: Study) -> bool:
    """Whether there are classifiers."""
    return study.is_judged and bool(comparison.classifiers(study))


def no_published_votes(study: Study, at: Wildcards) -> bool:
    """Whether published values are of other votes."""
    return not study.has_published_votes


def trained_names(study: Study, at: Wildcards) -> list[str]:
    """Model of each trained PhilNet."""
    return [model for model, _ in networks.runs_of(study, "philnet")]


def fold_names(study: Study, at: Wildcards) -> list[str]:
    """Model of each network in folds."""
    return [model for model, _ in networks.runs_of(study, "folds")]


def first_seed(study: Study, at: Wildcards) -> int:
    """The study's first seed."""
    return study.seeds()[0]


ALIGNMENT = (
    Figure(
        name="dissimilarity",
        title="similarity to people's dissimilarities",
        caption=(
            "Similarity of every model's RDM to the dissimilarities that people gave, with 95 %"
            " intervals over images, the true label alone (dashed) and the noise ceiling over "
            "observers (band)."
        ),
        category="Alignment",
        function="latent_microscope.plots.dissimilarity:plot_dissimilarity",
        needs=frozenset({"dissimilarity"}),
        inputs={"table": f"{RESULTS}/tables/dissimilarity.parquet"},
    ),
    Figure(
        name="confusions",
        title="confusion matrices",
        caption=(
            "Confusion matrices of people and models (share of answers by true class, "
            "logarithmic colour) and their difference."
        ),
        category="Alignment",
        function="latent_microscope.plots.behaviour:plot_confusions",
        where=judged,
        needs=frozenset({"logits"}),
        inputs={"confusions": f"{RESULTS}/confusions.parquet"},
    ),
    Figure(
        name="entropy",
        title="entropy of people and models",
        caption=(
            "Entropy of the human votes against entropy of the model's probabilities, one point"
            " an image, with Spearman's rho."
        ),
        category="Alignment",
        function="latent_microscope.plots.behaviour:plot_entropy",
        where=judged,
        needs=frozenset({"logits"}),
        inputs={"images": f"{RESULTS}/images.parquet"},
    ),
    Figure(
        name="classifier_training",
        title="training of the classifiers",
        caption=(
            "Loss, accuracy and learning rate of the classifiers over the epochs. The test "
            "images are watched, never used to choose. The training values are of what is "
            "minimised (augmented images, dropout, smoothed labels where the config asks for "
            "them), so that a training loss may lie above the test loss."
        ),
        category="Training",
        function="latent_microscope.plots.training:plot_classifier_training",
        where=judged_philnet,
        inputs={"training": networks.files_of("training.parquet", "philnet")},
        params={"labels": trained_names},
    ),
    Figure(
        name="fold_training",
        title="fine-tuning in folds",
        caption=(
            "Cross-entropy and accuracy of the fine-tuned networks on the images they are "
            "trained on and on the inner images of their folds, and the number of epochs that "
            "the inner images chose. Held-out images play no part in it."
        ),
        category="Training",
        function="latent_microscope.plots.folds:plot_fold_training",
        where=in_folds,
        inputs={
            "training": networks.files_of("fold-training.parquet", "folds"),
            "provenance": networks.files_of("provenance.parquet", "folds"),
        },
        params={"models": fold_names},
    ),
    Figure(
        name="rdms",
        title="RDMs",
        caption=(
            "Representational dissimilarity matrices of all images, as percentiles of each "
            "matrix on one scale; each pixel is the mean over its pairs. Images are ordered by "
            "class, or (config key rdm_order: dendrogram) classes and the images within each by"
            " average linkage of people's matrix."
        ),
        category="Alignment",
        function="latent_microscope.plots.rdms:plot_rdms",
        per="metric",
        where=judged,
        inputs={
            "human": f"{RDMS}/human.npy",
            "human_ids": f"{RDMS}/human.ids.parquet",
            "models": comparison.drawn_rdms(".npy"),
            "model_ids": comparison.drawn_rdms(".ids.parquet"),
            "samples": study_samples,
        },
        params={
            "labels": comparison.drawn_names,
            "order": of_study("rdm_order"),
            "notes": networks.figure_notes,
        },
        memory="pair",
    ),
    Figure(
        name="rsa",
        title="similarity to humans",
        caption=(
            "Spearman correlation of each model's RDM with that of the human vote "
            "distributions, mean over seeds (dots). a: all pairs; b: true label held constant; "
            "c: pairs within a class. Whiskers as the first line says: 95 % intervals over "
            "images and votes where the table of measures gives them, else the standard "
            "deviation over seeds. The dashed line is what the true label alone reaches; bands "
            "are estimated noise ceilings."
        ),
        category="Alignment",
        function="latent_microscope.plots.alignment:plot_rsa",
        per="metric",
        where=judged,
        inputs={
            "rsa": f"{RESULTS}/rsa/{{metric}}.parquet",
            "measures": f"{RESULTS}/tables/measures.parquet",
        },
        params={"simulated": no_published_votes, "notes": networks.figure_notes},
    ),
    Figure(
        name="model_similarity",
        title="model by model",
        caption=(
            "a: Spearman correlation of every two RDMs, people first, then models from the most"
            " to the least like people. b: classical multidimensional scaling of the distances "
            "√(2 − 2ρ) between the ranked RDMs."
        ),
        category="Alignment",
        function="latent_microscope.plots.alignment:plot_model_similarity",
        per="metric",
        where=judged,
        inputs={"similarity": f"{RESULTS}/rsa/{{metric}}-models.parquet"},
        params={"metric": metric, "notes": networks.figure_notes},
    ),
    Figure(
        name="classes",
        title="classes",
        caption=(
            "Distances between the classes' mean features (people: mean votes) as percentiles "
            "of each matrix, mean over seeds, classes in the order of people's dendrogram; "
            "models that rank nothing (the label) or exactly as people do (class means of the "
            "votes) are left out. Below, classical scaling of each matrix into a plane, rotated"
            " onto people's map: classes that are hard to tell apart lie together. ρ: Spearman "
            "correlation with people's distances over all pairs of classes."
        ),
        category="Alignment",
        function="latent_microscope.plots.classes:plot_classes",
        per="metric",
        where=judged,
        inputs={"classes": f"{RESULTS}/rsa/{{metric}}-classes.parquet"},
        params={"notes": networks.figure_notes},
    ),
    Figure(
        name="accuracy",
        title="accuracy and likeness to people",
        caption=(
            "Errors of each classifier against its cross-entropy to the votes and against the "
            "similarity of its RDM to people's: whether more accurate means more human, and "
            "what votes on other images add."
        ),
        category="Alignment",
        function="latent_microscope.plots.accuracy:plot_accuracy",
        per="metric",
        where=classified,
        inputs={"measures": f"{RESULTS}/tables/measures.parquet"},
        params={
            "metric": metric,
            "targets": networks.fold_column("targets"),
            "starts": networks.fold_column("of"),
            "simulated": no_published_votes,
        },
    ),
    Figure(
        name="layers",
        title="layer by layer",
        caption=(
            "Spearman correlation of the RDM of each stage of each network with that of the "
            "human vote distributions, on the images that the first line names (the first ones "
            "of each class). a: all pairs; b: true label held constant. The dashed line is what"
            " the true label alone reaches, the bands are noise ceilings estimated from halves "
            "of the votes of the same images. Below, each network with the names of its stages."
            " Feature maps are averaged over at most 4 × 4 fields (config key profile.grid); "
            "mean over seeds, bars: standard deviation."
        ),
        category="Alignment",
        function="latent_microscope.plots.layers:plot_layers",
        per="metric",
        where=profiled,
        inputs={"layers": f"{RESULTS}/tables/layers.parquet"},
        params={"metric": metric},
    ),
    Figure(
        name="recovery",
        title="model recovery",
        caption=(
            "Model recovery: votes simulated from each model, as many an image as people gave, "
            "and the model whose RDM of predictions they are most like. Counts off the diagonal"
            " are models that this comparison cannot tell apart."
        ),
        category="Alignment",
        function="latent_microscope.plots.recovery:plot_recovery",
        where=recovered,
        inputs={"recovered": f"{RESULTS}/tables/recovery.parquet"},
    ),
    Figure(
        name="disputed",
        title="images that people and the model read differently",
        caption=(
            "Images on which the model's probabilities and the human votes differ most "
            "(Jensen-Shannon divergence), with both distributions."
        ),
        category="Alignment",
        function="latent_microscope.plots.behaviour:plot_disputed",
        where=has_philnet,
        photographs=True,
        inputs={
            "pixels": study_images,
            "samples": study_samples,
            "votes": f"{RESULTS}/data/votes.parquet",
            "images": f"{RESULTS}/images.parquet",
            "logits": comparison.shown_file("logits.npy"),
            "features": comparison.shown_file("features.parquet"),
        },
        params={"model": comparison.shown_model, "run": first_seed},
    ),
)
