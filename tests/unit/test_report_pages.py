"""The report's pages: safe and whole, every number with its origin."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from report_studies import CAPTIONS, PUBLISHED, ROOT, study  # type: ignore[import-not-found]

from latent_microscope import former_names
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_json, save_csv, save_json, save_table
from latent_microscope.messages import significant
from latent_microscope.provenance.lineage import table_row
from latent_microscope.provenance.sidecars import SUFFIX, write_sidecars
from latent_microscope.published import CLUSTER_BIAS
from latent_microscope.report import formats
from latent_microscope.report.formats import first_sentence, pieces, plain
from latent_microscope.report.images import small
from latent_microscope.report.origins import Chains
from latent_microscope.report.pages import Document, document, render_page
from latent_microscope.report.sections import render, sections
from latent_microscope.report.study import Study


def test_numbers_are_links_and_parts_of_names_are_not() -> None:
    text = "5_o_Clock_Shadow in vgg15: 1,234 of 3, −0.5 (95 %) and 2 × 10⁻⁵, resnet-50."
    assert [word for word, is_number in pieces(text) if is_number] == [
        *("1,234", "3", "−0.5", "95 %", "2 × 10⁻⁵")
    ]
    assert "".join(word for word, _ in pieces(text)) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (10_000, 4, "10,000"), (12345.678, 4, "12,350"), (123_456_789, 4, "123,456,789"),
        (0.00012, 2, "0.00012"), (4.9e-6, 2, "4.9 × 10⁻⁶"), (3e-7, 2, "3 × 10⁻⁷"),
        (0.0, 2, "0"), (99.96, 3, "100"), (-0.00012345, 3, "-0.000123"), (0.1 + 0.2, 4, "0.3"),
        (1e20, 3, "1 × 10²⁰"),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(value: float, digits: int, text: str) -> None:
    assert significant(value, digits) == text


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (formats.number(float("inf")), "∞"),
        (formats.ratio(15_000.0, 3_400.0, float("inf")), "15,000 (3,400–∞)"),
        (formats.short(float("-inf")), "-∞"),
        (formats.signed(0.5, float("-inf"), 1.0), "+0.500 (-∞ to +1.000)"),
        (formats.signed(float("nan"), 0.1, 0.2), "–"),
        (formats.p_value(0.0), "< 10⁻³⁰⁰"),
        (formats.p_value(0.012), "0.012"),
    ],
)
def test_what_no_number_can_say(shown: str, text: str) -> None:
    assert shown == text


def test_columns_that_no_row_has_a_value_of_are_left_out() -> None:
    rows = ['<th scope="row">a</th><td>–</td>\n<td class="warn">1</td><td></td>']
    assert formats.without_empty(["name", "sd", "n", "x"], rows) == (
        ["name", "n"],
        ['<th scope="row">a</th>\n<td class="warn">1</td>'],
    )
    more = [*rows, "<th>b</th><td>–</td><td>–</td><td><b>0</b></td>"]
    assert formats.without_empty(["name", "sd", "n", "x"], more)[0] == ["name", "n", "x"]
    assert formats.without_empty(["name"], []) == (["name"], [])


def test_samples_without_images_are_not_called_images() -> None:
    row = {"model": "net", "measure": "rho_a", "metric": "m", "low": 0.1, "high": 0.2}
    made = study(measures=[row | {"note": "of image 3", "equivalents_text": ""}])
    (own,) = (one for one in sections(made, parts=frozenset()) if one.key == "measures")
    assert "intervals over samples, each with" in own.body
    assert "(of image 3)" in own.body  # a word of the data
    (usual,) = (one for one in sections(made) if one.key == "measures")
    assert "intervals over images, each with" in usual.body
    assert formats.worded("Images and <img> of an image_1", "sample") == (
        "Samples and <img> of an image_1"
    )


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
        [{"source": "<script>", "alone": 1, "joined_by": "id", "missing": 0}])})  # fmt: skip
    found: list[tuple[str, str]] = []
    text = render("files", named, found=found, captions={})
    assert "<script" not in text
    assert "<script>" in found[0][0]  # a sentence is text, escaped where it is shown


@pytest.mark.parametrize(
    ("data", "asked", "unasked"),
    [
        ({"votes": {"file": "v.csv"}}, "align with human judgements", "latent space"),
        ({"embeddings": {"file": "z.npy"}}, "What is in this latent space", "human"),
        ({"images": "a", "dissimilarity": "d"}, "elsewhere? How well do", "interpolations"),
    ],
)
def test_a_study_asks_what_its_files_can_answer(
    tmp_path: Path, data: dict[str, Any], asked: str, unasked: str
) -> None:
    made = replace(hostile(tmp_path / "study"), settings={"kind": "custom", "data": data})
    assert asked in made.question
    assert unasked not in made.question


def test_the_users_own_files_are_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = Path("results/s/tables/odd.parquet")
    table.parent.mkdir(parents=True)
    save_table(table, pd.DataFrame({"value": [1.5]}))
    made, own = Path("results/s/latents.npy"), Path("z.npy")
    for path in (made, own):
        path.write_bytes(b"rows")
    write_sidecars([table], step="x", code="c", params={}, inputs={"a": [own], "b": [made]},
                   numeric_threads=1, seconds=0.0)  # fmt: skip
    sha256 = hashlib.sha256(b"rows").hexdigest()
    assert Chains().origin(table).data == (f"z.npy (SHA-256 {sha256[:16]})",)


def test_columns_of_a_user_are_not_those_of_the_preprint() -> None:
    rows = [
        {"group": "cluster 0", "definition": "odds", "attribute": name} for name in CLUSTER_BIAS
    ]
    made = study(bias_tests=rows, bias=[])
    bodies = ["".join(one.body for one in sections(made, without=without)) for without in
              ((), ("published-bias",))]  # fmt: skip
    assert ["preprint" in body for body in bodies] == [True, False]


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


def test_a_long_table_is_cut_and_says_so() -> None:
    rows = [{"source": "resamples", "verdict": "stable", "cluster": k} for k in range(30)]
    text = render("cluster-jaccard", study(cluster_jaccard=rows), found=[], captions={})
    assert text.count("<tr title=") == 25
    assert "The first 25 of 30 rows; all are in the" in text
    assert "--row 24" in text
    short = render("cluster-jaccard", study(cluster_jaccard=rows[:25]), found=[], captions={})
    assert "The first" not in short


@pytest.mark.parametrize("html", [True, False])
def test_a_title_with_a_semicolon_is_one_column(html: bool) -> None:
    table = pd.DataFrame({"a;b": [1], "c|d": [2]})
    made = Study("made", {"odd": Path("odd.parquet")}, {}, {"odd": table})
    (section,) = sections(made, html=html, folder="f")
    if html:
        titles = re.findall('<th scope="col">(.*?)</th>', section.body)
        assert titles == ["a;b", "c|d"]
    else:
        assert "\n| a;b | c\\|d |\n|---|---|\n" in section.body


def test_how_a_table_is_made_is_said_once() -> None:
    made = study(forensics=[{"crop": crop, "quantity": "kl_total"} for crop in ("whole", "eyes")])
    text = "".join(s.body for s in sections(made, {"tables": {"forensics": "By hand."}}))
    assert text.count("<table") == 2
    assert text.count("By hand.") == 1


def test_figures_are_chosen_by_words() -> None:
    names = ["clusters", "eyes/clusters", "clustersize", "vae-checks-whole", "vae-checks-eyes"]
    made = Study("made", {}, {name: Path(name) for name in names})
    assert made.pictures("clusters") == ["clusters", "eyes/clusters"]
    assert made.pictures("vae-checks") == ["vae-checks-eyes", "vae-checks-whole"]


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
    assert sections(study(probes=[])) == []
