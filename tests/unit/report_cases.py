"""Numbers for which a sentence of the report is said, and others for which it is not."""

from typing import Any, NamedTuple

from latent_microscope.published import CLUSTER_BIAS, KIND

Rows = list[dict[str, Any]]


class Case(NamedTuple):
    """A template, changes of rows of the tables, and what must and must not be said."""

    template: str
    tables: dict[str, Rows]
    said: str
    unsaid: str


_MODEL = {"layer": "features", "metric": "euclidean", "label_only": 0.5, "note": "", "mean": 0.3}
_MODEL |= {"above_label": -0.2, "within_class_rho_a": 0.02, "model": "net"}
_VOTES = {"model": "net", "accuracy_mean": 0.9, "cross_entropy_mean": 0.3, "temperature_mean": 1.0}
_VOTES |= {"cross_entropy_calibrated_mean": 0.3, "entropy_spearman_mean": 0.7}
_NAN = float("nan")
_MEASURED = {"model": "net", "measure": "rho_a", "metric": "euclidean", "low": 0.1, "high": 0.2}
_MEASURED |= {"equivalents_text": "not available"}
_SURVIVOR = {"seed": 0, "group": "cluster 0", "attribute": "Hat", "direction": "over", "q": 0.01}
_SURVIVOR |= {"magnitude": "small", "cohens_h": 0.4, "seeds_found": 1, "n_seeds": 1}
_TEST = _SURVIVOR | {"definition": "odds", "status": "ok"}
_STABLE = {"source": "resamples", "seed": 0, "verdict": "stable"}
_WEAK = _STABLE | {"verdict": "unstable", "cluster": 9}
_SBS = {"configured": True, "share": 0.6, "low": 0.5, "high": 0.7, "n_clusters": 3}
_SCENARIO = {"best_baseline": True, "detector": "cls", "family": "scores"}
_OURS = {"best_baseline": False, "detector": "detect_authentic", "family": "ours"}
_AP = "average_precision_interpolations_difference_"
_DETECTOR = {"crop": "whole", "method": "intended", "baseline_roc_auc": 0.5}
_CHECK = {
    "crop": "whole",
    "check": "error_ratio",
    "status": "ok",
    "seeds_not_ok": "",
    "meaning": "error",
}
_PAIR = {"p_adjusted": 0.5, "p": 0.5, "difference": 0.1, "correction": "holm"}
_FUNNEL = {"crop": "whole", "method": "intended", "baseline_precision": 0.2, "precision_mean": 0.1}
_STAGE = {"metric": "euclidean", "model": "net", "label_only": 0.5}
_POWER = {"odds_ratio": 1.5, "members": 500, "prevalence": 0.2, "people": "single"}
_RANKED = {"score": "cls", "mean": 0.8, "n": 3}
_RECOVERED = {"metric": "euclidean", "n_simulations": 20, "count": 20}
_CLASSES = {"attribute": "town", "classes": 120, "tested_classes": 120, "samples": 2000}
_CLASSES |= {"tested": 2000, "q": 0.01, "status": "ok", "majority": 0.1, "chance": 0.01}
_CLASSES |= dict.fromkeys(("accuracy_mean", "low", "high", "accuracy_pixels"), 0.5)
_CLASSES |= {f"balanced_{name}": 0.5 for name in ("mean", "low", "high", "pixels")}
_PIXELS = {"seed": 0, "group": "cluster 3", "n_members": 40, "covariate": "red_minus_blue"}
_PIXELS |= {"d": -1.9, "low": -2.4, "high": -1.4, "q": 0.001, "status": "ok"}
_EXPLAINED = {"seed": 0, "score": "cls", "covariate": "blur", "spearman": 0.3, "q": 0.01}
_EXPLAINED |= {"low": 0.2, "high": 0.4, "explained": 0.214}
_AGE = {"seed": 0, "attribute": "age", "score": "cls", "spearman": -0.4, "low": -0.5, "high": -0.3}
_AGE |= {"q": 0.01, "partial": 0.02, "partial_low": -0.1, "partial_high": 0.14}
_WITHOUT_PIXELS = {"attribute": "Hat", "q": 0.01, "auc_mean": 0.8, "baseline": 0.5}
_WITHOUT_PIXELS |= {"gain_q": _NAN, "gain_mean": _NAN, "auc_pixels": _NAN}
_AGREED = {"source": "UMAP seeds", "ari_mean": 0.8, "verdict": "ok"}
_LAYER = {"metric": "euclidean", "mean": 0.3, "label_only": 0.259, "ceiling": 0.967}
_ATTRIBUTE = {"attribute": "Hat", "q": 0.9, "gain_q": 0.9, "baseline": 0.5}


