"""The story page: readings from numbers, honest where nothing is there; a page that is safe."""

import base64
import hashlib
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json, save_csv, save_table
from latent_microscope.planning.captions import captions
from latent_microscope.provenance.sidecars import SUFFIX, write_sidecars
from latent_microscope.report import (
    limits,
    own,
    read_alignment,
    read_clusters,
    read_truth,
    read_vae,
)
from latent_microscope.report.blocks import Reading, Study
from latent_microscope.report.captions import first_sentence, plain
from latent_microscope.report.document import Document, document
from latent_microscope.report.html import el, page
from latent_microscope.report.images import small
from latent_microscope.report.origins import Chains
from latent_microscope.report.page import sections
from latent_microscope.report.pdf import column_widths, pdf
from latent_microscope.report.read_figures import figure_reading
from latent_microscope.report.style import STYLE
from latent_microscope.report.words import pieces

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = sorted(path.parent for path in (ROOT / "results/published").glob("*/run.json"))
CAPTIONS = captions()


def study(**tables: list[dict[str, Any]]) -> Study:
    """A study of these tables, none of them on the disk."""
    named = {name.replace("_", "-"): pd.DataFrame(rows) for name, rows in tables.items()}
    return Study("made", {name: Path(name) for name in named}, {}, named)


def words(readings: Any) -> str:
    return " ".join(reading.text for reading in readings)


# --- readings


def bias_test(**changes: Any) -> dict[str, Any]:
    row = {"run": 0, "group": "cluster 0", "definition": "odds", "attribute": "Hat", "n_members": 9}
    return row | {"estimate": 1.1, "low": 0.8, "high": 1.4, "p": 0.5, "q": 0.7} | changes


def survivor(**changes: Any) -> dict[str, Any]:
    row = bias_test(estimate=3.0, low=2.0, high=4.5, p=1e-6, q=1e-5)
    more = {
        "direction": "over",
        "cohens_h": 0.4,
        "magnitude": "small",
        "runs_found": 1,
        "n_runs": 2,
    }
    return row | more | {"prevalence_members": 0.3, "prevalence_rest": 0.1} | changes


def test_nothing_found_is_said() -> None:
    none = study(bias_tests=[bias_test(), bias_test(attribute="Bald")])
    empty = pd.DataFrame([survivor()]).iloc[:0]
    none = Study("made", {**none.tables, "bias": Path("bias")}, {}, {**none._read, "bias": empty})
    assert words(read_clusters.bias(none)).startswith(
        "No cluster differs from chance: none of 2 tests in 1 group survives correction"
    )


def test_found_bias_has_its_size_and_its_doubts() -> None:
    found = study(
        bias_tests=[bias_test(), bias_test(**survivor())],
        bias=[survivor(), survivor(attribute="Bald", cohens_h=0.01, magnitude="negligible")],
        cluster_stability=[{"source": "VAE seeds", "verdict": "poor"}],
    )
    text = words(read_clusters.bias(found))
    assert "the effect of 1 of them is negligible" in text
    assert "Hat in cluster 0 of seed 0, odds ratio 3 (2–4.5), 30.0 % of its members" in text
    assert "No attribute is found in all 2 runs" in text
    assert "describes that map, not the data" in text


def reliability(**changes: Any) -> dict[str, Any]:
    row = {"score": "cls", "over": "VAE seeds", "pairs": 3, "list": "highest 150", "status": "ok"}
    numbers = {"list_shared": 0.6, "list_shared_chance": 0.01, "spearman_mean": 0.8}
    return row | numbers | changes


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([reliability(pairs=0)], "One VAE was trained: how far any ranking repeats"),
        ([reliability(status="mostly noise", list_shared=0.1)], "Rank stability is low"),
        ([reliability()], "Another VAE repeats most of cls (60.0 % of its highest 150"),
    ],
)
def test_rankings_are_called_what_they_are(rows: list[dict[str, Any]], said: str) -> None:
    assert words(read_vae.reliability(study(reliability=rows, health=[{}]))).startswith(said)


def test_rankings_of_given_embeddings_speak_of_no_vae() -> None:
    text = words(read_vae.reliability(study(reliability=[reliability(pairs=0)])))
    assert text.startswith("These embeddings come from one model")
    assert "VAE" not in text


@pytest.mark.parametrize(
    ("status", "said"),
    [("ok", "All 2 checks are within"), ("warning", "1 of 2 checks warn"), ("alarm", "Alarm: ")],
)
def test_health_says_whether_scores_may_be_read(status: str, said: str) -> None:
    row = {"view": "whole", "mean": 0.9, "warning": 0.5, "alarm": 0.95, "bad": "above"}
    row |= {"meaning": "error", "action": "train longer", "runs_not_ok": "1"}
    table = study(health=[row | {"status": "ok"}, row | {"status": status}])
    text = words(read_vae.health(table))
    assert text.startswith(said)
    assert ("Train longer." in text) == (status != "ok")


