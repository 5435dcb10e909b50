"""The command compare: what the public functions say of files joined by id."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from latent_microscope import similarity
from latent_microscope.commands import compare as command
from latent_microscope.commands.compare import compare
from latent_microscope.commands.init import write_config
from latent_microscope.custom.joining import Joining
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.io.inputs import HumanVotes
from latent_microscope.tables.ceilings import noise_ceilings
from latent_microscope.tables.dissimilarity import similarity_table

N, SEED, DRAWS = 30, 20250812, 40
IDS = np.array([f"i{i:02d}" for i in range(N)])
CLASSES = ["cat", "dog", "eel"]
Files = dict[str, Any]


@pytest.fixture(autouse=True)
def _threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process keeps its threads."""
    monkeypatch.setattr(command, "limit_threads", lambda count: None)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Votes, and three models' features, each file in another order or form."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    shares = random.dirichlet([0.6] * 3, N)
    counts = np.stack([random.multinomial(20, row) for row in shares])
    features = {
        name: (shares @ random.normal(size=(3, 8)) + noise * random.normal(size=(N, 8)))
        for name, noise in (("near", 0.3), ("far", 2.0), ("bare", 1.0))
    }
    order = random.permutation(N)
    votes = pd.DataFrame(counts, columns=CLASSES)
    votes.insert(0, "image", [f"{i}.png" for i in IDS])
    votes.to_csv("votes.csv", index=False)
    np.savez("near.npz", features=features["near"][order], ids=IDS[order])
    wide = pd.DataFrame(features["far"], columns=[f"f{k}" for k in range(8)]).assign(id=IDS)
    wide.iloc[::-1].to_parquet("far.parquet")
    np.save("bare.npy", features["bare"])
    rows = {name: one.astype(np.float32) for name, one in features.items()}
    return {"counts": counts, "rows": rows, "files": ["near.npz", "far.parquet", "bare.npy"]}


