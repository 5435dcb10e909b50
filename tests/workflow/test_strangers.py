"""Studies of a stranger's files, from ``init`` to the last page, which Chromium shows."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import own_files  # type: ignore[import-not-found]
import pandas as pd
import pytest
import yaml
from snakemake_project import (  # type: ignore[import-not-found]
    ROOT,
    call_snakemake,
    clean_environment,
    copy_project,
)
from tests.browser import NARROW, NO_NUMBER, WIDE, Watched, axe_source, browser

pytestmark = pytest.mark.workflow
__all__ = ["browser"]  # a fixture

SMALL: dict[str, Any] = {"clusters": {"umap_seeds": 1, "resamples": 2}, "sources": {"restarts": 2}}
DRAWN: dict[str, Any] = {"inference": {"draws": 50}}
ONCE: dict[str, Any] = {"sources": {"restarts": 1}, "quality": {"column_orders": 0}}
STUDIES: dict[str, tuple[Callable[[Path], list[str]], dict[str, Any]]] = {
    "faces": (own_files.faces, {"vae": {"latent": 8, "epochs": 5}, **SMALL}),
    "votes": (own_files.votes, DRAWN),
    "judgements": (own_files.judgements, DRAWN),
    "few": (own_files.few, SMALL),
    "many": (own_files.many, {**SMALL, **ONCE}),
}
"""Files, and what is changed in the config that init writes so that minutes are enough."""
PAGES = {
    kind: [pytest.param(f"digits/{kind}.html", marks=pytest.mark.slow)]
    + [f"{name}/{kind}.html" for name in STUDIES]
    for kind in ("report", "explorer")
}
PANELS = ("image", "filter", "gallery", "table", "compare", "lists")


def shell(folder: Path, *command: str) -> str:
    """Output of a command that ends well."""
    environment = clean_environment() | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of all of :data:`STUDIES`, by one run."""
    folder = tmp_path_factory.mktemp("stranger")
    every = {}
    for name, (write, changes) in STUDIES.items():
        shell(folder, "latent-microscope", "init", *write(folder), "--name", name)
        config = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
        every[name] = study = config["studies"][name]
        study |= {part: study.get(part, {}) | more for part, more in changes.items()}
    config = {"run": list(every), "figures": {"dpi": 60}, "studies": every}
    (folder / "all.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    done = call_snakemake(
        folder, "--cores", "2", "--snakefile", str(ROOT / "Snakefile"), "--workflow-profile",
        str(ROOT / "profiles/default"), "--configfile", "all.yaml",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return folder / "results"


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the tutorial's example, as it is printed."""
    tutorial = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    section = tutorial.partition("## A study of one's own files")[2].partition("\n## ")[0]
    example = section.split("```bash\n")[1].partition("```")[0]
    project = copy_project(tmp_path_factory.mktemp("tutorial") / "project")
    shell(project.folder, "bash", "-euo", "pipefail", "-c", example)
    return project.folder / "results"


@pytest.mark.slow
def test_the_tutorials_example_finds_the_digits(digits: Path) -> None:
    bias = pd.read_csv(digits / "digits/tables/bias-tests.csv")
    assert {f"digit={k}" for k in range(10)} < set(bias["attribute"])
    # Digits are where they are alike: every one is in excess in a cluster of its own.
    strong = bias[(bias["q"] <= 0.05) & (bias["direction"] == "over")]
    assert set(strong["attribute"]) >= {"digit=0", "digit=6"}


@pytest.fixture
def page(name: str, request: pytest.FixtureRequest) -> Path:
    """A page of the results, such as ``digits/report.html``."""
    results: Path = request.getfixturevalue("digits" if "digits" in name else "studies")
    return results / name


def checked(watched: Watched, at: str = "") -> list[str]:
    """What is wrong with a page as it stands."""
    axe = [" ".join(found) for found in watched.axe(("serious", "critical"))]
    return [f"{at}{one}" for one in (*watched.defects(), *axe)]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", ["report.html", *PAGES["report"]])
def test_a_report_has_nothing_wrong(browser: Any, page: Path, size: dict[str, int]) -> None:
    watched = Watched(browser, page, ready=False, viewport=size)
    watched.run("() => document.querySelectorAll('details').forEach(e => { e.open = true; })")
    links = watched.page.locator("a:not([href^='#'])").evaluate_all("all => all.map(a => a.href)")
    gone = [link for link in links if not Path(unquote(urlsplit(link).path)).exists()]
    watched.run(axe_source())
    assert checked(watched) + [f"no such file: {link}" for link in gone] == []
    watched.context.close()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", PAGES["explorer"])
def test_an_explorer_has_nothing_wrong(browser: Any, page: Path, size: dict[str, int]) -> None:
    watched = Watched(browser, page, viewport=size)
    watched.run(axe_source())
    wrong = checked(watched, "at first: ")
    watched.run(
        """() => { const { ids } = explorer.study;
        explorer.pick(ids[3]); explorer.select(ids.slice(0, 9)); }"""
    )
    for panel in PANELS:
        watched.page.locator(f"#tab-{panel}").click()
        wrong += checked(watched, f"{panel}: ")
    for choice in watched.page.locator("#map-select, #colour-select").all():
        options = choice.locator("option").evaluate_all("all => all.map(one => one.value)")
        for value in options if choice.is_visible() else ():  # hidden: there is one
            choice.select_option(value)
            said = watched.page.locator(".mapside").inner_text()
            wrong += [said] if NO_NUMBER.search(said) else []
    assert [*dict.fromkeys([*wrong, *watched.defects()])] == []
    watched.context.close()