def stability(source: str, ari: float, verdict: str) -> dict[str, Any]:
    return {"source": source, "ari_mean": ari, "verdict": verdict}


@pytest.mark.parametrize(
    ("ari", "verdict", "said"),
    [
        (0.01, "poor", "Clusterings over VAE seeds agree no better than chance"),
        (0.40, "poor", "Clusterings over VAE seeds agree poorly"),
        (0.95, "excellent", "Clusterings over VAE seeds agree: "),
    ],
)
def test_clusters_are_compared_with_chance(ari: float, verdict: str, said: str) -> None:
    table = study(cluster_stability=[stability("VAE seeds", ari, verdict)])
    assert words(read_clusters.clusters(table)).startswith(said)


def sbs(share: float, low: float, high: float, clusters: int) -> dict[str, Any]:
    numbers = {"share": share, "low": low, "high": high, "n_clusters": clusters}
    return {"configured": True, "noise_share": 0.1} | numbers


def test_an_interval_from_nothing_to_everything_is_no_finding() -> None:
    wide = words(read_clusters.clusters(study(sbs=[sbs(0.6, 0.0, 1.0, 3)])))
    assert "a single SBS value is no finding" in wide
    narrow = words(read_clusters.clusters(study(sbs=[sbs(0.6, 0.55, 0.65, 3)])))
    assert "no finding" not in narrow
    none = words(read_clusters.clusters(study(sbs=[sbs(0.0, 0.0, 0.0, 0)])))
    assert none == "HDBSCAN finds no cluster at the size that the study uses: SBS is 0."


def model(name: str, **changes: Any) -> dict[str, Any]:
    row = {"model": name, "layer": "features", "metric": "euclidean", "method": "spearman"}
    numbers = {"mean": 0.3, "label_only": 0.5, "above_label": -0.2, "ceiling_lower": 0.7}
    return row | numbers | {"within_class": 0.02, "note": ""} | changes


def test_models_are_read_beside_label_and_ceiling() -> None:
    label = model("label", mean=0.5, above_label=0.0)
    below = words(read_alignment.similarity(study(alignment=[label, model("net")])))
    assert "net, features, is most like people: 0.300" in below
    assert "No model is more like people than the true label alone" in below
    best = model("net", mean=0.6, above_label=0.1)
    above = words(read_alignment.similarity(study(alignment=[label, best])))
    assert "More like people than the label alone: net (features)." in above


def measure(low: float, high: float) -> dict[str, Any]:
    row = {"model": "net", "layer": "features", "seed": 0, "measure": "spearman", "low": np.nan}
    return row | {"high": np.nan, "low_votes": low, "high_votes": high}


def test_an_interval_that_holds_zero_is_named() -> None:
    text = words(read_alignment.measures(study(measures=[measure(-0.1, 0.2), measure(0.1, 0.2)])))
    assert text == "Over all pairs, the interval of 1 of 2 models holds 0: net (features, seed 0)."
    clear = words(read_alignment.measures(study(measures=[measure(0.1, 0.2)])))
    assert clear == "Over all pairs, the interval of no model holds 0."


def test_too_few_draws_are_admitted() -> None:
    row = {"p": 0.01, "p_adjusted": 0.2, "p_votes_adjusted": 0.3}
    text = words(read_alignment.differences(study(differences=[row] * 20)))
    assert text.startswith("None of 20 pairs of models differ over images, none over images and")
    assert "With this few bootstrap draws none could" in text
    sure = row | {"p": 0.001, "p_adjusted": 0.02}
    assert "none could" not in words(read_alignment.differences(study(differences=[sure] * 20)))


def test_detectors_that_rank_backwards_are_named() -> None:
    shared = {"view": "whole", "method": "intended", "roc_auc_sd": np.nan, "baseline_roc_auc": 0.5}
    rows = [shared | {"detector": "density", "roc_auc_mean": 0.99}]
    rows += [shared | {"detector": "uniqueness", "roc_auc_mean": 0.1}]
    text = words(read_truth.detectors(study(detectors=rows)))
    assert "1 of 2 scores rank the wrong way round, authentic samples last: uniqueness." in text


def test_probes_that_find_nothing_say_so() -> None:
    row = {"q": 0.9, "low": 0.4, "baseline": 0.5, "gain_q": 0.9, "gain_mean": 0.01}
    text = words(read_clusters.probes(study(probes=[row])))
    assert text.startswith("None of 1 tested attributes can be read from the latents")
    assert "no more of the attributes than plain pixels" in text