def test_votes_give_what_the_public_functions_say(made: Files) -> None:
    result = compare(
        made["files"], votes=Path("votes.csv"), draws=DRAWS, joining=Joining(by_position=True)
    )
    assert result.path == Path("votes-comparison.csv")
    table = pd.read_csv(result.path)
    assert table["model"].tolist() == ["near", "far", "bare", "label", "class_mean"]
    assert table["baseline"].tolist() == [False] * 3 + [True] * 2
    counts = made["counts"]
    labels = counts.argmax(axis=1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    means = np.stack([shares[labels == label].mean(axis=0) for label in range(3)])[labels]
    rows = made["rows"] | {"label": np.eye(3)[labels], "class_mean": means.astype(np.float32)}
    rdms = {name: similarity.rdm(one, "euclidean", IDS) for name, one in rows.items()}
    human = similarity.rdm(shares, "euclidean", IDS)
    drawn = similarity.bootstrap_compare(rdms, human, None, DRAWS, SEED, method="rho-a").scores
    expected = {
        "spearman": [similarity.compare(one, human) for one in rdms.values()],
        "rho_a": [similarity.compare(one, human, "rho-a") for one in rdms.values()],
        **{name: drawn[name].tolist() for name in ("low", "high")},
    }
    for name, numbers in expected.items():
        np.testing.assert_allclose(table[name], numbers, rtol=0, atol=1e-12, err_msg=name)
    ceiling = similarity.noise_ceiling(counts, method="rho-a", n_splits=20, seed=SEED)
    assert table["ceiling_lower"].tolist() == [ceiling.lower] * 5
    assert table["ceiling_upper"].tolist() == [ceiling.upper] * 5
    assert table["ceiling"].tolist() == [ceiling.ceiling] * 5
    assert ceiling.lower < ceiling.ceiling < 1
    assert set(table["n_images"]) == {N}
    assert set(table["n_pairs"]) == {N * (N - 1) // 2}
    assert set(table["n_draws"]) == {DRAWS}


def test_the_ceiling_is_that_of_the_workflow(made: Files) -> None:
    result = compare(["near.npz"], Path("x.parquet"), votes=Path("votes.csv"), draws=0, seed=5)
    counts = made["counts"]
    votes = HumanVotes(IDS.astype(object), counts.argmax(axis=1), CLASSES, counts)
    theirs = noise_ceilings(votes, "euclidean", n_splits=20, n_simulated_datasets=5, seed=5)
    row = theirs[theirs["measure"] == "rho_a"].iloc[0]
    table: Any = load_table(result.path)
    assert table["ceiling_lower"].tolist() == pytest.approx([row["lower"]] * 3, rel=1e-12)
    assert table["ceiling_upper"].tolist() == pytest.approx([row["upper"]] * 3, rel=1e-12)
    assert table["ceiling"].tolist() == pytest.approx([row["ceiling"]] * 3, rel=1e-12)
    assert table[["low", "high"]].isna().all(axis=None)


def squares(observers: int) -> np.ndarray:
    random = np.random.default_rng(4)
    cube = random.uniform(0.1, 1, (observers, N, N))
    cube += cube.transpose(0, 2, 1)
    cube[:, np.arange(N), np.arange(N)] = 0
    return cube


@pytest.mark.parametrize("metric", ["euclidean", "correlation", "cosine"])
def test_dissimilarities_give_what_the_workflow_says(made: Files, metric: str) -> None:
    cube = squares(3)
    np.savez("d.npz", d=cube, ids=IDS)
    options: dict[str, Any] = {
        "metric": metric,
        "draws": DRAWS,
        "seed": 3,
        "joining": Joining(by_position=True),
    }
    files = ["x=near.npz", "far.parquet", "bare.npy"]
    result = compare(files, Path("x.parquet"), dissimilarity=Path("d.npz"), **options)
    table: Any = load_table(result.path)
    upper = np.triu_indices(N, 1)
    observers = [similarity.RDM(one[upper].astype(np.float32), IDS, "people") for one in cube]
    names = zip(["x", "far", "bare"], made["rows"].values(), strict=True)
    models = {name: similarity.rdm(one, metric, IDS) for name, one in names}
    theirs, _ = similarity_table(observers, models, None, n_draws=DRAWS, seed=3)
    for method, columns in (
        ("rho-a", {"value": "rho_a", "low": "low", "high": "high"}),
        ("spearman", {"value": "spearman"}),
    ):
        part = theirs[theirs["method"] == method]
        assert part["model"].tolist() == table["model"].tolist() == ["x", "far", "bare"]
        for column, own in columns.items():
            assert table[own].tolist() == part[column].tolist(), own
    part = theirs[theirs["method"] == "rho-a"]
    for column in ("ceiling_lower", "ceiling_upper"):
        assert table[column].tolist() == part[column].tolist()
    assert not table["baseline"].any()
    assert "note: intervals are over images and annotators" in result.text


def test_what_cannot_be_computed_is_said(made: Files) -> None:
    np.savez("one.npz", d=squares(1)[0], ids=IDS)
    result = compare(["near.npz"], dissimilarity=Path("one.npz"), draws=2)
    assert pd.read_csv(result.path)["ceiling_lower"].isna().all()
    assert "note: no noise ceiling: " in result.text
    assert "annotators" not in result.text
    single = pd.DataFrame({"id": IDS, "choice": np.array(CLASSES)[np.arange(N) % 3]})
    twice = pd.concat([single, single.iloc[:1]])
    twice.to_csv("single.csv", index=False)
    result = compare(["near.npz"], votes=Path("single.csv"), draws=2)
    table = pd.read_csv(result.path)
    assert table["ceiling_lower"].isna().all()
    assert "note: no noise ceiling: some images have a single vote" in result.text
    few = pd.DataFrame(np.tile([[1, 3], [3, 1]], (N // 2, 1)), columns=["a", "b"]).assign(id=IDS)
    few.to_csv("few.csv", index=False)
    two = pd.DataFrame(np.tile([[4, 0], [0, 4]], (N // 2, 1)), columns=["a", "b"]).assign(id=IDS)
    two.to_csv("two.csv", index=False)
    for name in ("few", "two"):
        result = compare(["near.npz"], votes=Path(f"{name}.csv"), metric="correlation", draws=4)
        table = pd.read_csv(result.path)
        assert np.isfinite(table[["spearman", "rho_a", "low", "high"]].to_numpy()).all()


def test_true_classes_beside_the_votes_are_the_label(made: Files) -> None:
    votes = pd.read_csv("votes.csv")
    order = np.random.default_rng(1).permutation(N)
    codes = np.where(np.arange(N) < 5, (made["counts"].argmax(axis=1) + 1) % 3, 0)
    codes[5:] = made["counts"][5:].argmax(axis=1)
    votes["label"] = [CLASSES[code] for code in codes]
    votes.iloc[order].to_csv("labelled.csv", index=False)
    table = pd.read_csv(compare(["near.npz"], votes=Path("labelled.csv"), draws=0).path)
    human = similarity.rdm(made["counts"] / made["counts"].sum(axis=1, keepdims=True), ids=IDS)
    label = similarity.rdm(np.eye(3, dtype=np.float32)[codes], ids=IDS)
    found = float(table.set_index("model")["rho_a"]["label"])
    assert found == pytest.approx(similarity.compare(label, human, "rho-a"), abs=1e-6)
    other = pd.read_csv(compare(["near.npz"], votes=Path("votes.csv"), draws=0).path)
    assert abs(found - float(other.set_index("model")["rho_a"]["label"])) > 1e-3


def test_votes_of_one_class_only_have_no_baselines(made: Files) -> None:
    counts = np.column_stack([np.full(N, 9), np.arange(N) % 4])
    np.savez("v.npz", votes=counts, ids=IDS)
    table = pd.read_csv(compare(["near.npz"], votes=Path("v.npz"), draws=2).path)
    assert table["model"].tolist() == ["near"]


def test_a_model_called_like_a_baseline_stands_in_its_place(made: Files) -> None:
    table = pd.read_csv(compare(["label=near.npz"], votes=Path("votes.csv"), draws=0).path)
    assert table["model"].tolist() == ["label", "class_mean"]
    assert table["baseline"].tolist() == [False, True]


def test_the_text_says_the_numbers_and_the_next_command_is_understood(made: Files) -> None:
    Path("a=b.npz").write_bytes(Path("near.npz").read_bytes())
    np.savez("lo gits.npz", l=made["rows"]["near"][:, :3], ids=IDS)
    files = ["a=b.npz", "Second One=far.parquet", "lo gits.npz"]
    result = compare(files, Path("c.csv"), votes=Path("votes.csv"), draws=DRAWS)
    lines = result.text.splitlines()
    table = pd.read_csv("c.csv")
    assert table["model"].tolist()[:3] == ["a=b", "Second One", "lo gits"]
    assert lines[0] == f"{N} images, {N * 20} votes in 3 classes; euclidean distances"
    for row in table.to_dict("records"):
        line = next(line for line in lines if line.startswith(f"{row['model']}: "))
        assert f"{row['rho_a']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" in line
        assert line.endswith("(baseline)") == row["baseline"]
    assert f"{table['ceiling_lower'][0]:.3f} to {table['ceiling_upper'][0]:.3f}" in result.text
    assert sum(line.startswith("note: lo gits ") for line in lines) == 1
    words = shlex.split(lines[-1].removeprefix("next: "))
    assert words[:2] == ["latent-microscope", "init"]
    written = write_config(words[2:])
    config = yaml.safe_load(written.path.read_text(encoding="utf-8"))
    (study,) = config["studies"].values()
    assert sorted(study["models"]) == ["a_b", "lo_gits", "second_one"]


def test_each_array_of_a_file_may_be_a_model(made: Files) -> None:
    near, far = made["rows"]["near"], made["rows"]["far"]
    np.savez("two.npz", near=near, far=far, ids=IDS)
    with pytest.raises(InputError, match=r"two.npz: set `array` to one of near, far"):
        compare(["two.npz"], votes=Path("votes.csv"), draws=0)
    with pytest.raises(InputError, match=r"rename this one: other=two.npz:far"):
        compare(["two.npz:near", "two.npz:far"], votes=Path("votes.csv"), draws=0)
    result = compare(["two.npz:near", "f=two.npz:far"], votes=Path("votes.csv"), draws=0)
    single = compare(["far.parquet"], Path("one.csv"), votes=Path("votes.csv"), draws=0)
    rho = pd.read_csv(result.path).set_index("model")["rho_a"]
    assert rho["f"] == pd.read_csv(single.path)["rho_a"][0] != rho["two"]
    words = shlex.split(result.text.splitlines()[-1])
    assert words[-2:] == ["features:two=two.npz:near", "features:f=two.npz:far"]


def test_ids_that_do_not_match_are_named(made: Files) -> None:
    np.savez("more.npz", f=np.zeros((N + 1, 2)), ids=np.append(IDS, "extra"))
    np.savez("less.npz", f=made["rows"]["near"][:-2], ids=IDS[:-2])
    np.savez("none.npz", f=made["rows"]["near"], ids=np.char.add("u", IDS))
    for file, message in (
        ("more.npz", r"votes.csv: .*1 of 31 .*'extra'"),
        ("less.npz", r"less.npz: .*2 of 30 .*'i28', 'i29'"),
        ("none.npz", r"no id "),
    ):
        with pytest.raises(InputError, match=message):
            compare([file], votes=Path("votes.csv"), draws=0)
        assert not Path("votes-comparison.csv").exists()
    votes = pd.read_csv("votes.csv").iloc[:-2]
    votes.to_csv("votes28.csv", index=False)
    table = pd.read_csv(compare(["less.npz"], votes=Path("votes28.csv"), draws=0).path)
    assert set(table["n_images"]) == {N - 2}


def test_mistakes_are_named(made: Files) -> None:
    np.save("short.npy", np.zeros((N - 1, 3)))
    flat = made["rows"]["near"].copy()
    flat[4] = 1.0
    np.savez("flat.npz", f=flat, ids=IDS)
    few = pd.read_csv("votes.csv").iloc[:9]
    few.to_csv("nine.csv", index=False)
    np.save("nine.npy", made["rows"]["near"][:9])
    votes: dict[str, Any] = {"votes": Path("votes.csv"), "draws": 0}
    for files, options, message in (
        (["near.npz"], {}, "--votes .*--dissimilarity "),
        (["near.npz"], {**votes, "dissimilarity": Path("x.npy")}, "--votes .*--dissimilarity "),
        ([], votes, "features"),
        (["no.npz"], votes, "no.npz"),
        (["near.npz", "near.npz"], votes, "near.npz .*'near' .*other=near.npz"),
        (["=near.npz"], votes, "=near.npz: .*NAME=FILE"),
        (["near.npz"], {**votes, "metric": "manhattan"}, "--metric manhattan: "),
        (["near.npz"], {**votes, "draws": 1}, "--draws 1: "),
        (
            ["short.npy"],
            {**votes, "joining": Joining(by_position=True)},
            "short.npy: 29 .*votes.csv .*30",
        ),
        (["flat.npz"], {**votes, "metric": "correlation"}, "flat.npz: .*i04"),
        (
            ["nine.npy"],
            {"votes": Path("nine.csv"), "joining": Joining(by_position=True)},
            "nine.csv: 9 .*10",
        ),
        (["near.npz"], {"votes": Path("near.npz")}, "near.npz: "),
        (["near.npz"], {"dissimilarity": Path("near.npz")}, r"near.npz: .*\(30, 8\)"),
        (["near.npz"], {**votes, "output": Path("c.txt")}, "c.txt: "),
        (["near.npz"], {**votes, "output": Path("votes.csv")}, "votes.csv: .*--force"),
    ):
        with pytest.raises(InputError, match=message):
            compare(files, **options)
        assert not Path("votes-comparison.csv").exists()
    assert compare(["flat.npz"], **votes).path.exists()
    assert compare(["near.npz", "b=near.npz"], force=True, **votes).path.exists()
