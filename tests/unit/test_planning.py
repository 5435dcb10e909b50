"""Planning functions: which files of which study, and what a run must not ask for."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latent_microscope import project, registry
from latent_microscope.config.resolve import merge, resolve
from latent_microscope.data.manifest import load_manifest
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.planning import (
    comparison,
    data,
    explorer,
    figures,
    networks,
    resources,
    similarity,
    tables,
    targets,
)
from latent_microscope.planning import runs as planned
from latent_microscope.planning.resources import needs
from latent_microscope.planning.study import Study, Wildcards, studies_of
from latent_microscope.planning.workflow import Plan, one_of
from latent_microscope.provenance.codehash import CodeHasher
from latent_microscope.similarity import bins, ceiling, measures
from latent_microscope.similarity import study as study_module

MANIFEST = load_manifest(project.asset("config/datasets.yaml"))


def studies(config: str | None = None, **over: Any) -> dict[str, Study]:
    """The studies of a config of ours."""
    whole = load_yaml(project.asset("config/config.yaml"))
    if config:
        whole = merge(whole, load_yaml(project.asset(f"config/{config}.yaml")))
    return studies_of(resolve(merge(whole, over)), MANIFEST)


@pytest.fixture(scope="module")
def demo() -> dict[str, Study]:
    return studies()


def test_what_a_study_has(demo: dict[str, Study]) -> None:
    synthetic, faces, alignment = (demo[f"demo-{k}"] for k in ("synthetic", "faces", "alignment"))
    assert [s.has_forensics for s in (synthetic, faces, alignment)] == [True, True, False]
    assert [s.is_clustered for s in (synthetic, faces, alignment)] == [False, True, False]
    assert [s.has_judgements for s in (synthetic, faces, alignment)] == [False, False, True]
    assert all(s.is_synthetic_demo and s.is_trained for s in demo.values())
    assert "identities" in faces.parts
    assert "identities" not in alignment.parts


def test_runs_have_views_outermost() -> None:
    study = Study("s", {"kind": "synthetic", "crops": ["whole", "eyes"], "seeds": [3, 1]})
    assert list(study.runs()) == [("whole", 3), ("whole", 1), ("eyes", 3), ("eyes", 1)]
    assert study.first_run == Wildcards(study="s", crop="whole", seed="3")
    assert planned.run_files("a.npy")(study, Wildcards())[1] == "results/s/vae/whole/seed1/a.npy"


def test_scenarios_of_a_detection_study_have_their_own_seeds() -> None:
    scenarios = {"hard": {"seeds": [0, 1]}, "easy": {"seeds": [7]}}
    study = Study("d", {"kind": "detection", "scenarios": scenarios, "seeds": [0]})
    assert list(study.runs()) == [("hard", 0), ("hard", 1), ("easy", 7)]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (Wildcards(), "demo-synthetic · synthetic demo data"),
        (Wildcards(crop="eyes", seed="2"), "demo-synthetic · seed 2 · synthetic demo data"),
        (
            Wildcards(method="intended"),
            "demo-synthetic · sources as intended · synthetic demo data",
        ),
    ],
)
def test_a_title_says_what_is_drawn(demo: dict[str, Study], at: Wildcards, expected: str) -> None:
    assert planned.title(demo["demo-synthetic"], at) == expected


def test_features_of_each_kind_of_source(demo: dict[str, Study]) -> None:
    study = demo["demo-alignment"]
    features = comparison.of_sources(comparison.rdm_features)(study, Wildcards())
    by_source = dict(zip(comparison.all_sources(study), features, strict=True))
    assert by_source["human"] == "results/demo-alignment/human/features.npy"
    assert by_source["vae-features-seed0"].endswith("vae/whole/seed0/latents.npy")
    assert by_source["philnet-probabilities-seed0"].endswith("philnet/seed0/logits.npy")
    transforms = comparison.of_sources(comparison.rdm_transform)(study, Wildcards())
    softened = {s for s, t in zip(by_source, transforms, strict=True) if t == "softmax"}
    assert softened == {s for s in by_source if "-probabilities-" in s or "-calibrated-" in s}


def test_a_study_may_do_without_files_of_rdms(demo: dict[str, Study]) -> None:
    kept = demo["demo-alignment"]
    bare = replace(kept, settings={**kept.settings, "rdm_files": False})
    at = Wildcards(metric="euclidean")
    assert len(comparison.rdm_files(".npy")(kept, at)) == len(comparison.all_sources(kept))
    assert comparison.rdm_files(".npy")(bare, at) == comparison.every_rdm(bare) == []
    (figure,) = [one for one in registry.figures() if one.name == "rdms"]
    assert figure.where(kept)
    assert not figure.where(bare)


def asked_for(
    folder: Path, n: int, rdms: int, columns: int, resource: Any, *, threads: int = 2
) -> int:
    """What a step over so many images asks for; its files of features are as large, and empty."""
    samples, features = folder / f"{n}.parquet", folder / f"{n}-{columns}.npy"
    save_table(samples, pd.DataFrame({"id": np.arange(n)}))
    with features.open("wb") as file:
        file.truncate(4 * n * columns)
    inputs = SimpleNamespace(samples=samples, features=[features] * rdms)
    return int(resource(None, input=inputs, threads=threads, attempt=1))


def test_requests_of_rsa_grow_with_images_and_models(tmp_path: Path) -> None:
    """Measured of 28 RDMs of 10,000 images: 1.2 GB (comparison), 1.4 GB (bootstrap)."""
    ask = partial(asked_for, tmp_path)
    memory, runtime = similarity.rsa(lambda wildcards: 500)
    assert 2600 < ask(500, 4, 10, memory) < 2800
    assert ask(500, 4, 10, runtime) == 30
    assert 1436 < ask(10_000, 29, 10, memory) < 6000
    assert ask(10_000, 29, 10, runtime) == 31
    # 1.25e9 pairs: an hour of two cores at 100 ns per pair and RDM, 2,048 columns many more.
    assert ask(50_000, 29, 10, runtime) == 77
    assert ask(50_000, 29, 2048, runtime) == 476
    assert ask(50_000, 29, 2048, runtime, threads=8) < 3 * 60
    # Tau: 25 bytes of each pair and thread, up to 16,384 images; above from classes of rank.
    sorting, slower = similarity.rsa(lambda wildcards: 500, tau=lambda wildcards: True)
    more = ask(10_000, 4, 10, sorting) - ask(10_000, 4, 10, memory)
    assert more == pytest.approx((2 * 25 + 8) * 50, rel=0.01)
    assert ask(10_000, 29, 10, slower) > ask(10_000, 29, 10, runtime)
    assert ask(20_000, 4, 10, sorting) == ask(20_000, 4, 10, memory)
    off = similarity.rsa(lambda wildcards: 500, tau=lambda wildcards: False)[0]
    assert ask(10_000, 4, 10, off) == ask(10_000, 4, 10, memory)
    # Wide features: blocks, and products of columns, of each thread.
    tile = 24e-6 * 512 * 4096  # of distances, where no RDMs are in files
    wide = [ask(10_000, 2, 4096, memory, threads=threads) for threads in (1, 2)]
    assert wide[1] - wide[0] == pytest.approx(400 + 8e-6 * 4096**2 + tile, abs=2)
    # The bootstrap takes all pairs of up to 15,000 images, and tables of every two RDMs.
    tables, longer = similarity.rsa(lambda wildcards: 500, checked=lambda wildcards: 20)
    assert ask(50_000, 29, 10, tables) - ask(50_000, 29, 10, memory) == pytest.approx(1345, abs=2)
    assert 30 < ask(50_000, 29, 10, longer) < 120
    seconds = 3 * 15_000 * 14_999 / 2 * 29 * 1.5e-7  # of all pairs, three times, on two cores
    assert ask(15_000, 29, 10, longer) == pytest.approx(30 + 1.5 * seconds / 120, abs=3)
    # Its check holds the RDMs of some images.
    held = similarity.rsa(lambda wildcards: 500, checked=lambda wildcards: 5000)[0]
    more = ask(10_000, 29, 10, held) - ask(10_000, 29, 10, tables)
    assert more == pytest.approx(9e-6 * 31 * 5000 * 4999 / 2, rel=0.01)
    # Softmax keeps float64 copies of its features.
    kept = similarity.rsa(lambda _: 500, transforms=lambda _: ["none", "softmax"])[0]
    assert ask(10_000, 2, 1000, kept) - ask(10_000, 2, 1000, memory) == pytest.approx(160, abs=2)
    assert ask(0, 2, 0, memory) > 0
    votes = similarity.rsa(lambda wildcards: 500, more=lambda wildcards: 36)[0]
    assert ask(10_000, 4, 10, votes) - ask(10_000, 4, 10, memory) == pytest.approx(3043, abs=2)
    # A plan before there are files has the config's images, and narrow features.
    missing = SimpleNamespace(samples=tmp_path / "no", features=[tmp_path / "none"] * 4)
    assert memory(None, missing, threads=2, attempt=1) == pytest.approx(
        ask(500, 4, 1, memory), abs=1
    )
    assert runtime(None, missing, threads=1, attempt=2) == 60


def test_limits_of_requests_are_those_of_the_code() -> None:
    assert similarity.MOST_SORTED == measures._MOST_SORTED
    assert similarity._KEPT == bins._KEPT
    assert similarity.BLOCK == study_module.BLOCK == ceiling._MOST_SPLIT


def test_a_ceiling_asks_for_the_time_of_its_splits(tmp_path: Path) -> None:
    memory, runtime = similarity.ceilings(lambda wildcards: 10_000, lambda wildcards: 20)
    assert memory(None, threads=2, attempt=2) == 6200
    assert asked_for(tmp_path, 500, 1, 10, runtime) == 60
    assert asked_for(tmp_path, 10_000, 1, 10, runtime) == asked_for(
        tmp_path, 50_000, 1, 10, runtime
    )
    assert asked_for(tmp_path, 10_000, 1, 10, runtime) == 63


def test_models_without_chance_have_one_seed() -> None:
    found = studies("alignment", size="workstation")
    study = found["alignment-workstation"]
    assert networks.seeds_of(study, "pixels") == [0]
    assert len(networks.seeds_of(study, "philnet")) > 1
    folds = study.models("cross_validated")[0]
    rows = networks.compared_folds(study)
    assert {row[2] for row in rows if row[0] == study.model(folds)["of"]} == {folds}


def test_every_classifier_in_folds_is_found_among_all() -> None:
    study = studies("alignment", size="workstation")["alignment-workstation"]
    every = comparison.classifiers(study)
    places = comparison.tempered_classifiers(study, Wildcards())
    assert [every[i] for i in places] == networks.tempered_runs(study)


def test_predictions_are_read_with_the_first_metric_only(demo: dict[str, Study]) -> None:
    study = demo["demo-alignment"]
    ask = comparison.of_first_metric(comparison.behaviour_names)
    assert ask(study, Wildcards(metric=study.metrics[0])) == comparison.behaviour_names(
        study, Wildcards()
    )
    assert ask(study, Wildcards(metric="none")) == []


def test_figures_are_where_they_can_be(demo: dict[str, Study]) -> None:
    faces = set(figures.figures_of(demo["demo-faces"]))
    published = set(figures.figures_of(demo["demo-faces"], published=True))
    assert published < faces
    hidden = {path.rsplit("/", 1)[1] for path in faces - published}
    assert {"duplicates.png", "list-creative.png", "vae-images.png"} <= hidden
    assert "results/demo-faces/vae/whole/seed0/figures/bias-forest.png" in published
    assert not [path for path in faces if "rsa-" in path]


def test_figures_of_one_crop_stand_together() -> None:
    study = studies("synthetic", size="paper")["synthetic-paper"]
    paths = [p for p in figures.figures_of(study) if "/vae/" in p]
    crops = [path.split("/vae/")[1].split("/")[0] for path in paths]
    assert crops == sorted(crops, key=study.crops.index)


def test_limits_name_figures_that_there_are() -> None:
    figures.check_limits({"limits": {"clusters/cls": {"clim": [0, 1]}}})
    for wrong, said in (
        ("clutsers", "'clutsers' is unknown; did you mean clusters?"),
        ("vae_health/loss", "vae_health is now called vae_diagnostics; rename it"),
        ("settings", "settings is now called scenarios; rename it"),
    ):
        with pytest.raises(InputError, match=r"config key figures\.limits: ") as caught:
            figures.check_limits({"limits": {wrong: {"xlim": [0, 1]}}})
        assert said in str(caught.value)


def test_tables_follow_the_votes_and_the_files(demo: dict[str, Study]) -> None:
    names = [path.rsplit("/", 1)[1] for path in tables.tables_of(demo["demo-alignment"], "csv")]
    assert names[:2] == ["alignment.csv", "behaviour.csv"]
    assert "bias.csv" not in names
    assert set(tables.tables_of(demo["demo-faces"])) >= {
        "results/demo-faces/tables/bias.parquet",
        "results/demo-faces/tables/bias.csv",
    }


def test_checks_look_at_everything_that_is_promised(demo: dict[str, Study]) -> None:
    for study in demo.values():
        looked = targets.checked_artefacts(study, Wildcards(study=study.name))
        assert set(tables.tables_of(study, "parquet")) <= set(looked)
        assert len(looked) == len(set(looked))


def test_a_study_of_files_names_the_one_that_is_missing(tmp_path: Any) -> None:
    there = tmp_path / "there.npy"
    there.write_bytes(b"")
    study = {
        "kind": "custom",
        "data": {"embeddings": {"file": str(there), "ids": None}},
        "models": {},
    }
    data.require_files(Study("mine", study))
    study["data"] = {"embeddings": {"file": str(tmp_path / "gone.npy"), "ids": None}}
    with pytest.raises(InputError, match=r"studies\.mine\.data\.embeddings\.file.*gone\.npy"):
        data.require_files(Study("mine", study))


def test_the_reader_of_a_data_set_counts_as_code(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan({}, CodeHasher(), installed=True)
    at = {"study": "demo-faces"}
    usual = plan.reading("pack_faces", "dataset")(at)
    assert usual == plan.step("pack_faces")
    own = replace(plan.manifest["demo-faces"], reader="latent_microscope.data.cifar:open_split")
    monkeypatch.setitem(plan.manifest, "demo-faces", own)
    other = plan.reading("pack_faces", "dataset")(at)
    assert other["functions"] == [own.reader]
    assert other["code"] != usual["code"]


def test_the_explored_spaces_have_their_planes(demo: dict[str, Study]) -> None:
    spaces = explorer.spaces(demo["demo-alignment"], Wildcards())
    assert next(iter(spaces)) == "latents of the VAE"
    assert list(spaces)[-1] == "votes of annotators"
    synthetic = explorer.spaces(demo["demo-synthetic"], Wildcards())
    assert synthetic["latents of the VAE"][2].endswith("tsne.npy")


def test_needs_leave_out_what_is_not_asked_for() -> None:
    assert set(needs(resources.light_memory)) == {"mem_mb", "runtime"}
    assert needs(resources.light_memory, gpu=1, batched=True)["turn"] == 1
    assert resources.fixed(6000)(None, attempt=2) == 12000


def test_no_name_matches_nothing() -> None:
    assert not re.fullmatch(one_of([]), "")
    assert re.fullmatch(one_of(["a.b"]), "a.b")
    assert not re.fullmatch(one_of(["a.b"]), "axb")


def test_declarations_are_whole() -> None:
    """What is declared can be loaded, is told of, and has an output of its own."""
    names = [figure.name for figure in registry.figures()]
    assert len(names) == len(set(names)) > 40
    every = [table.name for table in registry.tables()]
    assert len(every) == len(set(every)) > 30
    assert all(figure.caption and figure.title for figure in registry.figures())
    assert all(table.caption and table.title for table in registry.tables())
    for table in registry.tables():
        if table.function:
            outputs = registry.outputs_of(table)
            assert not set(outputs) & {*table.inputs, *table.params}
    files = [file for figure in registry.figures() for file in figure.titles]
    assert len(files) == len(set(files))


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        ({"anonymise": True}, "data/ids.parquet"),
        ({"images": "none"}, "vae/whole/seed0/figures/overlaps.png"),
    ],
)
def test_what_must_not_be_shown_any_more_is_refused(
    keys: dict[str, Any], left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "results/mine" / left
    file.parent.mkdir(parents=True)
    file.touch()
    own = {"kind": "custom", "data": {"embeddings": "z.npz", "images": "photos"}}
    before, after = (
        studies(run=["mine"], studies={"mine": one})["mine"] for one in (own, {**own, **keys})
    )
    figures.require_none_left(before)
    with pytest.raises(InputError, match=f"{left} is of a run without `{next(iter(keys))}"):
        figures.require_none_left(after)
    file.unlink()
    figures.require_none_left(after)


def test_only_shown_images_are_in_pages_and_figures() -> None:
    own = {"kind": "custom", "data": {"embeddings": "z.npz", "images": "photos"}}
    seen, unseen = (
        studies(run=["mine"], studies={"mine": {**own, "images": images}})["mine"]
        for images in ("shown", "none")
    )
    pictures = set(figures.figures_of(seen)) - set(figures.figures_of(unseen))
    assert any(path.endswith("overlaps.png") for path in pictures)
    assert any(path.endswith("cluster-images.png") for path in pictures)  # means of few show people
    assert "results/mine/tables/cluster-pixels.csv" in tables.tables_of(unseen)
    assert set(figures.figures_of(unseen)) <= set(figures.figures_of(seen, published=True))
    assert explorer.images(seen, seen.first_run) == "results/mine/data/images.npy"
    assert explorer.images(unseen, unseen.first_run) == []
    assert planned.images_if_any(unseen, unseen.first_run) == "results/mine/data/images.npy"


def test_the_ids_of_an_anonymised_study_are_not_in_its_results() -> None:
    people = {"file": "people.csv", "column": "who"}
    own = {"kind": "custom", "data": {"embeddings": "a b/z.npz", "identities": people}}
    plain, coded = (
        studies(run=["mine"], studies={"mine": {**own, "anonymise": on}})["mine"]
        for on in (False, True)
    )
    assert data.all_ids(plain, Wildcards()) == "results/mine/data/ids.parquet"
    assert data.all_ids(coded, Wildcards()) == "data/private/mine/ids.parquet"
    assert data.written(plain, Wildcards()) == []
    assert {"mine", "a b/z.npz", "people.csv", "who"} <= set(data.written(coded, Wildcards()))
