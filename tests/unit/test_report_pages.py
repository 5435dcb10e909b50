"""The report: findings from numbers, also where there are none; a page that is safe and whole."""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from latent_microscope import former_names
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json, save_csv, save_json, save_table
from latent_microscope.planning.captions import captions
from latent_microscope.provenance.lineage import table_row
from latent_microscope.provenance.sidecars import SUFFIX, write_sidecars
from latent_microscope.report import gather
from latent_microscope.report.formats import first_sentence, pieces, plain
from latent_microscope.report.images import small
from latent_microscope.report.origins import Chains
from latent_microscope.report.pages import Document, document, render_page
from latent_microscope.report.sections import environment, render, sections
from latent_microscope.report.study import Study

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = sorted(path.parent for path in (ROOT / "results/published").glob("*/run.json"))
CAPTIONS = captions()


@cache
def row(table: str) -> dict[str, Any]:
    """The first row of a published table: all columns that the sections show."""
    made = next(made for made in map(Study.published, PUBLISHED) if table in made.tables)
    return {str(key): value for key, value in made.table(table).iloc[0].items()}


def study(**tables: list[dict[str, Any]]) -> Study:
    """A study of these tables, none of them on the disk; each row: changes of a published one."""
    named = {name.replace("_", "-"): rows for name, rows in tables.items()}
    made = {n: pd.DataFrame([row(n) | changes for changes in rows]) for n, rows in named.items()}
    for name, table in made.items():
        if not len(table):
            made[name] = pd.DataFrame([row(name)]).iloc[:0]
    return Study("made", {name: Path(name) for name in made}, {}, made)


def findings(template: str, made: Study) -> str:
    found: list[tuple[str, str]] = []
    render(template, made, found=found, captions={})
    assert {table for _, table in found} <= made.tables.keys()
    return " ".join(text for text, _ in found)


# --- findings

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
    ("clusters", "low", "high", "said"),
    [
        (3, 0.0, 1.0, "for 1 of 1 seeds"),
        (3, 0.55, 0.65, "0.60 over seeds"),
        (0, 0.0, 0.0, "SBS is 0"),
    ],
)
def test_sbs_with_its_interval(clusters: int, low: float, high: float, said: str) -> None:
    sbs = {"configured": True, "share": 0.6, "low": low, "high": high, "n_clusters": clusters}
    text = findings("clusters", study(cluster_stability=[{"source": "resamples"}], sbs=[sbs]))
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
    assert "alone: net (features)." in findings("alignment", study(alignment=[label, above]))


def test_an_interval_that_contains_zero_is_named() -> None:
    base = {"model": "net", "layer": "features", "seed": 0, "measure": "rho_a"}
    both = [base | {"low": low, "high": 0.2} for low in (-0.1, 0.1)]
    text = findings("measures", study(measures=both))
    assert "1 of 2 models contains 0: net (features, seed 0)" in text
    assert "0 of 1 models contains 0." in findings("measures", study(measures=both[1:]))


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
    assert "1 of 2 scores rank authentic samples below interpolations: uniqueness." in text


def test_probes_at_chance() -> None:
    base = {"q": 0.9, "low": 0.4, "baseline": 0.5, "gain_q": 0.9, "gain_mean": 0.01}
    text = findings("probes", study(probes=[base]))
    assert "0 of 1 tested attributes" in text
    assert "hold no more information" in text


def test_limits_are_those_of_the_steps() -> None:
    from latent_microscope.forensics.evaluation import OURS
    from latent_microscope.tables.forensics import FALSE_DISCOVERY_RATE

    assert (gather.OURS, gather.FALSE_DISCOVERY_RATE) == (OURS, FALSE_DISCOVERY_RATE)


def of_figure(name: str, made: Study) -> str:
    text = environment().get_template("_figure.jinja").render(study=made, name=name)
    return " ".join(re.sub(r"<[^>]*>", "", text).split())


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

    assert told("near match") == "No duplicate found. 1 near match may need a look."
    both = told("copy", "near-duplicate")
    assert "2 pairs of samples, in 1 group, show one photograph" in both
    assert "1 of them exact copies; in 2 the labels differ, so that one of them is wrong" in both
    looked = told("copy", "near match", compared=40)
    assert "40 pairs that hashes or latents proposed were compared as images; 39 pairs" in looked
    assert "rejected. 1 near match may need a look." in looked
    latents = told("identical latents", "near-identical latents", compared=0)
    assert "does not show that they are one sample; in 2 the labels differ." in latents
    assert "photograph" not in latents
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
    def told(*alone: int) -> str:
        rows = [{"source": f"file {i}", "alone": n, "missing": 0} for i, n in enumerate(alone)]
        return findings(
            "files", Study("m", {"files": Path("f")}, {}, {"files": pd.DataFrame(rows)})
        )

    assert told(0) == "The ids of 1 file match."
    assert "from the others: file 1." in told(0, 3)


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


# --- whole pages, of the published studies


