"""The command score: the numbers of the workflow, in one table, without one."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import compute_sources
import import_embeddings
import join_samples
import match_ids
import score_samples
from latent_microscope.commands import score as command
from latent_microscope.commands.init import write_config
from latent_microscope.commands.results import default_settings
from latent_microscope.commands.score import RANKED, score
from latent_microscope.config.resolve import merge, resolve
from latent_microscope.custom.looking import look
from latent_microscope.custom.writing import RESTARTS
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.planning import scores
from latent_microscope.step import NUMERIC_THREADS

ROOT = Path(__file__).parents[2]
N, D = 40, 12  # columns enough for sums that depend on the layout in memory
IDS = [f"s{i:02d}" for i in range(N)]
THREADS: list[int] = []


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for each test; the process keeps its threads."""
    THREADS.clear()
    monkeypatch.setattr(command, "limit_threads", THREADS.append)
    monkeypatch.chdir(tmp_path)


def values(n: int = N, *, constant: bool = True) -> np.ndarray:
    """Mixed sources with heavy tails; the last column may be the same everywhere."""
    random = np.random.default_rng(3)
    mixed = random.laplace(size=(n, D)) @ random.normal(size=(D, D))
    return np.column_stack([mixed, np.full(n, 2.5)]) if constant else mixed