_JUDGED = {"model": "net", "metric": "euclidean", "method": "rho-a", "value": 0.5, "low": 0.4}
_JUDGED |= {"high": 0.6, "low_images": 0.4, "high_images": 0.6, "low_annotators": 0.45}
_JUDGED |= {"high_annotators": 0.55, "label_only": 0.3, "partial_label": _NAN, "status": ""}
_JUDGED |= {"ceiling_lower": 0.55, "ceiling_upper": 0.7, "ceiling_status": "", "n_images": 40}
_JUDGED |= {"generalises_to": "images and annotators", "annotators_status": "", "n_observers": 12}
_JUDGED |= {"n_pairs": 780, "n_missing": 0}
_GAP = {"model_a": "net", "model_b": "true label", "metric": "euclidean", "difference": 0.2}
_GAP |= {"p_adjusted": 0.01, "p_images": 0.01, "p_annotators": 0.01, "correction": "holm"}
_GAP |= {"n_images": 40, "n_pairs": 780, "generalises_to": "images", "annotators_status": ""}
_GAP |= dict.fromkeys(("low", "high", "low_images", "high_images"), 0.1)
_GAP |= dict.fromkeys(("low_annotators", "high_annotators"), 0.1)
_AGREED = {"annotator": 1, "metric": "euclidean", "status": "", "with_others": 0.6}
_AGREED |= {"with_all": 0.7, "best_model": "net", "best_value": 0.5, "n_pairs": 780, "n_missing": 0}


def _judged(*changes: dict[str, Any], gaps: Rows | None = None) -> dict[str, Rows]:
    """Similarities of models to dissimilarities by three methods, and paired tests."""
    rows = [
        _JUDGED | {"method": m} | one for m in ("spearman", "pearson", "rho-a") for one in changes
    ]
    return {"dissimilarity": rows} | ({} if gaps is None else {"dissimilarity_differences": gaps})


def _stages(best: int) -> Rows:
    names = ("input", "middle", "last")
    return [
        _STAGE | {"layer": name, "position": k, "depth": 2, "value_mean": 0.9 if k == best else 0.1}
        for k, name in enumerate(names)
    ]


def _led(p: float, best: float = 0.5) -> dict[str, Rows]:
    row = {"low": 0.4, "high": 0.6, "layer": "last", "chosen": 0.9, "layers": 3, "best": best}
    row |= {"metric": "euclidean", "n_images": 200}
    pair = {"model_a": "b", "model_b": "a", "difference": -0.2, "p_adjusted": p}
    return {
        "leaderboard": [
            row | {"model": "a", "score": 0.5},
            row | {"model": "b", "score": 0.3, "best": 0.3},
        ],
        "leaderboard_differences": [pair, pair | {"model_b": "b", "model_a": "c"}],
    }


def _recovered(*shares: float) -> Rows:
    names = [f"net{k}" for k in range(len(shares))]
    return [
        _RECOVERED | {"model": a, "attributed": b, "share": share if a == b else 0.0}
        for a, share in zip(names, shares, strict=True)
        for b in names
    ]


def _bars(factor: float) -> Rows:
    """One cluster with the preprint's odds ratios, times a factor."""
    test = {"seed": 0, "group": "cluster 0", "definition": "odds", "q": 0.01}
    return [
        test | {"attribute": name, "low": 0.9 * factor * value, "high": 1.1 * factor * value}
        for name, value in CLUSTER_BIAS.items()
    ]