def gathered(folder: Path, tmp_path: Path, settings: Mapping[str, Any] | None = None) -> Document:
    checks = tmp_path / "checks.parquet"
    save_table(checks, pd.DataFrame({"artefact": ["a", "a"], "passed": [True, True]}))
    return document(
        folder.name,
        {"settings": settings or load_json(folder / "run.json")["settings"]},
        checks,
        list((folder / "tables").glob("*.parquet")),
        list((folder / "figures").rglob("*.png")),
        CAPTIONS,
        Chains(),
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


@pytest.fixture(scope="module", params=PUBLISHED, ids=lambda folder: folder.name)
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Document, str, Path]:
    """A published study, its page and the folder of the page."""
    folder = tmp_path_factory.mktemp(request.param.name)
    made = gathered(request.param, folder)
    images = {path: small(path) for path in made.study.figures.values()}
    return made, render_page([made], images, folder), folder


def test_studies_are_published() -> None:
    assert PUBLISHED


def test_a_page_is_whole_and_closed(whole: tuple[Document, str, Path]) -> None:
    made, text, folder = whole
    parsed = Parsed(text)
    assert not {"script", "iframe", "object", "link", "form"} & {tag for tag, _ in parsed.tags}
    policy = next(a["content"] for a in parsed.all("meta") if "http-equiv" in a)
    (style,) = re.findall("<style>(.*?)</style>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
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
    assert not [href for href in outer if "//" in href or not (folder / href).exists()]
    images = parsed.all("img")
    assert len(images) == len(made.study.figures)
    assert all(a["src"].startswith("data:image/") and len(a["alt"]) > 30 for a in images)
    assert all("scope" in a for a in parsed.all("th"))
    assert len(parsed.all("caption")) == len(parsed.all("table")) > 0


def test_everything_is_shown_once_with_its_origin(whole: tuple[Document, str, Path]) -> None:
    made, text, _ = whole
    parsed = Parsed(text)
    anchors = {a["id"] for a in parsed.all("article")}
    files = {("table", *item) for item in made.study.tables.items()}
    files |= {("figure", *item) for item in made.study.figures.items()}
    assert anchors == {made.study.anchor(kind, name) for kind, name, _ in files}
    shown = " ".join(parsed.text)
    for _, _, path in files:
        assert made.origins[path].sha256 in shown
        assert f"latent-microscope trace {path}" in shown
    said = [sentence for section in made.sections for sentence, _ in section.findings]
    assert said
    assert not [s for s in said if re.search(r"\bnan\b|None|\{|  | [.,;:]", s)]
    keys = [section.key for section in made.sections]
    assert len(set(keys)) == len(keys)
    if made.study.name.startswith("faces"):
        assert "more" not in keys, "a table or figure has no section"


def test_inputs_are_listed_up_to_twelve(whole: tuple[Document, str, Path]) -> None:
    for article in re.findall("<article.*?</article>", whole[1], flags=re.DOTALL):
        count = int(re.findall(r"<summary>(\d+) inputs", article)[0])
        assert article.count("<li>") == min(count, 13)


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    folder = next(f for f in PUBLISHED if "simulations" in f.name)
    pages = set()
    for _ in range(2):
        made = gathered(folder, tmp_path)
        images = {p: small(p) for p in made.study.figures.values()}
        pages.add(render_page([made, made], images, tmp_path))
    assert len(pages) == 1


def test_every_template_is_used() -> None:
    from latent_microscope.report.sections import FIGURES, SECTIONS

    assets = ROOT / "src/latent_microscope/report/assets"
    found = {path.stem for path in assets.glob("[!_]*.jinja")}
    assert found == {name for _, _, names in SECTIONS for name in names.split()}
    assert {key for key, _, _ in SECTIONS} >= FIGURES.keys()


def hostile(folder: Path) -> Document:
    """A study whose names are mark-up."""
    name = '<script>alert(1)</script>"&|'
    table = folder / "tables/odd.parquet"
    table.parent.mkdir(parents=True)
    save_table(table, pd.DataFrame({name: [name, "b"], "value": [float("nan"), 1.5]}))
    save_csv(table.with_suffix(".csv"), pd.DataFrame({name: [1]}))
    write_sidecars([table], step="x", code="c", params={"a": name}, inputs={}, numeric_threads=1,
                   seconds=0.0)  # fmt: skip
    return gathered(folder, folder, {"kind": "faces", "models": [name]})


def test_names_are_escaped(tmp_path: Path) -> None:
    made = hostile(tmp_path / "study")
    text = render_page([made], {}, tmp_path)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert [section.key for section in made.sections] == ["more"]
    named = Study("made", {"files": Path("f")}, {}, {"files": pd.DataFrame(
        [{"source": "<script>", "alone": 1, "missing": 0}])})  # fmt: skip
    found: list[tuple[str, str]] = []
    text = render("files", named, found=found, captions={})
    assert "<script" not in text
    assert "<script>" in found[0][0]  # a sentence is text, escaped where it is shown


def test_an_altered_file_is_not_shown(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    hostile(folder)
    save_table(folder / "tables/odd.parquet", pd.DataFrame({"a": [2]}))
    with pytest.raises(InputError, match=r"odd\.parquet: changed"):
        gathered(folder, tmp_path, {"kind": "faces"})
    (folder / f"tables/odd.parquet{SUFFIX}").unlink()
    with pytest.raises(InputError, match=r"odd\.parquet: its sidecar is missing"):
        gathered(folder, tmp_path, {"kind": "faces"})


def test_no_two_anchors_of_a_page_are_equal(tmp_path: Path) -> None:
    made = [hostile(tmp_path / name) for name in ("a", "a-more", "a-table-odd", "text")]
    ids = [a["id"] for _, a in Parsed(render_page(made, {}, tmp_path)).tags if "id" in a]
    assert len(ids) == len(set(ids)) > 20
    assert made[0].study.anchor("figure", "eyes/x") != made[0].study.anchor("figure", "eyes-x")


@pytest.mark.parametrize("html", [True, False])
def test_a_title_with_a_semicolon_is_one_column(html: bool) -> None:
    table = pd.DataFrame({"a;b": [1], "c|d": [2]})
    made = Study("made", {"odd": Path("odd.parquet")}, {}, {"odd": table})
    (section,) = sections(made, html=html, folder="f")
    if html:
        titles = re.findall('<th scope="col">(.*?)</th>', section.body)
        assert titles == ["a;b", "c|d", "row"]
    else:
        assert "\n| a;b | c\\|d |\n|---|---|\n" in section.body


def test_how_a_table_is_made_is_said_once() -> None:
    made = study(forensics=[{"crop": crop, "quantity": "kl_total"} for crop in ("whole", "eyes")])
    text = "".join(s.body for s in sections(made, {"tables": {"forensics": "By hand."}}))
    assert text.count("<table") == 2
    assert text.count("By hand.") == 1


def test_figures_are_chosen_by_words_and_crop() -> None:
    names = ["clusters", "eyes/clusters", "clustersize", "vae-checks-whole", "vae-checks-eyes"]
    made = Study("made", {}, {name: Path(name) for name in names})
    assert made.pictures("clusters") == ["clusters", "eyes/clusters"]
    assert made.pictures("clusters", ["whole", "eyes"]) == ["clusters"]
    assert made.pictures("vae-checks", ["whole", "eyes"]) == ["vae-checks-whole"]


def test_what_is_unknown_takes_no_row(tmp_path: Path) -> None:
    known = render_page([hostile(tmp_path / "a")], {}, tmp_path)
    assert "<dt>Machine</dt>" in known
    sidecar = tmp_path / f"a/tables/odd.parquet{SUFFIX}"
    job = {k: v for k, v in load_json(sidecar).items() if k not in ("machine", "libraries")}
    save_json(sidecar, job)
    text = render_page([gathered(tmp_path / "a", tmp_path, {"kind": "simulations"})], {}, tmp_path)
    assert "<dt>Machine</dt>" not in text
    assert not re.search(r"<dd>\s*</dd>", text)


def test_only_results_without_a_schema_have_former_names(tmp_path: Path) -> None:
    path, csv = tmp_path / "tables/health.parquet", tmp_path / "tables/health.csv"
    path.parent.mkdir()
    table = pd.DataFrame({"run": [3], "view": ["whole"]})
    save_table(path, table)
    save_csv(csv, table)
    write_sidecars([path, csv], step="x", code="c", params={}, inputs={}, numeric_threads=1,
                   seconds=0.0)  # fmt: skip
    assert list(Study.published(tmp_path).table("health").columns) == ["run", "view"]
    assert table_row(csv, 0) == table_row(path, 0) == {"run": 3, "view": "whole"}
    for file in (path, csv):
        sidecar = file.with_name(file.name + SUFFIX)
        save_json(sidecar, {k: v for k, v in load_json(sidecar).items() if k != "schema"})
    assert list(Study.published(tmp_path).table("diagnostics").columns) == ["seed", "crop"]
    assert table_row(csv, 0) == table_row(path, 0) == {"seed": 3, "crop": "whole"}


def test_former_settings_are_found_at_every_depth() -> None:
    former = {
        **{"kind": "own", "views": ["whole"], "quality": {"look_alikes": 3, "views": 1}},
        "models": {"a": {"type": "folds", "inner": 0.1}, "b": {"type": "vae", "mirror": True}},
    }
    assert former_names.settings(former) == {
        **{"kind": "custom", "crops": ["whole"], "quality": {"near_matches": 3, "views": 1}},
        "models": {
            "a": {"type": "cross_validated", "validation_fraction": 0.1},
            "b": {"type": "vae", "flip": True},
        },
    }


def test_an_empty_table_takes_no_section() -> None:
    assert [section.key for section in sections(study(probes=[]))] == ["more"]
