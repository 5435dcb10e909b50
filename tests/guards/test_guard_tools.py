"""The guards see what they are for: a difference is told once, and names are mapped where due."""

import copy
from typing import Any

import plans  # type: ignore[import-not-found]
import pytest
from differences import Difference, compared, told, unexplained  # type: ignore[import-not-found]
from renames import SECTIONS, Meant, Renames  # type: ignore[import-not-found]

FIGURE = "results/a/figures/map.png"


def job() -> dict[str, Any]:
    return {
        "key": FIGURE,
        "rule": "plot_map",
        "wildcards": {"study": "a"},
        "input": {"manifest": "ancient(<project>/config/x.yaml)", "planes": ["results/a/p.npy"]},
        "output": {"png": FIGURE},
        "params": {"style": {"dpi": 60, "font": "serif"}, "method": "intended"},
        "resources": {"mem_mb": [2000, 4000]},
        "threads": 1,
        "conda": "figures.yaml",
        "log": {"": ["results/a/logs/plot_map.log"]},
        "report": {
            FIGURE: {"caption": "A map.", "category": "a", "subcategory": "B", "labels": {"k": "v"}}
        },
    }


def plan(*jobs: dict[str, Any]) -> dict[str, Any]:
    return {"one": {"config": {"studies": {"a": {"size": 1}}}, "jobs": {j["key"]: j for j in jobs}}}


def mapped(**sections: dict[str, str]) -> Renames:
    return Renames({name: {} for name in SECTIONS} | sections)


CHANGES: dict[str, tuple[list[str], Any, str]] = {
    "param": (["params", "style", "dpi"], 61, "params.style.dpi: 60 -> 61"),
    "input": (["input", "planes"], [], 'input.planes: ["results/a/p.npy"] -> []'),
    "resource": (["resources", "mem_mb"], 2000, "resources.mem_mb: [2000, 4000] -> 2000"),
    "conda": (["conda"], "b.yaml", "conda: figures.yaml -> b.yaml"),
    "caption": (["report", FIGURE, "caption"], "M", "report.png.caption: A map. -> M"),
    "rule": (["rule"], "draw", "rule: plot_map -> draw"),
    "type": (["threads"], 1.0, "threads: 1 -> 1.0"),
    "order": (
        ["params", "style"],
        {"font": "serif", "dpi": 60},
        'params.style (order): ["dpi", "font"] -> ["font", "dpi"]',
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_a_job_is_told(name: str) -> None:
    path, value, message = CHANGES[name]
    new = copy.deepcopy(job())
    place = new
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    lines = told(list(plans.differences(plan(job()), plan(new))))
    assert lines == [f"{new['rule']}: {message} (1 times, as in one: {FIGURE})"]
    assert list(plans.differences(plan(job()), plan(job()))) == []


def test_a_job_more_and_a_changed_config_are_told() -> None:
    new = plan(job(), job() | {"key": "results/a/other.png"})
    new["one"]["config"]["studies"]["a"]["size"] = 2
    assert told(list(plans.differences(plan(job()), new))) == [
        "config: studies.a.size: 1 -> 2 (1 times, as in one)",
        "plot_map: job: (not there) -> planned (1 times, as in one: results/a/other.png)",
    ]


def test_names_are_mapped_where_they_stand() -> None:
    renames = mapped(
        rules={"plot_map": "plot"},
        files={"<project>/config/": "<project>/src/", "^results/(\\w+)/p": "results/\\1/q"},
        words={"intended": "planned"},
        config={"studies.*.size": "rows"},
        params={"plot_map.style.dpi": "dots"},
        inputs={"*.planes": "maps"},
        outputs={"plot_map.png": "image"},
        wildcards={"*.study": "name"},
        captions={"map": "chart"},
    )
    new = plans.renamed(plan(job()), renames)["one"]
    assert new["config"] == {"studies": {"a": {"rows": 1}}}
    found = new["jobs"][FIGURE]
    assert found["rule"] == "plot"
    assert found["input"] == {
        "manifest": "ancient(<project>/src/x.yaml)",
        "maps": ["results/a/q.npy"],
    }
    assert found["output"] == {"image": FIGURE}
    assert found["params"] == {"style": {"dots": 60, "font": "serif"}, "method": "planned"}
    assert found["wildcards"] == {"name": "a"}
    assert found["report"][FIGURE]["caption"] == "A chart."
    assert renames.unused(*SECTIONS) == []


def test_an_entry_that_matches_nothing_is_known() -> None:
    renames = mapped(rules={"gone": "away"})
    plans.renamed(plan(job()), renames)
    assert renames.unused("rules", "files") == ["rules: gone"]


def test_a_difference_that_is_meant_is_left_out_and_a_stale_one_fails() -> None:
    found = [Difference("plans", "plot_map", "threads", 1, 2)]
    meant = Meant("plans", "plot_.*", "threads", "two threads are faster")
    assert unexplained(found, [meant], "plans") == []
    assert unexplained([], [meant], "plans") == ["exception matches nothing: plot_.* threads"]
    assert unexplained([], [meant], "streams") == []
    assert unexplained(found, [], "plans") == ["plot_map: threads: 1 -> 2"]


def test_what_is_told_is_short() -> None:
    many = [Difference("plans", f"rule{i}", "x", "y" * 10_000, "z", "p") for i in range(500)]
    lines = told([*many, *many])
    assert lines[-1] == "and 460 more kinds of difference"
    assert sum(map(len, lines)) < 15_000
    one, two = [list(range(1000)), list(range(1001))]
    assert list(compared({"x": one}, {"x": two})) == [("x", [], [1000])]
