"""Pages and figures speak only of what a study has: images, people, VAEs, labels."""

import re
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from report_studies import study  # type: ignore[import-not-found]

from latent_microscope import registry
from latent_microscope.config.resolve import resolve
from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.planning.figures import is_drawn
from latent_microscope.planning.runs import title
from latent_microscope.planning.study import Study, Wildcards
from latent_microscope.planning.tables import is_made
from latent_microscope.plots import style
from latent_microscope.plots.alignment import plot_dissimilarity
from latent_microscope.plots.latent import plot_clusters
from latent_microscope.registry import noun_of, said
from latent_microscope.report import formats
from latent_microscope.report.pages import _parts
from latent_microscope.report.sections import render

ABSENT = {
    "images": r"\bimages?\b|the pixels|brightness",
    "identities": r"person|people|identit",
    "vae": r"\bVAEs?\b|autoencoder",
    "labels": r"\blabel alone|true label",
}
DATA: dict[str, dict[str, Any]] = {
    "embeddings": {"embeddings": "z.npy", "attributes": "t.csv"},
    "images with embeddings": {"embeddings": "z.npy", "images": "faces", "attributes": "t.csv"},
    "dissimilarity": {"dissimilarity": "d.npy"},
    "images": {"images": "faces", "attributes": "t.csv", "labels": {"column": "kind"}},
}


def of(data: dict[str, Any]) -> Study:
    models = {"m": {"type": "external", "file": "m.npy", "holds": "features"}}
    own: dict[str, Any] = {"kind": "custom", "data": data}
    own |= {"models": models} if "dissimilarity" in data else {}
    own |= (
        {}
        if data.keys() & {"embeddings", "dissimilarity"}
        else {"vae": {"arch": "dense", "latent": 2, "epochs": 1}}
    )
    return Study("own", resolve({"run": ["own"], "studies": {"own": own}})["studies"]["own"])


def test_words_for_some_studies_only() -> None:
    text = "Ranks[vae:  of one VAE][identities: , by person]."
    assert said(text) == "Ranks of one VAE, by person."
    assert said(text, {"vae"}) == "Ranks of one VAE."
    assert said(text, frozenset()) == "Ranks."
    assert said("ICC [C, 1] [other: x]", ()) == "ICC [C, 1] [other: x]"


@pytest.mark.parametrize("name", DATA)
def test_captions_speak_of_what_a_study_has(name: str) -> None:
    own = of(DATA[name])
    parts = _parts(own.settings)
    assert parts is not None
    figures = [one for one in registry.figures() if is_drawn(one, own)]
    tables = [one for one in registry.tables() if is_made(one, own)]
    assert len(figures) > 2
    assert len(tables) > 2
    every: list[Any] = [*figures, *tables]
    for one in every:
        text = formats.worded(said(one.caption, parts), noun_of(parts))
        assert not re.search(r"\[\w+: | ,|,,|\. [a-z]{2}|  |ithout sample", text), (one.name, text)
        # Stability has no order of columns: what repeats it is another draw of its noise.
        assert one.name != "reliability" or "of its noise" in text
        for part in ABSENT.keys() - parts:
            assert not re.search(ABSENT[part], text), (one.name, part, text)


def test_each_mark_is_of_a_word_that_some_study_lacks() -> None:
    every: list[Any] = [*registry.figures(), *registry.tables()]
    texts = [one.caption for one in every]
    for part in (*ABSENT, "published"):
        assert any(said(text, ABSENT.keys() - {part}) != said(text) for text in texts)
    assert all("[" not in said(text) for text in texts)


def test_sentences_and_heads_speak_of_what_a_study_has() -> None:
    row = {"status": "few", "auc_mean": float("nan"), "auc_pixels": float("nan")}
    made = study(probes=[row])
    shown = partial(render, "probes", made, found=[], captions={})
    assert "images, and people, with and without it" in " ".join(shown().split())
    none = " ".join(shown(parts=frozenset()).split())
    assert "samples with and without it" in none
    assert "held-out samples. " in none
    assert "person" not in none
    rows = [{"verdict": v, "cluster": k, "seed": 0} for k, v in ((2, "stable"), (4, "unstable"))]
    jaccard = partial(render, "cluster-jaccard", study(cluster_jaccard=rows), captions={})
    assert "cluster 4 of seed 0" in re.sub(r"<[^>]+>", "", jaccard(found=[]))
    assert "of seed" not in jaccard(found=[], parts=frozenset({"images"}))


def texts_of(figure: Figure) -> str:
    return "\n".join(one.get_text() for one in figure.findobj(Text))


def test_figures_count_samples_where_there_are_no_images(tmp_path: Any) -> None:
    columns = [
        *("value", "low", "high", "low_images", "high_images", "label_only"),
        *("ceiling_lower", "ceiling_upper"),
    ]
    row = dict.fromkeys(columns, 0.1) | {"method": "rho-a", "metric": "euclidean", "model": "m"}
    row |= {"generalises_to": "images and annotators", "n_observers": 3, "ceiling_status": ""}
    path = tmp_path / "d.parquet"
    pd.DataFrame([row | {"n_images": 20, "n_pairs": 190, "n_missing": 0}]).to_parquet(path)
    cases: tuple[tuple[str, dict[str, Any]], ...] = (("image", {}), ("sample", {"noun": "sample"}))
    for noun, given in cases:
        with style.look("dissimilarity", given) as look:
            text = texts_of(plot_dissimilarity(table=path, title="own", look=look))
        assert f"n = 20 {noun}s, 190 pairs" in text
        assert f"over {noun}s and annotators (thick: over {noun}s)" in text
    assert of(DATA["embeddings"]).words == of(DATA["dissimilarity"]).words == {"noun": "sample"}
    assert of(DATA["images"]).words == {}


def test_only_a_vae_has_a_seed_in_its_title() -> None:
    at = Wildcards(study="own", crop="whole", seed="0")
    assert title(of(DATA["embeddings"]), at) == "own"
    assert title(of(DATA["images"]), at) == "own · seed 0"


def test_the_map_of_clusters_says_what_it_shows(tmp_path: Any) -> None:
    ids = [f"s{i}" for i in range(30)]
    table = pd.DataFrame({"id": ids, "cluster": [0] * 15 + [1] * 12 + [-1] * 3})
    for name in ("cls", "uniqueness", "originality"):
        table[name] = np.arange(30.0)
    scores, clusters, umap = (tmp_path / name for name in ("s.parquet", "c.parquet", "u.npy"))
    save_table(scores, table)
    save_table(clusters, table[["id", "cluster"]])
    save_npy(umap, np.random.default_rng(0).normal(size=(30, 2)))
    cut = "; colours end at the lowest and highest 1 % of the values"
    limits = {"clusters": {"clim": [0, 1]}}
    for given, end in ({}, cut), ({"limits": limits}, ""):
        with style.look("clusters", given) as look:
            drawn = plot_clusters(umap=umap, scores=scores, clusters=clusters, title="t", look=look)
        note = f"UMAP of standardised latents; HDBSCAN finds 2 clusters, 10.0% noise{end}"
        assert note in texts_of(drawn).split("\n")


def test_figures_say_which_values_their_colours_cut() -> None:
    with style.look("clusters") as look:
        assert look.cut("cls") == "colours end at the lowest and highest 1 % of the values"
        assert "0.5 %" in look.cut("percentile", tail=0.5)
        look.panels.clear()
    limits = {"clusters/cls": {"clim": [0, 1]}}
    with style.look("clusters", {"limits": limits}) as look:
        assert look.cut("cls") == ""
        assert look.cut("cls", "originality")
