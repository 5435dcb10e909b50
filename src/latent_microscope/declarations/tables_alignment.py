"""Tables of the comparison with human judgements, and of the files of a custom study."""

from functools import partial

from latent_microscope.declarations.where import of_kind, profiled, recovered, with_judgements
from latent_microscope.planning import comparison, networks
from latent_microscope.planning.runs import RESULTS, of_study, study_samples
from latent_microscope.registry import ROOT_SEED, Table

_VOTES = {
    "simulated": of_study("simulated_votes"),
    "published": lambda study, at: study.has_published_votes,
}
_with_judgements = partial(Table, where=with_judgements)
_custom = partial(Table, where=of_kind("custom"))
_dissimilarity = partial(Table, needs=frozenset({"dissimilarity"}), made_by="compare_dissimilarity")
_bootstrapped = partial(
    Table, where=lambda study: study.has_judgements and bool(study.settings["inference"]["draws"])
)

JUDGEMENTS = (
    _with_judgements(
        name="alignment",
        title="alignment",
        caption=(
            "Similarity of models to human judgements by layer, with the label-only baseline, the "
            "noise ceiling and published values."
        ),
        function="latent_microscope.tables.alignment:tabulate_alignment",
        inputs={"rsa": comparison.rsa_tables},
        params={**_VOTES, "notes": networks.notes},
    ),
    _with_judgements(
        name="behaviour",
        title="behaviour",
        caption=(
            "Accuracy, cross-entropy to the votes (nats), divergences, second-best accuracy, "
            "entropy correlation and error consistency."
        ),
        function="latent_microscope.tables.alignment:tabulate_behaviour",
        inputs={"behaviour": f"{RESULTS}/behaviour.parquet"},
        params=_VOTES,
    ),
    _with_judgements(
        name="measures",
        title="all measures",
        caption=(
            "Every measure of every model: value, 95 % intervals over images and over images and "
            "votes, noise ceilings (halves of the votes; simulated truths), the baseline, and how "
            "many votes per image the score is worth."
        ),
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
            "label": lambda study, at: study.models("label")[0],
            "simulated": of_study("simulated_votes"),
            "notes": networks.notes,
        },
    ),
    _with_judgements(
        name="models",
        title="models",
        caption=(
            "One row per model and layer: mean and standard deviation over seeds of all measures, "
            "and annotator equivalents of the first seed."
        ),
        made_by="tabulate_measures",
        output="models",
    ),
    _with_judgements(
        name="ceilings",
        title="noise ceilings",
        caption=(
            "Noise ceilings of every measure: the score of the true responses, simulated from the "
            "votes, against exactly these votes, with its standard deviation or why there is none; "
            "beside it halves of the votes against each other, and their Spearman-Brown value."
        ),
        made_by="tabulate_measures",
        output="all_ceilings",
    ),
    _custom(
        name="files",
        title="files",
        caption=(
            "The files of this study, what they were taken for and how they were joined: by id, or "
            "by position where a file has no ids; *alone*: ids that only this file has; *missing*: "
            "ids of other files that are missing in it or whose row has an empty cell."
        ),
        made_by="match_ids",
        output="files",
    ),
    _custom(
        name="unmatched",
        title="ids that do not match",
        caption=(
            "Ids that are missing in some file, and in which; no other table or figure uses them."
        ),
        made_by="match_ids",
        output="unmatched",
    ),
    _dissimilarity(
        name="dissimilarity",
        title="similarity to human dissimilarities",
        caption=(
            "Similarity of every model's RDM to the dissimilarities that annotators gave, a mean "
            "over annotators: Spearman, Pearson and rho-a with 95 % intervals over images and "
            "annotators crossed (Schütt et al. 2023; over images where there is one matrix), over "
            "images alone (bootstrap) and over annotators alone (Student's t); [labels: the true "
            "label alone, Spearman with the label partialled out, ]and the noise ceiling over "
            "annotators (Nili et al. 2014). n_pairs: pairs that someone judged; n_missing: "
            "judgements that are missing."
        ),
    ),
    _dissimilarity(
        name="dissimilarity-differences",
        title="differences of similarity to human dissimilarities",
        caption=(
            "Paired differences of rho-a of all models[labels:  and the true label], with "
            "intervals as those of the similarities. p: Student's t with the variance over images "
            "and annotators, adjusted by Holm (one matrix: bootstrap over images, max-t; config "
            "key inference.correction); beside it p over images and over annotators (paired t "
            "test)."
        ),
        where=lambda study: bool(study.settings["inference"]["draws"]),
        output="differences",
    ),
    _dissimilarity(
        name="dissimilarity-annotators",
        title="agreement of annotators",
        caption=(
            "rho-a of every annotator's dissimilarities with what the others, and all, have in "
            "common (mean ranks), whose means are the two ends of the noise ceiling; the most "
            "similar model; pairs that were judged."
        ),
        output="annotators",
    ),
)
INFERENCE = (
    _bootstrapped(
        name="differences",
        title="differences between models",
        caption=(
            "Paired differences of rho-a of all networks: bootstrap intervals over images and p "
            "values, adjusted for their number. They are about these networks, not their kinds."
        ),
        made_by="tabulate_inference",
        function="latent_microscope.tables.intervals:tabulate_inference",
        inputs={
            "differences": comparison.of_metrics("differences"),
            "check": comparison.of_metrics("check"),
            "of_kinds": comparison.of_metrics("kinds"),
        },
    ),
    _bootstrapped(
        name="kinds",
        title="differences between kinds of networks",
        caption=(
            "Differences of the mean rho-a over training seeds: intervals over images and, for "
            "kinds with at least three seeds, over seeds; Holm's p. With fewer seeds they are "
            "about these networks."
        ),
        made_by="tabulate_inference",
        output="kinds",
    ),
    _bootstrapped(
        name="bootstrap-check",
        title="check of the bootstrap",
        caption=(
            "The bootstrap of the intervals and one that ranks every resample anew, on some of "
            "the images."
        ),
        made_by="tabulate_inference",
        output="checks",
    ),
    Table(
        name="recovery",
        title="model recovery",
        caption=(
            "Model recovery: votes simulated from each model, and the model with the most similar "
            "RDM of predictions."
        ),
        where=recovered,
        made_by="recover_models",
    ),
    Table(
        name="networks",
        title="networks",
        caption=(
            "Networks that are not trained here: library, name, where their weights come from and "
            "their hash, and how images are prepared for them."
        ),
        where=networks.has_built,
        function="latent_microscope.tables.layers:tabulate_networks",
        inputs={"networks": networks.described},
        params={"models": networks.built_models, "seeds": networks.built_seeds},
    ),
    Table(
        name="leaderboard",
        title="networks by their best layers",
        caption=(
            "Rho-a of each network's best layer with the RDM of the votes: the layer is chosen on "
            "one half of the images and scored on the other, mean over 20 halvings and both "
            "halves; 95 % intervals from samples of the images, each halved and chosen from anew. "
            "The layer that most halves choose, and its score where it is chosen and scored on the "
            "same images, which is too good."
        ),
        where=networks.has_leaderboard,
        made_by="compare_layers",
        output="leaderboard",
    ),
    Table(
        name="leaderboard-differences",
        title="differences between networks' best layers",
        caption=(
            "Paired differences of the scores of the leaderboard (first minus second network): "
            "intervals over images, p values, and p values adjusted for all pairs."
        ),
        where=networks.has_leaderboard,
        made_by="compare_layers",
        output="differences",
    ),
    Table(
        name="layers",
        title="layers",
        caption=(
            "Similarity to human judgements of every stage of every network on a subset of the "
            "images: rho-a over all pairs and within classes, Spearman over all pairs and with the "
            "label held constant, mean and standard deviation over seeds, with noise ceilings of "
            "the same images."
        ),
        where=profiled,
        function="latent_microscope.tables.layers:tabulate_layers",
        inputs={
            "profiles": networks.of_profiled(".parquet"),
            "votes": f"{RESULTS}/data/votes.parquet",
            "samples": study_samples,
        },
        params={
            "wanted": of_study("profile", "images"),
            "splits": of_study("ceiling_splits"),
            "root_seed": ROOT_SEED,
            "notes": networks.notes,
        },
        threads=True,
        heavy=True,
    ),
)