def test_limits_are_those_of_the_steps() -> None:
    from latent_microscope.forensics.evaluation import OURS
    from latent_microscope.tables.forensics import FALSE_DISCOVERY_RATE

    assert (limits.OURS, limits.FALSE_DISCOVERY_RATE) == (OURS, FALSE_DISCOVERY_RATE)


def test_figures_are_read_from_the_tables_of_their_own_view() -> None:
    facts = [{"view": "whole", "quantity": "active_dimensions", "mean": 7.0}]
    facts += [{"view": "eyes", "quantity": "active_dimensions", "mean": 3.0}]
    made = study(forensics=facts)
    read = {name: figure_reading(made, name) for name in ("traversals", "eyes/traversals")}
    read["vae-health-eyes"] = figure_reading(made, "vae-health-eyes")
    texts = {name: reading.text for name, reading in read.items() if reading}
    assert texts == {
        "traversals": "7 dimensions carry information.",
        "eyes/traversals": "3 dimensions carry information.",
        "vae-health-eyes": "3 dimensions carry information.",
    }
    assert figure_reading(made, "clusters") is None
    assert figure_reading(made, "unheard-of") is None


def test_a_list_is_read_with_its_chance() -> None:
    once = figure_reading(study(reliability=[reliability(pairs=0)]), "list-creative")
    assert once is not None
    assert once.text == "One latent space: nobody knows how much of this list is noise."
    often = figure_reading(study(reliability=[reliability()]), "list-creative")
    assert often is not None
    assert "60.0 % of these images among its most creative again (chance 1.0 %)" in often.text


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["look-alike"], "No sample stands in the data set twice, as far as this can tell. 1"),
        (
            ["copy", "near-duplicate"],
            "2 pairs of samples, in 1 group, are the same or nearly so",
        ),
    ],
)
def test_copies_are_no_look_alikes(verdicts: list[str], said: str) -> None:
    rows = [{"verdict": verdict, "group": 0, "same": "no"} for verdict in verdicts]
    text = words(read_clusters.duplicates(study(duplicates=rows)))
    assert text.startswith(said)
    assert ("in 2 the labels differ" in text) == ("copy" in verdicts)


def test_numbers_beside_scores_are_read_with_their_correction() -> None:
    row = {"run": 0, "attribute": "age", "score": "cls", "spearman": -0.4, "q": 0.01}
    text = words(own.read_correlations(study(correlations=[row, row | {"q": 0.5}])))
    assert text.startswith("1 of 2 correlations differ from 0 after correction; the strongest is")
    none = words(own.read_correlations(study(correlations=[row | {"q": 0.5}])))
    assert none == "None of 1 correlations differs from 0 after correction."


def test_files_that_do_not_match_are_named() -> None:
    rows = [{"source": "embeddings", "alone": 0, "lacking": 0}]
    assert words(own.read_files(study(files=rows))) == "The ids of 1 file match, all of them."
    rows += [{"source": "attributes", "alone": 3, "lacking": 0}]
    assert "Not all ids match: attributes." in words(own.read_files(study(files=rows)))


# --- words


def test_numbers_are_links_and_parts_of_names_are_not() -> None:
    text = "5_o_Clock_Shadow in vgg15: 1,234 of 3, −0.5 (95 %) and 2e-05, resnet-50."
    assert [word for word, is_number in pieces(text) if is_number] == [
        *("1,234", "3", "−0.5", "95 %", "2e-05")
    ]
    assert "".join(word for word, _ in pieces(text)) == text


def test_captions_are_plain() -> None:
    assert plain("``a`` is *b*\n over x_y. 2 * 3") == "a is b over x_y. 2 * 3"
    assert first_sentence("One thing (a). Another one.") == "One thing (a)"


def test_elements_escape_content_and_attributes() -> None:
    made = el("a", "<b>&", el("b", "x"), title='"><script>', class_="n")
    assert made == '<a title="&quot;&gt;&lt;script&gt;" class="n">&lt;b&gt;&amp;<b>x</b></a>'


# --- whole pages, of the published studies


def gathered(folder: Path, tmp_path: Path, settings: Mapping[str, Any] | None = None) -> Document:
    checks = tmp_path / "checks.parquet"
    save_table(checks, pd.DataFrame({"artefact": ["a", "a"], "passed": [True, True]}))
    return document(
        folder.name,
        settings=settings or load_json(folder / "run.json")["settings"],
        made_up=False,
        checks=checks,
        tables=sorted((folder / "tables").glob("*.parquet")),
        figures=sorted((folder / "figures").rglob("*.png")),
        captions=CAPTIONS,
        chains=Chains(),
    )


