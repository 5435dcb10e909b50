"""Sentences of the report: each from numbers for which it may be said, and from others.

The last test fails where a condition of a sentence was never met, or always.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from report_cases import CASES, FIGURES, Case  # type: ignore[import-not-found]
from report_conditions import Recording, one_sided  # type: ignore[import-not-found]
from report_studies import findings, study  # type: ignore[import-not-found]

from latent_microscope.report import sections
from latent_microscope.report.formats import pieces
from latent_microscope.report.gather import alignment, forensics
from latent_microscope.report.sections import environment, render
from latent_microscope.report.study import Study


@pytest.fixture(scope="module", autouse=True)
def _recorded() -> Iterator[None]:
    """Conditions of the sentences are noted while this module's tests run."""
    made = sections.environment
    made.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sections, "Environment", Recording)
        yield
    made.cache_clear()


TEST = {"seed": 0, "group": "cluster 0", "definition": "odds", "attribute": "Bald", "q": 0.7}
SURVIVOR = {
    **{"seed": 0, "group": "cluster 0", "attribute": "Hat", "direction": "over", "cohens_h": 0.4},
    **{"estimate": 3.0, "low": 2.0, "high": 4.5, "magnitude": "small", "seeds_found": 1},
    **{"n_seeds": 2, "prevalence_members": 0.3, "prevalence_rest": 0.1},
}


def test_no_bias_is_a_finding() -> None:
    text = findings("bias", study(bias_tests=[TEST, TEST | {"attribute": "Hat"}], bias=[]))
    assert "none of 2 tests in 1 group" in text


def test_a_bias_has_its_size_and_its_doubts() -> None:
    weak = {"attribute": "Bald", "cohens_h": 0.01, "magnitude": "negligible"}
    found = study(
        bias_tests=[TEST, TEST | {"attribute": "Hat", "q": 0.01}],
        bias=[SURVIVOR, SURVIVOR | weak],
        cluster_stability=[{"source": "VAE seeds", "verdict": "poor"}],
    )
    text = findings("bias", found)
    assert "the effect of 1 of them is negligible" in text
    assert "Hat in cluster 0 of seed 0, odds ratio 3 (2–4.5): 30.0 % of its members, 10.0 %" in text
    assert "No attribute is found in all 2 seeds" in text
    assert "not the data" in text
    everywhere = study(bias_tests=[TEST], bias=[SURVIVOR | {"seeds_found": 2}])
    assert "over-represented Hat" in findings("bias", everywhere)


@pytest.mark.parametrize(
    ("changes", "numbers"),
    [
        ({"pairs": 0}, []),
        ({"status": "mostly noise", "list_shared": 0.1}, ["150", "10.0 %", "1.0 %"]),
        ({"status": "ok"}, ["60.0 %", "150", "0.80"]),
    ],
)
def test_rankings_over_vaes(changes: dict[str, Any], numbers: list[str]) -> None:
    base = {"score": "cls", "over": "VAE seeds", "pairs": 3, "list": "highest 150"}
    base |= {"list_shared": 0.6, "list_shared_chance": 0.01, "spearman_mean": 0.8}
    text = findings("reliability", study(reliability=[base | changes], diagnostics=[{}]))
    assert [word for word, is_number in pieces(text) if is_number] == numbers
    assert ("do not single out" in text) == (changes.get("status") == "mostly noise")
    assert ("Set several seeds" in text) == (not numbers)
    without = findings("reliability", study(reliability=[base | changes]))
    assert ("come from one model" in without) == (not numbers)


@pytest.mark.parametrize(
    ("status", "said"),
    [("ok", "All 2 checks"), ("warning", "1 of 2 checks warn"), ("alarm", "1 check of 2 failed")],
)
def test_diagnostics_say_whether_scores_can_be_interpreted(status: str, said: str) -> None:
    base = {"mean": 0.9, "warning": 0.5, "alarm": 0.95, "bad": "above", "action": "train longer"}
    both = [base | {"status": "ok"}, base | {"status": status, "seeds_not_ok": "1"}]
    text = findings("diagnostics", study(diagnostics=both))
    assert said in text
    assert ("Train longer." in text) == ("seed 1" in text) == (status != "ok")


