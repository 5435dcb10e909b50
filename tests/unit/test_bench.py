"""The benchmarks at a tiny size, so that they cannot rot, and what is made of their records."""

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.bench import OURS, agreement, compared, in_subprocess, planned, run_plan, save, text
from benchmarks.measure import measure
from benchmarks.suites import SUITES, Case, case, cases

N = 200
ALL = [(suite, one) for suite in SUITES for one in cases(suite)]
SLOW = ("C_max",)  # for a minute, by compiling and by references that fit hundreds of clusterings
TASKS = [
    pytest.param(suite, task, marks=[pytest.mark.slow] if task.startswith(SLOW) else [])
    for suite, task in sorted({(suite, one.task) for suite, one in ALL})
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.mark.parametrize(("suite", "task"), TASKS, ids=lambda part: part)
def test_every_case_runs_and_agrees_with_ours(suite: str, task: str, folder: Path) -> None:
    records = []
    for one in (one for one in cases(suite) if one.task == task):
        record, arrays = measure(one, N)
        assert record["cpu"] > 0
        assert record["peak_mb"] >= record["before_mb"] > 1
        assert all(np.isfinite(list(record.values())))
        np.savez(folder / f"{task} {one.name} {N}.npz", **arrays)  # type: ignore[arg-type]
        records.append({"suite": suite, "task": task, "name": one.name, "n": N, **record})
    assert records[0]["name"] == OURS
    for row in compared(records, folder).to_dict("records"):
        assert np.isnan(row["growth"])
        assert row["ratio"] > 0
        if task == "scores" and row["name"] != OURS:
            assert row["agreement"].startswith("within")
            assert float(row["agreement"].split()[1]) < 1e-6
        if suite == "similarity" and row["name"] != OURS:
            assert float(row["agreement"].removeprefix("within ")) < 1e-6
        if task.startswith("C_max") and row["name"] == "hdbscan":
            assert float(row["agreement"].split()[-1]) > 0.99


def test_a_measurement_in_its_own_process(tmp_path: Path) -> None:
    one = case("forensics", "scores", OURS)
    record = in_subprocess("forensics", one, N, tmp_path, 1)
    assert (record["task"], record["name"], record["n"]) == ("scores", OURS, N)
    with np.load(tmp_path / f"scores ours {N}.npz") as arrays:
        assert arrays["uniqueness"].shape == (N,)


def test_the_plan_keeps_slow_cases_small_and_the_big_size_ours() -> None:
    plan = planned(list(SUITES), [1000, 10**6], 5000)
    assert all(n <= one.largest for _, one, n in plan)
    assert {one.name for _, one, n in plan if n == 5000} == {OURS}
    assert {one.name for _, one, n in planned(["forensics"], [10], None, ["hdbscan"])} == {
        "hdbscan"
    }
    assert {one.task for _, one, n in planned(["forensics"], [10], None, [], ["UMAP"])} == {"UMAP"}
    # Without sizes each suite has its own.
    plan = planned(list(SUITES), None, None)
    assert {n for suite, _, n in plan if suite == "similarity"} == {1000, 3000, 10_000}
    assert {n for suite, _, n in plan if suite == "forensics"} == {1000, 4000, 10_000}
    with pytest.raises(KeyError, match="nobody"):
        case("forensics", "scores", "nobody")


def fake(name: str, n: int, cpu: float) -> dict:
    return {
        "suite": "s", "task": "t", "name": name, "n": n, "seconds": cpu / 2, "cpu": cpu,
        "peak_mb": 100.0, "before_mb": 50.0,
    }  # fmt: skip


def test_ratios_growth_table_and_files(tmp_path: Path) -> None:
    for name, value in ((OURS, 1.0), ("other", 1.001)):
        np.savez(tmp_path / f"t {name} 1000.npz", a=np.array([value]), labels=np.array([0, 1, 1]))
    records = [fake(OURS, 100, 1.0), fake(OURS, 1000, 10.0), fake("other", 1000, 40.0)]
    records[1]["recall"] = 0.5
    found = compared(records, tmp_path)
    assert found["ratio"].tolist() == [1.0, 1.0, 4.0]
    assert found["growth"].tolist() == pytest.approx([1.0, 1.0, np.nan], nan_ok=True)
    assert found["agreement"].tolist() == ["", "", "adjusted Rand 1.0000; within 1e-03"]
    assert agreement(tmp_path / "none.npz", tmp_path / "t ours 1000.npz") == ""
    lines = text(found).splitlines()
    assert "recall 0.5" in lines[4]
    assert lines[3].split()[:8] == ["t", "other", "1,000", "20.00", "40.00", "100", "50", "4.0"]
    save(found, tmp_path / "out", {"threads": 1})
    kept = json.loads((tmp_path / "out/bench.json").read_text())
    assert kept["records"][2]["cpu_ratio"] == 4.0
    assert (tmp_path / "out/bench.csv").read_text().count("\n") == 4


def test_a_case_that_fails_is_named_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> dict:
        raise ValueError("no")

    one = Case("t", "broken", lambda n: n, broken)
    plan = [("forensics", one, 10), ("forensics", case("forensics", "scores", OURS), 50)]
    records = run_plan(plan, tmp_path, 1)
    assert [record["name"] for record in records] == [OURS]
    assert capsys.readouterr().out.startswith(
        "t, broken, n = 10: failed (1)\nscores, ours, n = 50:"
    )
