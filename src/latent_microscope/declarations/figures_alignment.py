"""Figures of the comparison with human judgements, in the order of the report."""

from functools import partial

from latent_microscope.declarations.where import profiled, recovered, with_judgements, with_people
from latent_microscope.planning import comparison, networks
from latent_microscope.planning.runs import RESULTS, metric, of_study, study_images, study_samples
from latent_microscope.planning.study import Answer, Study, Wildcards
from latent_microscope.registry import Figure

_PLOTS = "latent_microscope.plots"


def has_philnet(study: Study) -> bool:
    """Whether a PhilNet is trained."""
    return bool(study.models("philnet"))


def no_published_votes(study: Study, at: Wildcards) -> bool:
    """Whether published values are of other votes."""
    return not study.has_published_votes


def names_of(kind: str) -> Answer:
    """The model of each run of a network of this type."""
    return lambda study, at: [model for model, _ in networks.runs_of(study, kind)]


_alignment = partial(Figure, category="Alignment")
_per_metric = partial(_alignment, per="metric", where=with_judgements)
_of_people = partial(_alignment, per="metric", where=with_people)
_of_logits = partial(_alignment, where=with_judgements, needs=frozenset({"logits"}))
_training = partial(Figure, category="Training")

ALIGNMENT = (
    _alignment(
        name="dissimilarity",
        title="similarity to human dissimilarities",
        caption=(
            "rho-a of every model's RDM with the dissimilarities that annotators gave, a mean over "
            "annotators. Lines: 95 % intervals. Of several annotators: thin, over images and "
            "annotators, which generalise to others of both; thick, over images, for these "
            "annotators. Of one matrix: over images. Band: noise ceiling over annotators, from the "
            "agreement of each with the others to that with all.[labels:  Dashed: true label "
            "alone.]"
        ),
        function=f"{_PLOTS}.alignment:plot_dissimilarity",
        needs=frozenset({"dissimilarity"}),
        inputs={"table": f"{RESULTS}/tables/dissimilarity.parquet"},
    ),
    _of_logits(
        name="confusions",
        title="confusion matrices",
        caption=(
            "Confusion matrices of annotators and models (share of answers in % by true class, "
            "logarithmic colour from 0.1 %; models: mean over seeds), and the difference of each "
            "model from the annotators (percentage points)."
        ),
        function=f"{_PLOTS}.behaviour:plot_confusions",
        inputs={"confusions": f"{RESULTS}/confusions.parquet"},
    ),
    _of_logits(
        name="entropy",
        title="entropy of votes and predictions",
        caption=(
            "Entropy of the annotators' votes against entropy of the model's probabilities "
            "(nats), number of images per hexagon, with Spearman's rho."
        ),
        function=f"{_PLOTS}.behaviour:plot_entropy",
        inputs={"images": f"{RESULTS}/images.parquet"},
    ),
    _training(
        name="classifier_training",
        title="training of the classifiers",
        caption=(
            "Loss, accuracy and learning rate of the classifiers over epochs. Test images are "
            "monitored, never used to choose. Training values are those of what is minimised "
            "(augmented images, dropout, smoothed labels if configured), so that a training loss "
            "may exceed the test loss."
        ),
        function=f"{_PLOTS}.training:plot_classifier_training",
        where=lambda study: study.has_judgements and bool(networks.trainings(study)),
        inputs={"training": networks.training_tables},
        params={"labels": networks.trained_models},
    ),
    _training(
        name="compute",
        title="errors and compute",
        caption=(
            "Errors on the test images (one view of each) against the floating-point operations of "
            "the training so far, forward and backward, as torch counts those of convolutions and "
            "matrix products, without the optimizer's; dot: end of training. Triangles: published "
            "recipes for this data (Jordan 2024), which average several views of a test image."
        ),
        function=f"{_PLOTS}.training:plot_compute",
        where=lambda study: study.has_published_votes and bool(networks.trainings(study)),
        inputs={"training": networks.training_tables},
        params={"labels": networks.trained_models},
    ),
    _training(
        name="fold_training",
        title="cross-validated fine-tuning",
        caption=(
            "Cross-entropy (nats) and accuracy of the fine-tuned networks over epochs, on the "
            "training images and on the validation images of each fold, and the number of epochs "
            "that the validation images chose. Held-out images are not used."
        ),
        function=f"{_PLOTS}.training:plot_fold_training",
        where=lambda study: study.has_judgements and bool(study.models("cross_validated")),
        inputs={
            "training": networks.files_of("fold-training.parquet", "cross_validated"),
            "provenance": networks.files_of("provenance.parquet", "cross_validated"),
        },
        params={"models": names_of("cross_validated")},
    ),
    _of_people(
        name="rdms",
        title="RDMs",
        caption=(
            "Representational dissimilarity matrices of all images, as percentiles of each matrix "
            "on one scale; each pixel is the mean over its pairs, grey where nobody judged one. "
            "Images are ordered [labels: by class, or (config key rdm_order: dendrogram) classes "
            "and the images of each ]by average linkage of the annotators' matrix. Of "
            "dissimilarities by several annotators: their mean ranks."
        ),
        function=f"{_PLOTS}.rdms:plot_rdms",
        where=lambda study: with_people(study) and comparison.keeps_rdms(study),
        inputs={
            "human": comparison.human_rdm(".npy"),
            "human_ids": comparison.human_rdm(".ids.parquet"),
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
    _per_metric(
        name="rsa",
        title="similarity to human judgements",
        caption=(
            "Similarity of each model's RDM to that of the annotators' votes, mean over seeds "
            "(dots). a: rho-a over all pairs; b: rho-a over pairs within a class; c: Spearman "
            "correlation with the true label held constant. Whiskers: 95 % intervals over images, "
            "each with its votes, or, as the first lines say, the standard deviation over seeds. "
            "Dashed: true label alone; dotted: noise ceiling, the score of the true responses "
            "against these votes."
        ),
        function=f"{_PLOTS}.alignment:plot_rsa",
        inputs={
            "rsa": f"{RESULTS}/rsa/{{metric}}.parquet",
            "measures": f"{RESULTS}/tables/measures.parquet",
        },
        params={"simulated": no_published_votes, "notes": networks.figure_notes},
    ),
    _of_people(
        name="model_similarity",
        title="similarity between models",
        caption=(
            "Similarity of RDMs. a: Spearman correlation of every two RDMs: annotators, then "
            "models from the most to the least similar to them. b: classical multidimensional "
            "scaling of the distances √(2 − 2ρ) between the ranked RDMs; small dots: single "
            "annotators. Annotators who gave dissimilarities: their mean ranks, to which models "
            "are more similar than to one annotator."
        ),
        function=f"{_PLOTS}.similarity:plot_model_similarity",
        inputs={"similarity": comparison.model_similarities},
        params={"metric": metric, "notes": networks.figure_notes},
    ),
    _per_metric(
        name="classes",
        title="classes",
        caption=(
            "Distances between the classes' mean features (annotators: mean votes) as percentiles "
            "of each matrix, mean over seeds, classes in the order of the annotators' dendrogram; "
            "models that rank nothing (the label) or exactly as the annotators do (class means of "
            "the votes) are left out. Below: classical scaling of each matrix, rotated onto the "
            "annotators' map: classes that are easily confused lie together. ρ: Spearman "
            "correlation with the annotators' distances over all pairs of classes."
        ),
        function=f"{_PLOTS}.similarity:plot_classes",
        inputs={"classes": f"{RESULTS}/rsa/{{metric}}-classes.parquet"},
        params={"notes": networks.figure_notes},
    ),
    _per_metric(
        name="accuracy",
        title="accuracy and alignment with annotators",
        caption=(
            "Error rate of each classifier (% of images) against a: its cross-entropy to the "
            "votes (nats), with a temperature fitted on other images, and b: rho-a of the RDM of "
            "its probabilities (of fine-tuned networks with that temperature) with that of the "
            "votes, with 95 % intervals. Lines lead from a network to its fine-tuned versions, "
            "which show what votes on other images add."
        ),
        function=f"{_PLOTS}.alignment:plot_accuracy",
        where=lambda study: study.has_judgements and bool(comparison.classifiers(study)),
        inputs={"measures": f"{RESULTS}/tables/measures.parquet"},
        params={
            "metric": metric,
            "targets": networks.fold_column("targets"),
            "starts": networks.fold_column("of"),
            "simulated": no_published_votes,
        },
    ),
    _per_metric(
        name="layers",
        title="layer by layer",
        caption=(
            "Similarity of the RDM of each stage of each network to that of the annotators' "
            "votes, on the n images that the first line names (the first of each class). a: rho-a "
            "over all pairs; b: Spearman correlation with the true label held constant. Lines: "
            "true label alone; noise ceiling, the score of the true responses. Below: each "
            "network with the names of its stages. Feature maps are averaged over at most 4 × 4 "
            "fields (config key profile.grid); mean over seeds, bars: standard deviation."
        ),
        function=f"{_PLOTS}.layers:plot_layers",
        where=profiled,
        inputs={"layers": f"{RESULTS}/tables/layers.parquet"},
        params={"metric": metric},
    ),
    _alignment(
        name="leaderboard",
        title="networks by their best layers",
        caption=(
            "Rho-a of each network's best layer with the RDM of the votes, and 95 % intervals over "
            "images. The layer, named at the right, is chosen on half of the images and scored on "
            "the others; hollow: chosen and scored on the same images, which is too good. "
            "Dashed: true label alone; dotted: noise ceiling, the score of the true responses."
        ),
        function=f"{_PLOTS}.layers:plot_leaderboard",
        where=networks.has_leaderboard,
        inputs={
            "leaderboard": f"{RESULTS}/tables/leaderboard.parquet",
            "layers": f"{RESULTS}/tables/layers.parquet",
        },
    ),
    _alignment(
        name="recovery",
        title="model recovery",
        caption=(
            "Votes simulated from each model, as many per image as annotators gave, and the model "
            "to which they are attributed: that with the most similar RDM of predictions. Counts "
            "off the diagonal are models that this comparison cannot separate."
        ),
        function=f"{_PLOTS}.similarity:plot_recovery",
        where=recovered,
        inputs={"recovered": f"{RESULTS}/tables/recovery.parquet"},
    ),
    _alignment(
        name="disputed",
        title="images on which annotators and the model disagree",
        caption=(
            "Images on which the model's probabilities and the annotators' votes differ most "
            "(Jensen-Shannon divergence, nats), with the shares of both in the four classes with "
            "the largest."
        ),
        function=f"{_PLOTS}.behaviour:plot_disputed",
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
        params={"model": comparison.shown_model, "seed": lambda study, at: study.seeds()[0]},
    ),
)