@pytest.mark.parametrize(
    ("ari", "verdict", "said"),
    [(0.01, "poor", " no better than chance"), (0.4, "poor", " poorly"), (0.95, "excellent", "")],
)
def test_clusters_are_compared_with_chance(ari: float, verdict: str, said: str) -> None:
    stability = {"source": "VAE seeds", "ari_mean": ari, "verdict": verdict}
    assert f"VAE seeds agree{said}: adjusted Rand index {ari:.2f}" in findings(
        "clusters", study(cluster_stability=[stability], sbs=[{"configured": True}])
    )


@pytest.mark.parametrize(
    ("clusters", "low", "high", "seeds", "said"),
    [
        (3, 0.0, 1.0, 1, "0.600, 0.600 over all tried sizes; its 95 %"),
        (3, 0.0, 1.0, 2, "0.600 over seeds, 0.600 over all tried sizes; for 2 of 2 seeds its 95 %"),
        (3, 0.55, 0.65, 1, "SBS at the configured size: 0.600, 0.600 over all"),
        (0, 0.0, 0.0, 1, "SBS is 0"),
    ],
)
def test_sbs_with_its_interval(
    clusters: int, low: float, high: float, seeds: int, said: str
) -> None:
    sbs = {"configured": True, "share": 0.6, "low": low, "high": high, "n_clusters": clusters}
    made = study(cluster_stability=[{"source": "resamples"}], sbs=[sbs] * seeds)
    text = findings("clusters", made)
    assert said in text
    assert ("no finding" in text) == (high - low > 0.9)
    assert "Only one latent space" in text


def test_models_beside_label_and_ceiling() -> None:
    base = {"layer": "features", "metric": "euclidean", "method": "rho-a", "label_only": 0.5}
    base |= {"ceiling": 0.7, "within_class_rho_a": 0.02, "spearman": 0.5, "note": ""}
    label = base | {"model": "label", "mean": 0.5, "above_label": 0.0}
    below = base | {"model": "net", "mean": 0.3, "above_label": -0.2}
    text = findings("alignment", study(alignment=[label, below]))
    assert [word for word, number in pieces(text) if number] == ["0.300", "0.500", "0.700", "0.020"]
    assert "No model is closer" in text
    above = below | {"mean": 0.6, "above_label": 0.1}
    untested = findings("alignment", study(alignment=[label, above]))
    assert "Above the label alone, without a test: net (features)." in untested


@pytest.mark.parametrize(
    ("difference", "p", "said", "unsaid"),
    [
        (0.1, 0.01, "than the label alone (adjusted p ≤ 0.05): net (features).", "not beyond"),
        (0.1, 0.3, "Above the label, but not beyond chance: net (features).", "p ≤ 0.05): net"),
        (-0.1, 0.01, "No model is shown to be closer to human judgements", "Above the label"),
    ],
)
def test_above_the_label_is_beyond_chance(
    difference: float, p: float, said: str, unsaid: str
) -> None:
    base = {"layer": "features", "metric": "euclidean", "label_only": 0.5, "note": ""}
    models = [
        base | {"model": "net", "mean": 0.5 + difference, "above_label": difference},
        base | {"model": "far", "mean": 0.1, "above_label": -0.4},
        base | {"model": "near", "mean": 0.38, "above_label": -0.12},
        base | {"model": "label", "mean": 0.5, "above_label": 0.0},
    ]
    sides = {"layer_a": "features", "layer_b": "features", "metric": "euclidean"}
    pairs = [
        sides | {"model_a": "label", "model_b": "net", "difference": -difference, "p_adjusted": p},
        sides | {"model_a": "net", "model_b": "far", "difference": 0.3, "p_adjusted": 0.001},
        sides | {"model_a": "near", "model_b": "net", "difference": -0.01, "p_adjusted": 0.4},
    ]
    text = findings("alignment", study(alignment=models, differences=pairs))
    assert said in text
    assert unsaid not in text
    assert "net, features, has the highest similarity" in text
    assert "not shown to be lower: near (features)." in text


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({}, "net has the lowest cross-entropy to the votes: 0.300 nats", "temperature"),
        ({"tuned": 0.29}, "With a temperature other is lower: 0.290", "above it"),
        ({"baseline": 0.25}, "Below it is the baseline class_mean (0.250)", "temperature"),
    ],
)
def test_who_predicts_the_votes_best(changes: dict[str, float], said: str, unsaid: str) -> None:
    base = {"accuracy_mean": 0.9, "floor_cross_entropy": 0.15, "entropy_spearman_mean": 0.4}
    rows = [
        base | {"model": "net", "cross_entropy_mean": 0.3, "cross_entropy_calibrated_mean": 0.3},
        base | {
            "model": "other",
            "cross_entropy_mean": 0.5,
            "cross_entropy_calibrated_mean": changes.get("tuned", 0.45),
        },
        base | {"model": "class_mean", "cross_entropy_mean": changes.get("baseline", 0.8)},
    ]  # fmt: skip
    text = findings("behaviour", study(behaviour=rows))
    assert said in text
    assert unsaid not in text