CASES = (
    Case("alignment", {"alignment": [_MODEL | {"note": "two views"}]}, "net (two views),", "None"),
    Case(
        "alignment",
        {"alignment": [_MODEL, _MODEL | {"metric": "cosine", "within_class_rho_a": 0.4}]},
        "Cosine distances: net",
        "at most 0.400",
    ),
    Case("alignment", {"alignment": [_MODEL | {"within_class_rho_a": _NAN}]}, "net", "Within"),
    Case(
        "alignment",
        {"alignment": [_MODEL | {"ceiling_status": "soft labels"}]},
        "a noise ceiling is not available (soft labels).",
        "true responses",
    ),
    Case("behaviour", {"behaviour": [{"model": "human"}]}, "No model of this study", "lowest"),
    Case(
        "behaviour",
        {
            "behaviour": [
                _VOTES,
                {"model": "uniform", "cross_entropy_mean": 2.303},
                {"model": "human", "accuracy_mean": 0.95},
            ]
        },
        "uniform predictions give 2.303",
        "hardly",
    ),
    Case(
        "behaviour",
        {"behaviour": [_VOTES, {"model": "human", "accuracy_mean": 0.95}]},
        "(net); that of a single human vote 95.0 %",
        "uniform predictions",
    ),
    Case(
        "behaviour",
        {
            "behaviour": [
                _VOTES | {"entropy_spearman_mean": _NAN, "cross_entropy_calibrated_mean": _NAN},
                {"model": "label", "cross_entropy_mean": 0.1},
                {"model": "class_mean", "cross_entropy_mean": 0.2},
            ]
        },
        "Below it are the baselines label (0.100), class_mean (0.200).",
        "disagree",
    ),
    Case(
        "behaviour",
        {"behaviour": [_VOTES, _VOTES | {"model": "class_mean", "entropy_spearman_mean": 0.14}]},
        "are largely those on which annotators disagree: the highest Spearman correlation of the "
        "entropies is 0.70 (net); that of the mean votes of the class 0.14.",
        "partly",
    ),
    Case(
        "behaviour",
        {
            "behaviour": [_VOTES | {"entropy_spearman_mean": 0.1}],
            "measures": [
                {"model": "net", "layer": "probabilities", "measure": "entropy_spearman"}
                | {"metric": "", "low": -0.03, "high": 0.23}
            ],
        },
        "are hardly those on which annotators disagree: the highest Spearman correlation of the "
        "entropies is 0.10 (net, 95 % interval -0.03 to 0.23).",
        "mean votes",
    ),
    Case(
        "bias",
        {"bias_tests": [_SURVIVOR | {"definition": "odds"}], "bias": [_SURVIVOR]},
        "Only one latent space: whether another one shows any",
        "seeds",
    ),
    Case(
        "cluster-jaccard",
        {"cluster_jaccard": [*[_STABLE | {"cluster": k} for k in range(6)], _WEAK]},
        "6 of 7 clusters are stable over resamples (Jaccard index of 0.75 or more); not cluster 9",
        "cluster 5",
    ),
    Case(
        "cluster-jaccard",
        {"cluster_jaccard": [_STABLE | {"cluster": 4}, *[_WEAK] * 7]},
        "1 of 8 clusters is stable over resamples (Jaccard index of 0.75 or more): cluster 4",
        "more.",
    ),
    Case(
        "cluster-jaccard",
        {
            "cluster_jaccard": [
                *[_WEAK] * 7,
                *[_STABLE] * 7,
                _WEAK | {"source": "UMAP seeds", "verdict": "unknown"},
            ]
        },
        "7 of 14 clusters are stable over resamples (Jaccard index of 0.75 or more); not cluster 9",
        "UMAP seeds",
    ),
    Case(
        "clusters",
        {"cluster_stability": [{"source": "resamples", "ari_mean": 0.01}], "sbs": [_SBS]},
        "Clusterings over resamples agree no better than chance",
        "poorly",
    ),
    Case(
        "clusters",
        {
            "cluster_stability": [{"source": "resamples", "ari_mean": 0.3, "verdict": "poor"}],
            "sbs": [_SBS],
        },
        "agree poorly: adjusted",
        "chance:",
    ),
    Case(
        "clusters",
        {
            "cluster_stability": [
                {"source": "VAE seeds", "ari_mean": mean, "verdict": verdict}
                for mean, verdict in ((0.3, "poor"), (0.8, "good"))
            ],
            "sbs": [_SBS],
        },
        "agree for some seeds and poorly for others: adjusted",
        "Only one latent space",
    ),
    Case(
        "comparison",
        {
            "comparison": [
                row | {"scenario": name, f"{_AP}low": low, f"{_AP}high": low + 0.1}
                for name, low in (("a", 0.1), ("b", -0.05))
                for row in (_SCENARIO, _OURS)
            ]
        },
        "better on a; no significant difference on b.",
        "worse",
    ),
    Case(
        "detectors",
        {
            "detectors": [
                _DETECTOR | {"detector": "cls", "roc_auc_mean": 0.8},
                _DETECTOR | {"detector": "norm", "roc_auc_mean": 0.1},
            ]
        },
        "1 of 2 rank authentic samples below interpolations (AUC more than 0.1 below chance): no",
        "one run",
    ),
    Case(
        "detectors",
        {
            "detectors": [
                _DETECTOR | {"detector": name, "roc_auc_mean": 0.8, "n": 1}
                for name in ("cls", "same")
            ]
        },
        "cls has the highest ROC AUC of authentic samples against interpolations (0.800",
        "below",
    ),
    Case("diagnostics", {"diagnostics": [_CHECK]}, "All 1 checks are within", "crops"),
    Case(
        "diagnostics",
        {"diagnostics": [_CHECK | {"check": "held_out_gap", "mean": 1.234}]},
        "Images that the VAE was not trained on have 1.23 times the",
        "Alarm",
    ),
    Case(
        "diagnostics",
        {"diagnostics": [_CHECK, _CHECK | {"crop": "eyes"}]},
        "All 2 checks of 2 crops are within",
        "Alarm",
    ),
    Case(
        "diagnostics",
        {"diagnostics": [_CHECK, _CHECK | {"status": "warning", "seeds_not_ok": ""}]},
        "1 of 2 checks warns;",
        "seed",
    ),
    Case(
        "diagnostics",
        {"diagnostics": [_CHECK, *[_CHECK | {"status": "warning", "seeds_not_ok": ""}] * 2]},
        "2 of 3 checks warn;",
        "warns",
    ),
    Case(
        "bias",
        {"bias_tests": [_TEST, _TEST | {"status": "untestable"}], "bias": []},
        "none of 1 test in 1 group survives correction",
        "2 tests in",
    ),
    Case(
        "bias",
        {"bias_tests": [_TEST, _TEST | {"status": "untestable"}], "bias": [_SURVIVOR]},
        "1 of 1 test in 1 group survives correction within its group",
        "of 2 tests in",
    ),
    Case(
        "diagnostics",
        {"diagnostics": [_CHECK | {"status": "alarm", "seeds_not_ok": "3", "alarm": 0.5}]},
        "Alarm: 1 check of 1 failed.",
        "none advises",
    ),
    Case(
        "differences",
        {
            "differences": [_PAIR | {"model_a": "net", "model_b": "other"}],
            "kinds": [{"generalises_to": KIND, "p_adjusted": 0.01}],
        },
        "0 of 1 pair of layers of networks differ over images",
        "nothing here is about kinds",
    ),
    Case(
        "differences",
        {
            "differences": [_PAIR | {"model_b": "label", "p_adjusted": 0.01}],
            "kinds": [{"generalises_to": "these networks"}],
            "measures": [{"n_draws": 199}],
        },
        "No two kinds of networks have three training seeds each",
        "pairs of kinds",
    ),
    Case(
        "differences",
        {"differences": [_PAIR | {"p": 0.04}, _PAIR]},
        "the smallest possible p, 0.04, times 2 pairs is 0.08",
        "kinds",
    ),
    Case(
        "duplicates",
        {"duplicates": [{"verdict": "near-duplicate", "group": 0, "same": "yes"}]},
        "1 pair of samples, in 1 group, shows one image.",
        "labels differ",
    ),
    Case(
        "duplicates",
        {"duplicates": [{"verdict": "near match", "same": "no"}] * 2},
        "No duplicate found. Of all other pairs the 2 most similar are listed",
        "identical",
    ),
    Case(
        "forensics",
        {"forensics": [{"quantity": "overlaps_total", "mean": 1.0}]},
        "1 pair of latents (mean over seeds) has a",
        "pairs",
    ),
    Case(
        "forensics",
        {"forensics": [{"quantity": "overlaps_total", "mean": 0.0}]},
        "No pairs of latents",
        "Uniqueness",
    ),
    Case(
        "forensics",
        {
            "forensics": [
                {"quantity": "overlaps_total", "mean": 1234.0},
                {"quantity": "active_dimensions", "mean": 7.0},
                {"quantity": "dimensions", "mean": 32.0},
                {"quantity": "spearman_uniqueness_originality", "mean": 0.1},
            ]
        },
        "7 of 32 latent dimensions carry information. Uniqueness and originality have a",
        "variant",
    ),
    Case(
        "funnel",
        {"funnel": [_FUNNEL | {"tp_mean": 0.0, "f1_mean": 0.0}]},
        "No configuration selects an authentic sample.",
        "The best F1",
    ),
    Case(
        "funnel",
        {"funnel": [_FUNNEL | {"tp_mean": 2.0, "fp_mean": 1.0, "f1_mean": 0.5}]},
        "The best F1 is 50.0 %, from 2.0 authentic",
        "No configuration",
    ),
    Case(
        "ceilings",
        {"ceilings": [{"measure": "rho_a", "ceiling": _NAN, "status": "soft labels"}]},
        "No noise ceiling is available: soft labels.",
        "perfect",
    ),
    Case(
        "ceilings",
        {"ceilings": [{"measure": "rho_a", "ceiling": 0.7, "status": ""}]},
        "A perfect model would score 0.700",
        "available",
    ),
    Case(
        "measures",
        {"measures": [_MEASURED | {"ceiling_status": "soft labels"}]},
        "Noise ceilings that are missing are not available: soft labels. Nor can scores",
        "contains 0:",
    ),
    Case(
        "measures",
        {"measures": [_MEASURED | {"ceiling_status": "few", "equivalents_text": "3"}]},
        "are not available: few.",
        "Nor can",
    ),
    Case(
        "dissimilarity",
        _judged({}, {"model": "far", "value": 0.2}, gaps=[_GAP, _GAP | {"model_b": "far"}]),
        "net has the highest similarity to the 12 annotators: rho-a 0.500 (0.400 to 0.600 over "
        "images and annotators).",
        "not shown",
    ),
    Case(
        "dissimilarity",
        _judged(
            {},
            {"model": "near", "value": 0.45},
            gaps=[_GAP, _GAP | {"model_b": "near", "p_adjusted": 0.2}],
        ),
        "not shown to be lower: near.",
        "no model is shown",
    ),
    Case(
        "dissimilarity",
        _judged({}, gaps=[_GAP]),
        "net has a similarity to the 12 annotators",
        "highest",
    ),
    Case(
        "dissimilarity",
        _judged({}, gaps=[_GAP]),
        "Closer to the 12 annotators than the label alone (adjusted p ≤ 0.05): net.",
        "not beyond chance",
    ),
    Case(
        "dissimilarity",
        _judged({}, gaps=[_GAP | {"p_adjusted": 0.3}]),
        "No model is shown to be closer to the 12 annotators than the label alone. Above the "
        "label, but not beyond chance: net.",
        "adjusted p",
    ),
    Case(
        "dissimilarity",
        _judged({"value": 0.2}, gaps=[_GAP | {"difference": -0.1}]),
        "No model is shown to be closer to the 12 annotators than the label alone.",
        "not beyond chance",
    ),
    Case(
        "dissimilarity",
        _judged({"label_only": _NAN}, gaps=[]),
        "net has a similarity",
        "label alone",
    ),
    Case(
        "dissimilarity",
        _judged({"low": _NAN, "high": _NAN, "status": "not available: no bootstrap samples"}),
        "Above the label alone, without a test: net.",
        "The interval of",
    ),
    Case("dissimilarity", _judged({}), "The interval of net reaches the lower end.", "lies below"),
    Case(
        "dissimilarity",
        _judged({"ceiling_lower": 0.65}),
        "agree with what the others have in common at 0.650, its lower end, and no model can be "
        "above 0.700. The interval of net lies below the lower end.",
        "reaches the lower",
    ),
    Case(
        "dissimilarity",
        _judged({"metric": "euclidean"}, {"metric": "cosine", "value": 0.1}),
        "Cosine distances: net has a similarity to the 12 annotators: rho-a 0.100",
        "missing",
    ),
    Case(
        "dissimilarity",
        _judged({"metric": "euclidean"}, {"metric": "cosine", "high": 0.5}),
        "The interval of net reaches the lower end (euclidean distances). The interval of net lies "
        "below the lower end (cosine distances).",
        "not available",
    ),
    Case(
        "dissimilarity",
        _judged({"n_observers": 1, "ceiling_status": "not available: needs at least 2 annotators"}),
        "net has a similarity to the human dissimilarities: rho-a 0.500",
        "Noise ceiling:",
    ),
    Case(
        "dissimilarity",
        _judged({"n_observers": 1, "ceiling_status": "not available: needs at least 2 annotators"}),
        "A noise ceiling is not available: needs at least 2 annotators.",
        "no model can be",
    ),
    Case(
        "dissimilarity",
        _judged({"n_missing": 1300, "n_pairs": 779}),
        "1,300 of 9,360 judgements are missing; nobody judged 1 pair.",
        "pairs.",
    ),
    Case(
        "dissimilarity",
        _judged({"n_missing": 1300}),
        "1,300 of 9,360 judgements are missing.",
        "nobody",
    ),
    Case(
        "dissimilarity",
        _judged({"n_missing": 1300}),
        "and with what all have in common at 0.700, its upper end.",
        "no model can",
    ),
    Case("dissimilarity-differences", {"dissimilarity_differences": []}, "no two models", "differ"),
    Case(
        "dissimilarity-differences",
        {"dissimilarity_differences": [_GAP, _GAP | {"p_adjusted": 0.06}]},
        "1 of 2 pairs of models and the true label differs in similarity to the annotators' "
        "dissimilarities over images (adjusted p ≤ 0.05).",
        "no two",
    ),
    Case(
        "dissimilarity-differences",
        {"dissimilarity_differences": [_GAP | {"model_b": "far"}] * 2},
        "2 of 2 pairs of models differ in similarity",
        "label",
    ),
    Case(
        "dissimilarity-differences",
        {"dissimilarity_differences": [_GAP, _GAP | {"metric": "cosine"}]},
        "(adjusted p ≤ 0.05); distances: euclidean and cosine, 1 pair each.",
        "no two",
    ),
    Case(
        "dissimilarity-annotators",
        {"dissimilarity_annotators": [_AGREED, _AGREED | {"annotator": 2, "with_others": 0.4}]},
        "Annotator 2 agrees least with the others: 0.400, against 0.500 on average.",
        "most similar model",
    ),
    Case(
        "dissimilarity-annotators",
        {
            "dissimilarity_annotators": [
                *[_AGREED] * 2,
                _AGREED | {"annotator": 2, "best_model": "far"},
            ]
        },
        "net is the most similar model to 2 of 3 annotators.",
        "far",
    ),
    Case("layers", {"layers": _stages(0)}, "its input, the pixels: no stage", "last"),
    Case("layers", {"layers": _stages(1)}, "judgements at middle", "input"),
    Case("layers", {"layers": _stages(2)}, "judgements at its last stage", "input"),
    Case("leaderboard", _led(0.01), "a is ahead of every other network (0.500;", "cannot be told"),
    Case("leaderboard", _led(0.2), "a has the highest score (0.500), but b cannot be", "is ahead"),
    Case("leaderboard", _led(float("nan")), "but b cannot be told apart", "is ahead"),
    Case("leaderboard", _led(0.01, best=0.56), "look up to 0.060 better", "cannot be told"),
    Case("leaderboard", _led(0.01, best=0.502), "is ahead", "would look"),
    Case(
        "leaderboard",
        {"leaderboard": _led(0.01)["leaderboard"][:1], "leaderboard_differences": []},
        "There is one network",
        "ahead",
    ),
    Case("power", {"power": [_POWER | {"adjusted": 0.5}]}, "50.0 % of the studies at best", "80"),
    Case(
        "power",
        {"power": [_POWER | {"adjusted": 0.9}]},
        "at least 80 % of the studies after correction from 500 members",
        "at best",
    ),
    Case("class-probes", {"class_probes": []}, "No attribute has three classes", "can be"),
    Case(
        "class-probes",
        {"class_probes": [_CLASSES]},
        "1 attribute of three classes or more can be predicted",
        "are tested",
    ),
    Case(
        "class-probes",
        {"class_probes": [_CLASSES | {"tested_classes": 110, "tested": 1900}]},
        "town: 110 of 120 classes are tested, with 1,900 of 2,000 samples",
        "intervals",
    ),
    Case(
        "class-probes",
        {"class_probes": [_CLASSES | {"status": "few", "q": _NAN}]},
        "intervals are not available: fewer than 20 samples or people",
        "better than chance",
    ),
    Case(
        "bias",
        {"bias_tests": [_SURVIVOR | {"definition": "odds", "status": "untestable"}], "bias": []},
        "1 of 1 test is not available: an interval needs at least 7 images, of people who",
        "differ from chance",
    ),
    Case("probes", {"probes": [_ATTRIBUTE | {"q": _NAN}]}, "No attribute has enough", "tested"),
    Case(
        "rankings",
        {"rankings": [_RANKED | {"mean": _NAN}]},
        "there are no two rankings to compare",
        "repeats best",
    ),
    Case("rankings", {"rankings": [_RANKED]}, "the ranking by cls repeats best", "Only one"),
    Case("rankings", {"rankings": [_RANKED], "reliability": [{"score": "cls"}]}, "", "ranking"),
    Case("published-bias", {"bias_tests": _bars(1.0)}, "clusters has all published", "have"),
    Case("published-bias", {"bias_tests": _bars(3.0)}, "0 of our 1 clusters have all", ": cluster"),
    Case("recovery", {"recovery": _recovered(1.0, 1.0)}, "attributed to that model every", "exc"),
    Case(
        "recovery",
        {"recovery": _recovered(*[0.5] * 8, 1.0)},
        "except for 8 models: net0 (50.0 %), net1",
        "every time",
    ),
    Case("recovery", {"recovery": _recovered(0.5, 1.0)}, "for 1 models: net0", "more"),
    Case(
        "cluster-pixels",
        {"cluster_pixels": [_PIXELS, _PIXELS | {"group": "cluster 4", "d": 0.3, "q": 0.2}]},
        "1 of 2 groups may be largely a matter of pixels (estimated standardised difference of "
        "1.2 or more, q ≤ 0.05): cluster 3 of seed 0 (red minus blue -1.90 (-2.40 to -1.40)).",
        "not available",
    ),
    Case(
        "cluster-pixels",
        {"cluster_pixels": [_PIXELS, _PIXELS | {"seed": 1, "d": 1.6}]},
        "2 of 2 groups may be largely a matter of pixels",
        "No group",
    ),
    Case(
        "cluster-pixels",
        {"cluster_pixels": [_PIXELS | {"d": -1.1}, _PIXELS | {"d": 2.5, "q": 0.06}]},
        "No group has an estimated standardised difference of 1.2 or more in its pixels; the "
        "strongest is red minus blue in cluster 3 of seed 0, -1.10",
        "is shown",
    ),
    Case(
        "cluster-pixels",
        {"cluster_pixels": [_PIXELS | {"q": 0.2}, _PIXELS | {"q": _NAN, "status": "untestable"}]},
        "none of 1 test survives correction (q ≤ 0.05). 1 of 2 tests are not available",
        "largely",
    ),
    Case(
        "cluster-pixels",
        {"cluster_pixels": [_PIXELS | {"q": _NAN, "low": _NAN, "status": "untestable"}]},
        "1 of 1 tests are not available: an interval needs at least 7 images, of people who",
        "survives",
    ),
    Case(
        "bias",
        {
            "bias_tests": [_SURVIVOR | {"definition": "odds"}],
            "bias": [],
            "cluster_pixels": [_PIXELS],
        },
        "pixels (estimated standardised difference of 1.2 or more): cluster 3 of seed 0 (red minus",
        "cluster 4",
    ),
    Case(
        "bias",
        {
            "bias_tests": [_SURVIVOR | {"definition": "odds"}],
            "bias": [],
            "cluster_pixels": [_PIXELS | {"d": 0.5}, _PIXELS | {"d": 3.0, "q": 0.06}],
        },
        "No cluster is shown to differ",
        "in their pixels",
    ),
    Case(
        "pixel-correlations",
        {"pixel_correlations": [_EXPLAINED, _EXPLAINED | {"score": "norm", "explained": 0.1}]},
        "explain 21.4 % of the variance in the ranks of cls (seed 0), the most of all scores.",
        "norm",
    ),
    Case(
        "pixel-correlations",
        {"pixel_correlations": [_EXPLAINED | {"q": 0.5}]},
        "0 of 1 correlations of scores with brightness, colour, blur, background and file differ "
        "from 0 after correction. Together these explain 21.4 % of the variance in the ranks of "
        "cls (seed 0).",
        "the most",
    ),
    Case(
        "pixel-correlations",
        {"pixel_correlations": [_EXPLAINED | {"explained": _NAN}]},
        "1 of 1 correlations",
        "Together",
    ),
    Case(
        "correlations",
        {"correlations": [_AGE]},
        "(Spearman correlation -0.40; 0.02 with the covariates of the images held constant).",
        "0 of",
    ),
    Case(
        "correlations",
        {"correlations": [_AGE | {"partial": _NAN}]},
        "(Spearman correlation -0.40).",
        "held constant",
    ),
    Case(
        "probes",
        {
            "probes": [
                _ATTRIBUTE
                | {"q_partial": q, "auc_partial": auc, "auc_covariates": 0.5}
                | {"low_partial": 0.4, "high_partial": 0.8}
                for q, auc in ((0.01, 0.7), (0.01, 0.3), (0.2, 0.6))
            ]
        },
        "1 of 3 are still predicted better than chance by what brightness",
        "2 of 3",
    ),
    Case("probes", {"probes": [_ATTRIBUTE]}, "0 of 1 tested", "still predicted"),
    Case(
        "probes",
        {"probes": [_ATTRIBUTE]},
        "principal components of the pixels",
        "are not available",
    ),
    Case(
        "probes",
        {"probes": [_WITHOUT_PIXELS]},
        "1 of 1 tested attributes can be predicted",
        "pixels",
    ),
    Case(
        "probes",
        {"probes": [_ATTRIBUTE, _ATTRIBUTE | {"q": _NAN, "status": "few"}]},
        "1 of 2 attributes is not available: a probe needs at least 20 images",
        "attributes are not",
    ),
    Case(
        "probes",
        {"probes": [_WITHOUT_PIXELS, *[_WITHOUT_PIXELS | {"q": _NAN, "status": "few"}] * 2]},
        "2 of 3 attributes are not available: a probe needs at least 20 images, and people",
        "pixels",
    ),
    Case(
        "measures",
        {"measures": [_MEASURED]},
        "All pairs: no interval of 1 model contains 0.",
        "the interval of",
    ),
    Case(
        "measures",
        {"measures": [_MEASURED | {"low": -0.1}]},
        "All pairs: the interval of 1 of 1 model contains 0: net",
        "no interval",
    ),
    Case(
        "clusters",
        {"cluster_stability": [_AGREED], "sbs": [_SBS]},
        "Only one latent space: whether another one",
        "over VAE seeds agree",
    ),
    Case(
        "clusters",
        {"cluster_stability": [_AGREED | {"source": "VAE seeds"}], "sbs": [_SBS, _SBS]},
        "Clusterings over VAE seeds agree",
        "Only one latent space",
    ),
    Case(
        "clusters",
        {
            "cluster_stability": [_AGREED | {"ari_mean": _NAN}],
            "sbs": [
                _SBS | {"umap_seeds": 3, "umap_low": low, "umap_high": 0.6} for low in (0.5, 0.6)
            ],
        },
        "SBS at the configured size: 0.600 over seeds, 0.600 over all tried sizes, 0.500 to 0.600 "
        "over UMAP seeds.",
        "Clusterings over",
    ),
    Case("probes", {"probes": [_ATTRIBUTE | {"gain_mean": _NAN}]}, "0 of 1", "components"),
    Case(
        "probes",
        {"probes": [_ATTRIBUTE, _ATTRIBUTE | {"q": _NAN, "status": "degenerate"}]},
        "1 of 2 is not tested: on held-out images the scores all tie or never err",
        "not available",
    ),
    Case(
        "probes",
        {"probes": [_ATTRIBUTE | {"q": _NAN, "status": "degenerate"}] * 2},
        "2 of 2 are not tested: on held-out images",
        "components",
    ),
    Case(
        "alignment",
        {
            "alignment": [_MODEL],
            "measures": [_MEASURED | {"measure": "within_class_rho_a", "layer": "features"}],
        },
        "at most 0.020 (net, features, 95 % interval 0.100 to 0.200).",
        "None",
    ),
)