def of_the_workflow(embeddings: Path, config: dict[str, Any], ids: Path | None = None) -> Path:
    """What the workflow's steps make of the file with the default config."""
    study = {"kind": "custom", "data": {"embeddings": {"file": str(embeddings)}}}
    given = {"run": ["x"], "studies": {"x": study}}
    default = load_yaml(ROOT / "config/config.yaml")
    whole = resolve(merge(merge(default, given), config))
    settings, seed = whole["studies"]["x"], whole["root_seed"]
    folder = embeddings.parent / "steps"
    names = ("ids", "files", "files_csv", "unmatched", "unmatched_csv", "samples", "encoding")
    made: dict[str, Any] = {name: folder / f"{name}.parquet" for name in names}
    files: dict[str, Any] = {"embeddings": embeddings, "embedding_ids": ids}
    part = {"array": None, "id": None}
    matched = {name: made[name] for name in names[:5]}
    match_ids.main(**matched, settings={"embeddings": part}, **files)
    join_samples.main(
        ids=made["ids"],
        files=made["files"],
        unmatched=made["unmatched"],
        listed=made["unmatched_csv"],
        samples=made["samples"],
        settings={},
    )
    import_embeddings.main(
        **files,
        ids=made["ids"],
        samples=made["samples"],
        latents=folder / "latents.npy",
        encoding=made["encoding"],
        settings=part,
    )
    compute_sources.main(
        latents=folder / "latents.npy",
        sources=folder / "sources.npy",
        restarts=folder / "restarts.parquet",
        unmixings=folder / "unmixings.npy",
        method="intended",
        components=settings["sources"]["components"],
        n_restarts=settings["sources"]["restarts"],
        fit_rows=settings["sources"]["fit_rows"],
        root_seed=seed,
        seed=0,
    )
    score_samples.main(
        latents=folder / "latents.npy",
        sources=folder / "sources.npy",
        encoding=made["encoding"],
        restarts=folder / "restarts.parquet",
        scores=folder / "scores.parquet",
        summary=folder / "summary.parquet",
        settings={key: settings["scores"][key] for key in scores.SETTINGS},
        root_seed=seed,
        seed=0,
    )
    return folder / "scores.parquet"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("npz", {}),
        ("npy", {"seed": 7, "components": 2}),
        ("parquet", {"components": 3, "restarts": 2}),
        ("ids", {"seed": 0, "components": 2}),
    ],
)
def test_the_scores_are_those_of_the_workflow_bit_for_bit(
    tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    ids, expected = None, IDS
    if kind == "npz":
        file = tmp_path / "z.npz"
        np.savez(file, z=values(), ids=np.array(IDS))
    elif kind == "parquet":
        file = tmp_path / "z.parquet"
        pd.DataFrame({"id": IDS, "vector": list(values())}).to_parquet(file)
    else:
        file = tmp_path / "z.npy"
        np.save(file, values())
        expected = [f"{i:02d}" for i in range(N)]
    if kind == "ids":
        ids, expected = tmp_path / "ids.txt", IDS
        ids.write_text("\n".join(IDS) + "\n")
    result = score(file, Path("mine.parquet"), ids=ids, **options)
    config: dict[str, Any] = {"root_seed": options["seed"]} if "seed" in options else {}
    part = {"restarts": RESTARTS}
    part |= {key: options[key] for key in ("components", "restarts") if key in options}
    config["studies"] = {"x": {"sources": part}}
    theirs = of_the_workflow(file, config, ids)
    assert result.path.read_bytes() == theirs.read_bytes()
    table = load_table(result.path)
    assert table["id"].tolist() == expected
    assert THREADS == [NUMERIC_THREADS]
    assert f"{N} samples, {D} dimensions, {options.get('components', D)} inde" in result.text
    assert f"root seed {options.get('seed', 20250812)}\n" in result.text


def test_a_csv_holds_the_same_numbers_and_the_text_says_what_stands_out(tmp_path: Path) -> None:
    rows = values()
    rows[[7, 9]] = rows[[3, 3]]
    np.savez(tmp_path / "z.npz", z=rows, ids=np.array(IDS))
    exact = load_table(score(tmp_path / "z.npz", Path("a.parquet"), components=2).path)
    result = score(tmp_path / "z.npz", components=2)
    assert result.path == Path("z-scores.csv")
    read = pd.read_csv(result.path, dtype=str)
    assert list(read) == list(exact)
    for name in exact.select_dtypes("float"):
        assert [float(text) for text in read[name]] == exact[name].tolist(), name
    lines = dict(line.partition(": ")[::2] for line in result.text.splitlines() if ": " in line)
    for name in RANKED:
        shown = "CLS" if name == "cls" else name
        order = exact.sort_values(name, kind="stable")["id"].tolist()
        highest = exact.sort_values(name, kind="stable", ascending=False)["id"].tolist()
        for line, ids in ((f"highest {shown}", highest), (f"lowest {shown}", order)):
            assert [word.split(" (")[0] for word in lines[line].split("), ")] == ids[:5]
    assert lines["copies"].startswith("3 samples have exact copies (column copies), ")
    assert lines["copies"].endswith(" all nearest neighbours of 0 are copies")
    assert exact["copies"].tolist() == [2 * (i in (3, 7, 9)) for i in range(N)]
    assert f"of {RESTARTS} restarts converged" in result.text
    assert lines["scores"] == "z-scores.csv"
    assert lines["next"] == f"latent-microscope init {tmp_path}/z.npz"


def test_the_next_command_is_understood(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.save(tmp_path / "z.npy", random.integers(0, 9, (N, D)))
    (tmp_path / "i d.txt").write_text("\n".join(IDS) + "\n")
    text = score(tmp_path / "z.npy", ids=tmp_path / "i d.txt", components=2).text
    words = text.splitlines()[-1].replace("'", "")
    first, second = words.removeprefix("next: latent-microscope init ").split(" ids=")
    assert look(first).role == "embeddings"
    assert look(f"ids={second}").count == N


def test_mistakes_are_named_and_what_is_right_is_taken(tmp_path: Path) -> None:
    np.save(tmp_path / "z.npy", values(constant=False))
    np.save(tmp_path / "few.npy", values(24))
    np.save(tmp_path / "enough.npy", values(25))
    two = {"a": values(), "b": values()}
    np.savez(tmp_path / "two.npz", **two)  # type: ignore[arg-type]
    (tmp_path / "short.txt").write_text("a\nb\n")
    nan = values()
    nan[4, 1] = np.nan
    np.savez(tmp_path / "nan.npz", z=nan, ids=np.array(IDS))
    for name, options, message in (
        ("no.npy", {}, "no.npy: "),
        ("few.npy", {}, "few.npy: 24 .*25"),
        ("nan.npz", {}, "nan.npz: row 4 .*s04"),
        ("two.npz", {}, "two.npz: .*array.* a, b"),
        ("z.npy", {"components": 13}, "--components 13: .*z.npy has 12 "),
        ("z.npy", {"components": 0}, "--components 0"),
        ("z.npy", {"restarts": 0}, "--restarts 0"),
        ("z.npy", {"seed": -1}, "config key root_seed"),
        ("z.npy", {"ids": tmp_path / "short.txt"}, "short.txt.* 2 .* 40 "),
        ("z.npy", {"output": Path("x.xlsx")}, "x.xlsx: .*.csv or .parquet"),
        ("z.npy", {"output": tmp_path}, str(tmp_path)),
        ("z.npy", {"output": Path("there.csv")}, "there.csv: .*--force"),
    ):
        Path("there.csv").write_text("mine")
        with pytest.raises(InputError, match=message):
            score(tmp_path / name, **options)  # type: ignore[arg-type]
        assert Path("there.csv").read_text() == "mine"
        assert not Path(f"{Path(name).stem}-scores.csv").exists()
    assert score(tmp_path / "enough.npy", components=12, restarts=1).path.exists()
    assert score(tmp_path / "two.npz", array="b", components=1).path.exists()
    assert score(tmp_path / "z.npy", Path("there.csv"), components=2, force=True).path.exists()
    assert len(pd.read_csv("there.csv")) == N


def test_a_study_that_init_writes_has_the_same_settings(tmp_path: Path) -> None:
    np.savez(tmp_path / "z.npz", z=values(), ids=np.array(IDS))
    config = load_yaml(write_config([str(tmp_path / "z.npz")], output=tmp_path / "z.yaml").path)
    whole = resolve(merge(load_yaml(ROOT / "config/config.yaml"), config))
    sources = {"components": None, "restarts": RESTARTS}
    given = default_settings({"embeddings": {"file": "z.npz"}}, sources=sources)
    for section in ("sources", "scores"):
        assert whole["studies"]["z"][section] == given.study[section]
    assert (whole["root_seed"], whole["numeric_threads"]) == (given.seed, given.threads)
    assert whole["studies"]["z"]["seeds"] == [0]