def test_an_interval_that_contains_zero_is_named() -> None:
    base = {"model": "net", "layer": "features", "seed": 0, "measure": "rho_a"}
    both = [base | {"low": low, "high": 0.2} for low in (-0.1, 0.1)]
    text = findings("measures", study(measures=both))
    assert "1 of 2 models contains 0: net (features, seed 0)" in text
    assert "no interval of 1 model contains 0." in findings("measures", study(measures=both[1:]))


def test_too_few_draws_are_named() -> None:
    base = {"p": 0.01, "p_adjusted": 0.2, "correction": "holm", "difference": 0.1}
    text = findings("differences", study(differences=[base] * 20))
    assert "0 of 20 pairs" in text
    assert "inference.draws" in text
    sure = base | {"p": 0.001, "p_adjusted": 0.02}
    assert "inference.draws" not in findings("differences", study(differences=[sure] * 20))


def test_detectors_that_rank_backwards_are_named() -> None:
    base = {"crop": "whole", "method": "intended", "baseline_roc_auc": 0.5}
    rows = [base | {"detector": "density", "roc_auc_mean": 0.99}]
    rows += [base | {"detector": "uniqueness", "roc_auc_mean": 0.1}]
    text = findings("detectors", study(detectors=rows))
    assert "1 of 2 rank authentic samples below interpolations" in text
    assert "chance): uniqueness." in text


def test_probes_at_chance() -> None:
    base = {"q": 0.9, "low": 0.4, "baseline": 0.5, "gain_q": 0.9, "gain_mean": 0.01}
    text = findings("probes", study(probes=[base]))
    assert "0 of 1 tested attributes" in text
    assert "the latents predict 0 better and 0 worse; on 1 they do not differ" in text


def test_limits_are_those_of_the_steps() -> None:
    from latent_microscope.forensics.evaluation import OURS
    from latent_microscope.forensics.probes import MIN_CASES
    from latent_microscope.forensics.reliability import MOSTLY_NOISE
    from latent_microscope.statistics.clusters import FEWEST, MIN_EFFECTIVE
    from latent_microscope.tables.forensics import FALSE_DISCOVERY_RATE
    from latent_microscope.tables.reliability import COLUMN_ORDER

    assert (forensics.FEWEST_CASES, forensics.FEWEST_PEOPLE) == (MIN_CASES, FEWEST)
    assert FEWEST - 1 < MIN_EFFECTIVE <= FEWEST
    assert (alignment.OURS, alignment.FALSE_DISCOVERY_RATE) == (OURS, FALSE_DISCOVERY_RATE)
    assert (forensics.MOSTLY_NOISE, forensics.COLUMN_ORDER) == (MOSTLY_NOISE, COLUMN_ORDER)