FIGURES = (
    Case("vae-checks-0", {"diagnostics": [_CHECK]}, "1 of 1 checks are ok.", "not ok"),
    Case(
        "vae-checks-0",
        {"diagnostics": [_CHECK | {"status": "alarm"}]},
        "0 of 1 checks are ok; not ok: error.",
        "1 of 1",
    ),
    Case("clusters", {"sbs": [_SBS]}, "3 clusters; the largest holds 60.0 %", "No cluster"),
    Case("clusters", {"sbs": [_SBS | {"n_clusters": 0}]}, "all points are noise", "holds"),
    Case(
        "bias-forest",
        {"bias_tests": [_SURVIVOR | {"definition": "odds"}], "bias": [_SURVIVOR]},
        "1 of 1 odds ratios differ from 1",
        "no such group",
    ),
    Case(
        "subniches",
        {"bias_tests": [_SURVIVOR | {"definition": "odds"}], "bias": [_SURVIVOR]},
        "Seed 0: no such group.",
        "differ",
    ),
    Case(
        "bias-forest",
        {"bias_tests": [_TEST | {"status": "untestable"}], "bias": [_SURVIVOR]},
        "Seed 0: no test of these groups is available.",
        "odds ratios",
    ),
    Case(
        "probes",
        {"probes": [_ATTRIBUTE | {"auc_mean": 0.8, "gain_mean": 0.1}]},
        "Highest ROC AUC: Hat (0.80); latents are better than pixels on 0 of 1 tested attribute.",
        "1 of 1",
    ),
    Case(
        "probes",
        {"probes": [_ATTRIBUTE | {"auc_mean": 0.8, "gain_mean": _NAN}]},
        "Highest ROC AUC: Hat (0.80).",
        "pixels",
    ),
    Case(
        "probes",
        {
            "probes": [
                _ATTRIBUTE | {"auc_mean": 0.8, "gain_mean": 0.1, "gain_q": 0.01},
                _ATTRIBUTE | {"auc_mean": 0.7, "gain_mean": 0.0, "gain_q": _NAN},
            ]
        },
        "latents are better than pixels on 1 of 1 tested attribute.",
        "of 2",
    ),
    Case(
        "rsa-euclidean",
        {
            "alignment": [
                _LAYER | {"model": model, "above_label": above}
                for model, above in (
                    *(("class_mean", 0.2), ("label", 0.0), ("pixels", -0.1)),
                    *(("net", 0.1), ("other", -0.1)),
                )
            ]
        },
        "1 of 2 layers of networks are above the line of the label at 0.259",
        "of 5",
    ),
)
