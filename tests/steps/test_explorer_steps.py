"""The step that makes the explorer: same bytes, honest numbers, harmless names, missing parts."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer_study import EVIL, N, bare, nowhere, write  # type: ignore[import-not-found]
from step_helpers import run_twice  # type: ignore[import-not-found]

from embed_features import main as embed_features
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, load_table, save_npy, save_table
from make_explorer import main

TYPES = {"u1": "<u1", "u2": "<u2", "u4": "<u4", "f4": "<f4"}


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return write(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def page(arguments: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "explorer.html"
    main(explorer=file, **arguments)
    return file.read_text(encoding="utf-8")


def payload(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="study">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def values(array: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["data"]), dtype=TYPES[array["type"]])


def column(page: str, name: str) -> dict[str, Any]:
    return next(c for c in payload(page)["columns"] if c["name"] == name)


def test_the_same_study_gives_the_same_bytes(arguments: dict[str, Any], tmp_path: Path) -> None:
    run_twice(main, tmp_path, {"explorer": "explorer.html"}, **arguments)


def test_values_are_those_of_the_tables_joined_by_id(page: str, arguments: dict[str, Any]) -> None:
    ids = payload(page)["ids"]
    assert ids == load_table(arguments["samples"])["id"].tolist()
    scores = load_table(arguments["scores"][0]).set_index("id").loc[ids]
    for name in ("uniqueness", "originality", "cls"):
        np.testing.assert_array_equal(
            values(column(page, name)), scores[name].to_numpy(dtype=np.float32)
        )
    clusters = column(page, "cluster")
    wanted = load_table(arguments["clusters"])["cluster"]
    found = [clusters["levels"][code] for code in values(clusters)]
    assert found == ["noise" if label == -1 else str(label) for label in wanted]
    smiling = np.unpackbits(
        np.frombuffer(base64.b64decode(column(page, "attribute: Smiling")["data"]), dtype=np.uint8),
        bitorder="little",
    )[:N]
    assert (smiling == (load_table(arguments["attributes"])["Smiling"] > 0)).all()
    votes = values(payload(page)["votes"]["counts"]).reshape(N, 3)
    assert (votes == load_table(arguments["votes"]).drop(columns="id").to_numpy()).all()


def test_positions_are_exact_to_the_step_that_the_page_says(
    page: str, arguments: dict[str, Any]
) -> None:
    plane = payload(page)["maps"][0]["plane"]
    found = values(plane).reshape(N, 2) * plane["step"] + np.array(plane["low"])
    original = load_npy(arguments["maps"][0])
    assert plane["step"] == pytest.approx(np.ptp(original, axis=0).max() / 65535)
    assert np.abs(found - original).max() <= 0.5001 * plane["step"]


def test_no_name_can_leave_its_place(page: str) -> None:
    """Ids and attributes hold markup; they stand in JSON alone, and there without < and >."""
    assert EVIL in payload(page)["ids"]
    assert "window.hurt" in page
    start, end = page.index('id="study">'), page.index("</script>", page.index('id="study">'))
    assert all(start < found.start() < end for found in re.finditer("window.hurt", page))
    assert not re.search("[<>&]", page[start + len('id="study">') : end])
    assert "<title>study &lt;1&gt; · {{study}} – explorer</title>" in page


def test_the_policy_allows_the_scripts_inside_and_nothing_else(page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    rules = dict(part.split(" ", 1) for part in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in rules["script-src"]
    assert len(rules["script-src"].split()) == 3
    assert rules["img-src"] == "data: blob:"
    assert set(rules) == {
        *("default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"),
    }
    rest = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert len(rest) < len(page) / 2
    for source in re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", rest):
        assert source == "data:,"


def test_its_own_code_makes_text_and_never_markup() -> None:
    folder = Path(__file__).parents[2] / "src/latent_microscope/explorer/assets"
    code = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.js")))
    forbidden = (
        "innerHTML|outerHTML|insertAdjacentHTML|document.write|eval\\(|new Function|fetch\\("
    )
    assert not re.search(forbidden, code)
    assert "textContent" in code


def test_thumbnails_are_reduced_and_never_enlarged(
    arguments: dict[str, Any], tmp_path: Path
) -> None:
    sizes = {}
    for side in (0, 8, 100):
        file = tmp_path / f"{side}.html"
        main(explorer=file, **arguments, thumbnail=side)
        page = file.read_text(encoding="utf-8")
        made = payload(page)["thumbnails"]
        sizes[side] = made and (made["width"], made["height"])
        assert page.count('id="sheet-') == (1 if side else 0)
    assert sizes == {0: None, 8: (8, 6), 100: (16, 12)}


def test_images_larger_than_thumbnails_are_in_full_as_long_as_they_fit(
    arguments: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "explorer.html"
    main(explorer=file, **arguments, thumbnail=8)
    page = file.read_text(encoding="utf-8")
    full = payload(page)["full"]
    assert (full["width"], full["height"], full["onSheet"]) == (16, 12, 16)
    assert page.count('id="full-') == N // 16
    assert payload(page)["thumbnails"]["stored"] == [16, 12]
    monkeypatch.setattr("latent_microscope.explorer.sprites.FULL_BYTES", 100)
    main(explorer=file, **arguments, thumbnail=8)
    assert payload(file.read_text(encoding="utf-8"))["full"] is None


def test_samples_without_any_space_are_shown_in_their_order(
    arguments: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "explorer.html"
    main(explorer=file, **nowhere(arguments))
    made = payload(file.read_text(encoding="utf-8"))
    (only,) = made["maps"]
    places = values(only["plane"]).reshape(N, 2)
    assert len(np.unique(places, axis=0)) == N
    assert (np.diff(places[:16, 0].astype(int)) > 0).all()  # along the first row
    assert (only["k"], made["noun"]) == (0, "sample")
    assert "step encode_latents" in only["note"]


def test_latents_and_ids_alone_are_enough(arguments: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "explorer.html"
    main(explorer=file, **bare(arguments))
    found = payload(file.read_text(encoding="utf-8"))
    assert found["thumbnails"] is found["votes"] is found["pairs"] is None
    assert found["lists"] == []
    assert [one["title"] for one in found["maps"]] == ["latents of the VAE, principal components"]
    assert "% of the variance" in found["maps"][0]["note"]


def test_rows_in_another_order_are_put_in_that_of_the_samples(
    arguments: dict[str, Any], page: str, tmp_path: Path
) -> None:
    order = np.random.default_rng(1).permutation(N)
    ids = load_table(arguments["space_ids"][0])
    save_table(tmp_path / "ids.parquet", ids.iloc[order])
    for name, path in (("latents", arguments["spaces"][0]), ("umap", arguments["maps"][0])):
        save_npy(tmp_path / f"{name}.npy", load_npy(path)[order])
    file = tmp_path / "explorer.html"
    changed = {
        **arguments,
        "spaces": [tmp_path / "latents.npy", arguments["spaces"][1]],
        "space_ids": [tmp_path / "ids.parquet", arguments["space_ids"][1]],
        "maps": [tmp_path / "umap.npy"],
    }
    main(explorer=file, **changed)
    assert payload(file.read_text(encoding="utf-8"))["maps"][0] == payload(page)["maps"][0]


def test_what_does_not_fit_is_named(arguments: dict[str, Any], tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    save_table(other, load_table(arguments["space_ids"][0]).assign(id=lambda t: "x" + t["id"]))
    file = tmp_path / "explorer.html"
    with pytest.raises(InputError, match=r"other\.parquet"):
        main(explorer=file, **{**arguments, "space_ids": [other, arguments["space_ids"][1]]})
    few = tmp_path / "few.npy"
    save_npy(few, load_npy(arguments["images"])[:9])
    with pytest.raises(InputError, match=r"few\.npy: 9 images.* 240 ids"):
        main(explorer=file, **{**arguments, "images": few})
    lists = tmp_path / "lists.parquet"
    save_table(lists, load_table(arguments["rankings"]).assign(id="nobody"))
    with pytest.raises(InputError, match=r"rankings.*'nobody'"):
        main(explorer=file, **{**arguments, "rankings": lists})
    assert not file.exists()


def test_features_get_a_plane_and_their_exact_neighbours(tmp_path: Path) -> None:
    features = np.random.default_rng(3).normal(size=(40, 5))
    save_npy(tmp_path / "features.npy", features)
    made = run_twice(
        embed_features,
        tmp_path,
        {"umap": "umap.npy", "neighbours": "neighbours.npy"},
        features=tmp_path / "features.npy",
        neighbors=6,
        root_seed=1,
    )
    plane, near = load_npy(made["umap"]), load_npy(made["neighbours"])
    assert (plane.shape, plane.dtype, near.dtype) == ((40, 2), np.float32, np.int32)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    distance = np.linalg.norm(scaled[:, None] - scaled[None], axis=2)
    np.testing.assert_array_equal(near[:, :6], distance.argsort(axis=1)[:, 1:7])


def test_a_page_of_very_many_samples_names_what_is_better(
    arguments: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = "latent-microscope export faces --to embedding-atlas"
    for limit, hinted in ((N, False), (N - 1, True)):
        monkeypatch.setattr("latent_microscope.explorer.study.MANY", limit)
        main(explorer=tmp_path / "faces/explorer.html", **arguments)
        notes = [
            one["note"] for one in payload((tmp_path / "faces/explorer.html").read_text())["maps"]
        ]
        assert [wanted in note for note in notes] == [hinted] * len(notes)