def test_intervals_that_need_more_are_named() -> None:
    base = {"q": 0.9, "low": 0.4, "baseline": 0.5, "gain_q": 0.9, "gain_mean": 0.01}
    none = base | {"q": np.nan, "status": "few"}
    text = findings("probes", study(probes=[base | {"status": "ok"}, none]))
    assert "1 of 2 attributes is not available: a probe needs at least 20 images" in text
    tests = [TEST | {"status": status} for status in ("ok", "untestable", "untestable")]
    text = findings("bias", study(bias_tests=tests, bias=[]))
    assert "2 of 3 tests are not available: an interval needs at least 7 images, of people" in text
    assert "none of 1 test in 1 group survives" in text
    assert "not available" not in findings("bias", study(bias_tests=tests[:1], bias=[]))
    reason = "not available: needs at least 2 people"
    row = {"seed": 0, "attribute": "age", "score": "cls", "spearman": -0.4, "q": np.nan}
    table = pd.DataFrame([row | {"low": np.nan, "high": np.nan, "status": reason}])
    made = Study("made", {"correlations": Path("c")}, {}, {"correlations": table})
    assert f"-0.40 ({reason})" in words(render("correlations", made, captions={}, found=[]))


def words(page: str) -> str:
    """The text of a page."""
    return " ".join(re.sub(r"<[^>]*>", "", page).split())


def of_figure(name: str, made: Study) -> str:
    return words(environment().get_template("_figure.jinja").render(study=made, name=name))


def test_a_figure_has_the_numbers_of_its_own_crop() -> None:
    facts = [
        {"crop": view, "quantity": "active_dimensions", "mean": mean}
        for view, mean in (("whole", 7.0), ("eyes", 3.0))
    ]
    made = study(forensics=facts)
    assert of_figure("traversals", made).startswith("7 dimensions")
    assert of_figure("eyes/traversals", made).startswith("3 dimensions")
    assert of_figure("vae-diagnostics-eyes", made).startswith("3 dimensions")
    assert of_figure("clusters", made) == of_figure("unknown", made) == ""


@pytest.mark.parametrize(
    ("reliability", "norm", "said", "unsaid"),
    [
        (-0.03, 0.1, "mostly noise here: with other draws its ranking has", "not only"),
        (0.9, 0.1, "Stability is not only a function of the length", "noise"),
        (0.9, -0.95, "Stability is largely a function of the length", "noise"),
    ],
)
def test_a_stability_that_is_noise_has_no_meaning(
    reliability: float, norm: float, said: str, unsaid: str
) -> None:
    facts = {"stability_reliability": reliability, "spearman_stability_norm": norm}
    made = study(forensics=[{"quantity": name, "mean": mean} for name, mean in facts.items()])
    assert said in findings("forensics", made)
    assert unsaid not in findings("forensics", made)


def test_attractors_are_spoken_of_where_they_are_used() -> None:
    def told(script: float, by_order: float = 2.0) -> str:
        facts = {"attractor_tie_share": 0.9, "spearman_uniqueness_originality": 0.1}
        facts |= {"attractors": 5.0, "attractors_by_order": by_order}
        rows = [{"quantity": name, "mean": mean} for name, mean in facts.items()]
        return findings(
            "forensics", study(forensics=[*rows, {"quantity": "script_variant", "mean": script}])
        )

    assert "90 % of the attractor densities tie" in told(1.0)
    assert "not their density, chose 2 of the 5 published attractors" in told(1.0)
    assert "attractor" not in told(1.0, by_order=0.0)
    assert "of the variant script, have a" in told(1.0)
    assert "attractor" not in told(0.0)
    assert "of the variant notebook, have a" in told(0.0)


def test_copies_are_counted() -> None:
    def told(count: float, seeds: int = 1) -> str:
        facts = {"n": 200.0, "with_copies": count, "only_copies_near": 12.0}
        base = {"crop": "whole", "sd": 0.0, "n": seeds}
        rows = [base | {"quantity": q, "mean": m} for q, m in facts.items()]
        return findings("forensics", study(forensics=rows))

    assert "34 of 200 samples have exact copies" in told(34.0)
    assert "34 of 200 samples (mean over seeds) have exact copies" in told(34.0, seeds=2)
    assert "for 12 of them by nothing else" in told(34.0)
    assert "copies" not in told(0.0)