class Parsed(HTMLParser):
    """What the tests look at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def rendered(made: Document, folder: Path) -> str:
    return page([made], {p: small(p) for p in made.study.figures.values()}, folder)


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_a_page_is_whole_and_closed(folder: Path, tmp_path: Path) -> None:
    made = gathered(folder, tmp_path)
    text = rendered(made, tmp_path)
    parsed = Parsed(text)
    assert not {"script", "iframe", "object", "link", "form"} & {tag for tag, _ in parsed.tags}
    policy = next(a["content"] for a in parsed.all("meta") if "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert f"<style>{STYLE}</style>" in text
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not [a for _, a in parsed.tags if any(name.startswith("on") for name in a)]
    assert not [a for _, a in parsed.tags if "style" in a]
    ids = [a["id"] for _, a in parsed.tags if "id" in a]
    assert len(ids) == len(set(ids))
    inner = {a["href"][1:] for a in parsed.all("a") if a["href"].startswith("#")}
    assert inner <= set(ids)
    outer = [a["href"] for a in parsed.all("a") if not a["href"].startswith("#")]
    assert outer
    assert not [href for href in outer if "//" in href or not (tmp_path / href).exists()]
    images = parsed.all("img")
    assert len(images) == len(made.figures)
    assert all(a["src"].startswith("data:image/") and len(a["alt"]) > 30 for a in images)
    assert all("scope" in a for a in parsed.all("th"))
    assert len(parsed.all("caption")) == len(parsed.all("table")) > 0


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_everything_is_told_once_with_its_origin(folder: Path, tmp_path: Path) -> None:
    made = gathered(folder, tmp_path)
    parsed = Parsed(rendered(made, tmp_path))
    anchors = {a.get("id") for a in parsed.all("article")}
    assert anchors == {source.anchor for source in made.sources()}
    shown = " ".join(parsed.text)
    for source in made.sources():
        assert source.origin.sha256 in shown
        assert source.origin.command in shown
    readings = [b for s in made.sections for b in s.blocks if isinstance(b, Reading)]
    assert len(made.short) >= 2
    assert len(readings) >= len(made.short)
    assert not [r.text for r in readings if re.search(r"\bnan\b|None of None|\{", r.text)]
    keys = [section.key for section in made.sections]
    assert len(set(keys)) == len(keys)
    if load_json(folder / "run.json")["settings"]["kind"] in ("faces", "simulations"):
        assert "more" not in keys, "a table or figure has no section"


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    folder = next(f for f in PUBLISHED if "simulations" in f.name)
    pages, prints = set(), set()
    for _ in range(2):
        made = gathered(folder, tmp_path)
        images = {p: small(p) for p in made.study.figures.values()}
        pages.add(page([made], images, tmp_path))
        prints.add(pdf([made, made], images))
    assert len(pages) == len(prints) == 1
    assert prints.pop().startswith(b"%PDF-")


def evil(folder: Path) -> Document:
    """A study whose names are mark-up."""
    name = '<script>alert(1)</script>"&|'
    table = folder / "tables/odd.parquet"
    table.parent.mkdir(parents=True)
    save_table(table, pd.DataFrame({name: [name, "b"], "value": [np.nan, 1.5]}))
    save_csv(table.with_suffix(".csv"), pd.DataFrame({name: [1]}))
    write_sidecars([table], step="x", code="c", params={"a": name}, inputs={}, numeric_threads=1,
                   seconds=0.0)  # fmt: skip
    return gathered(folder, folder, {"kind": "faces", "models": [name]})


def test_names_are_escaped_in_both_forms(tmp_path: Path) -> None:
    made = evil(tmp_path / "study")
    text = page([made], {}, tmp_path)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert pdf([made], {}).startswith(b"%PDF-")
    assert [section.key for section in made.sections] == ["more"]


def test_an_altered_file_is_not_shown(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    evil(folder)
    save_table(folder / "tables/odd.parquet", pd.DataFrame({"a": [2]}))
    with pytest.raises(InputError, match=r"odd\.parquet: changed since its sidecar"):
        gathered(folder, tmp_path, {"kind": "faces"})
    (folder / f"tables/odd.parquet{SUFFIX}").unlink()
    with pytest.raises(InputError, match=r"odd\.parquet: its sidecar is missing"):
        gathered(folder, tmp_path, {"kind": "faces"})


def test_an_empty_table_takes_no_section() -> None:
    empty = Study("made", {"probes": Path("p")}, {}, {"probes": pd.DataFrame({"auc_mean": []})})
    assert [section.key for section in sections(empty)] == ["more"]


def test_bold_words_of_a_pdf_table_have_room() -> None:
    """``warning`` is printed bold: as wide as a plain column it would be broken in two."""
    (plain_width,) = column_widths(["s"], [["warninf"]])
    (bold_width,) = column_widths(["s"], [["warning"]])
    assert bold_width > 1.05 * plain_width
