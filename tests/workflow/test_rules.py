"""Rules and scripts agree on arguments; every rule has log, environment, resources, captions."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from snakemake_project import ROOT, clean_environment  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow

COMMANDS = {"draw_rules", "write_config_reference", "write_readme"}
"""Scripts that the Makefile calls, not a rule."""
KINDS = {"In": "input", "Out": "output"}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The rules that run a script, as Snakemake itself reads them."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("dump_rules.py"), ROOT / "Snakefile"],
        cwd=tmp_path_factory.mktemp("rules"),
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [rule for rule in json.loads(done.stdout) if rule["script"]]
    assert len(found) > 50
    return found


def main_of(script: Path) -> dict[str, tuple[str, bool]]:
    """Argument → (input, output or param; whether it is required) of a script's main()."""
    body = ast.parse(script.read_text(encoding="utf-8")).body
    main = next(n for n in body if isinstance(n, ast.FunctionDef) and n.name == "main")
    assert not main.args.args, f"{script.name}: main() takes keywords only"
    found = {}
    for argument, default in zip(main.args.kwonlyargs, main.args.kw_defaults, strict=True):
        assert argument.annotation is not None, f"{script.name}: {argument.arg} has no type"
        names = {n.id for n in ast.walk(argument.annotation) if isinstance(n, ast.Name)}
        kind = next((KINDS[name] for name in names if name in KINDS), "param")
        found[argument.arg] = kind, default is None
    return found


def given(rule: dict[str, Any]) -> dict[str, str]:
    """Argument → kind that a rule passes to its script."""
    files = {name: kind for kind in ("input", "output") for name in rule[kind]}
    return files | {name: "param" for name in rule["params"] if name != "step"}


def test_rules_pass_what_their_scripts_take(rules: list[dict[str, Any]]) -> None:
    wrong = []
    for rule in rules:
        arguments = main_of(Path(rule["folder"], rule["script"]))
        for name, kind in given(rule).items():
            if arguments.get(name, ("nothing",))[0] != kind:
                wrong.append(f"{rule['name']}: {name} is given as {kind}")
        missing = {name for name, (_, required) in arguments.items() if required} - set(given(rule))
        wrong += [f"{rule['name']}: {name} is missing" for name in sorted(missing)]
        if "step" not in rule["params"]:
            wrong.append(f"{rule['name']}: no param step, so edited code would not run again")
    assert wrong == []


def test_everything_in_a_rule_has_a_name(rules: list[dict[str, Any]]) -> None:
    nameless = [
        rule["name"]
        for rule in rules
        if rule["inputs"] != len(rule["input"])
        or rule["outputs"] != sum(len(paths) for paths in rule["output"].values())
    ]
    assert nameless == []


def test_every_script_belongs_to_the_rule_of_its_name(rules: list[dict[str, Any]]) -> None:
    by_rule = {rule["name"]: Path(rule["script"]).stem for rule in rules}
    assert {name: script for name, script in by_rule.items() if name != script} == {}
    assert {p.stem for p in (ROOT / "scripts").rglob("*.py")} == set(by_rule) | COMMANDS


def test_every_rule_has_log_environment_and_resources(rules: list[dict[str, Any]]) -> None:
    wrong = []
    for rule in rules:
        lacking = {"mem_mb", "runtime"} - set(rule["resources"])
        wrong += [f"{rule['name']}: no {name}" for name in sorted(lacking)]
        if not rule["log"]:
            wrong.append(f"{rule['name']}: no log")
        if not rule["conda"] or not (Path(rule["folder"]) / rule["conda"]).is_file():
            wrong.append(f"{rule['name']}: conda environment {rule['conda']}")
        if rule["shell"]:
            wrong.append(f"{rule['name']}: shell code, whose edits re-run nothing")
    assert wrong == []


def test_a_rule_asks_for_a_gpu_where_its_script_can_use_one(rules: list[dict[str, Any]]) -> None:
    able = {rule["name"] for rule in rules if "device" in rule["params"]}
    asking = {rule["name"] for rule in rules if "gpu" in rule["resources"]}
    assert able == asking
    assert len(able) >= 4


def test_figures_and_tables_are_in_the_report(rules: list[dict[str, Any]]) -> None:
    wrong = []
    for rule in rules:
        files = [path for paths in rule["output"].values() for path in paths]
        shown = {path for path in files if path.endswith((".png", ".csv"))}
        if shown != set(rule["reported"]):
            wrong.append(f"{rule['name']}: {shown ^ set(rule['reported'])} not in the report")
        if not all(all(category) for category in rule["categories"]):
            wrong.append(f"{rule['name']}: category, subcategory or labels missing")
    assert wrong == []


def test_every_caption_is_there_and_used(rules: list[dict[str, Any]]) -> None:
    used = {Path(caption).resolve() for rule in rules for caption in rule["captions"]}
    assert len([c for rule in rules for c in rule["captions"]]) == sum(
        len(rule["reported"]) for rule in rules
    )
    assert used == set((ROOT / "workflow/report").glob("*.rst"))