def test_an_order_of_columns_that_changes_a_ranking() -> None:
    base = {"score": "cls", "pairs": 1, "list": "highest 150", "list_shared_chance": 0.01}
    rows = [
        base | {"over": over, "status": "ok", "spearman_mean": rho, "list_shared": 0.6}
        for over, rho in (("VAE seeds", 0.8), ("column order", 0.79), ("column order", 0.999))
    ]
    text = findings("reliability", study(reliability=rows))
    assert "come first by cls (Spearman 0.79, 60.0 % of its highest 150 found again): Fa" in text
    assert "another order" not in findings("reliability", study(reliability=[rows[0], rows[2]]))
    plain = findings(
        "reliability", study(reliability=[rows[0], rows[1] | {"score": "originality"}])
    )
    assert plain.endswith("150 found again).")


def test_a_list_has_its_chance() -> None:
    base = {"score": "cls", "over": "VAE seeds", "list_shared": 0.6, "list_shared_chance": 0.01}
    once, often = (study(reliability=[base | {"pairs": pairs}]) for pairs in (0, 3))
    assert "unknown" in of_figure("list-creative", once)
    assert "60.0 % of these images" in of_figure("list-creative", often)
    assert "chance 1.0 %" in of_figure("list-creative", often)


def test_duplicates_and_near_matches() -> None:
    def told(*verdicts: str, **facts: int) -> str:
        rows = [{"verdict": verdict, "group": 0, "same": "no"} | facts for verdict in verdicts]
        return findings("duplicates", study(duplicates=rows))

    assert told("near match") == (
        "No duplicate found. Of all other pairs the most similar one is listed (near match), to be "
        "looked at."
    )
    both = told("copy", "near-duplicate")
    assert "2 pairs of samples, in 1 group, show one image" in both
    assert "1 of them exact copies; in 2 the labels differ, so that one of them is wrong" in both
    looked = told("copy", "near match", compared=40)
    assert "40 pairs that hashes or latents proposed were compared as images; 39 pairs" in looked
    assert "rejected. Of all other pairs the most similar one is listed" in looked
    latents = told("identical latents", "near-identical latents", compared=0)
    assert "does not show that they are one sample; in 2 the labels differ." in latents
    assert "compared" not in latents


def test_correlations_after_correction() -> None:
    base = {"seed": 0, "attribute": "age", "score": "cls", "spearman": -0.4, "low": -0.5, "high": 0}

    def told(*qs: float) -> str:
        table = pd.DataFrame([base | {"q": q} for q in qs])
        made = Study("made", {"correlations": Path("c")}, {}, {"correlations": table})
        return findings("correlations", made)

    assert "1 of 2 correlations differ from 0 after correction; the strongest is age" in told(
        0.01, 0.5
    )
    assert told(0.5) == "0 of 1 correlations differ from 0 after correction."


def test_files_whose_ids_differ_are_named() -> None:
    def told(*alone: int, placed: int = 0) -> str:
        rows = [
            {
                "source": f"file {i}",
                "joined_by": "position" if i < placed else "id",
                "alone": n,
                "missing": 0,
                "matched": 30,
            }
            for i, n in enumerate(alone)
        ]
        return findings(
            "files", Study("m", {"files": Path("f")}, {}, {"files": pd.DataFrame(rows)})
        )

    assert told(0) == "One file, 30 samples."
    assert told(0, 0) == "The ids of 2 files match: 30 samples."
    assert "from the others: file 1." in told(0, 3)
    some = "File 0 and file 1 have no ids: row i was taken for row i of file 2."
    assert some in told(0, 0, 0, placed=2)
    assert "File 0 has no ids: row i was taken for sample i." in told(0, placed=1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.template}: {case.said[:30]}")
def test_a_sentence_has_its_numbers(case: Case) -> None:
    text = findings(case.template, study(**case.tables))
    assert case.said in text
    assert case.unsaid not in text


@pytest.mark.parametrize("case", FIGURES, ids=lambda case: f"{case.template}: {case.said[:30]}")
def test_a_sentence_beside_a_figure_has_its_numbers(case: Case) -> None:
    text = of_figure(case.template, study(**case.tables))
    assert case.said in text
    assert case.unsaid not in text


def test_every_condition_was_met_and_was_not(request: pytest.FixtureRequest) -> None:
    if any("::" in one for one in request.config.args) or request.config.option.keyword:
        pytest.skip("only some of this module's tests ran")
    assert one_sided() == []
