"""Rules and scripts agree on arguments; every rule has log, environment, resources, captions."""

import ast
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from snakemake_project import ROOT, clean_environment  # type: ignore[import-not-found]

from latent_microscope import registry
from latent_microscope.planning.captions import captions
from latent_microscope.planning.resources import BATCHES, batch

pytestmark = pytest.mark.workflow

SHARED = {"plot": "figures", "tabulate": "tables", "apply_score": "scores", "apply_model": "models"}
"""Scripts of many rules, whose arguments are those of the declared functions → their group."""
MERGED = {
    "embed_umap_replicate": "embed_umap",
    "find_near_matches": "find_duplicates",
    "generate_scenario": "generate_synthetic",
    "label_features": "make_human_features",
    "match_private_ids": "match_ids",
    "scan_plane_part": "scan_part",
}
"""Rules that run the script of another one."""
COMMANDS = {"take_screenshots", "write_readme", "write_reference"}
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
    return arguments_of(main, script.name)


def arguments_of(function: ast.FunctionDef, where: str) -> dict[str, tuple[str, bool]]:
    assert not function.args.args, f"{where}: {function.name}() takes keywords only"
    found = {}
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        assert argument.annotation is not None, f"{where}: {argument.arg} has no type"
        names = {n.id for n in ast.walk(argument.annotation) if isinstance(n, ast.Name)}
        kind = next((KINDS[name] for name in names if name in KINDS), "param")
        found[argument.arg] = kind, default is None
    return found


def arguments_taken(rule: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """What a rule's script takes; of a shared one with what its declared function does."""
    script = Path(rule["folder"], rule["script"])
    if script.stem not in SHARED:
        return main_of(script)
    found = registry.find(SHARED[script.stem], rule["declared"])
    module, _, name = found.function.partition(":")
    source = Path(str(find_spec(module).origin))  # type: ignore[union-attr]
    body = ast.parse(source.read_text(encoding="utf-8")).body
    function = next(n for n in body if isinstance(n, ast.FunctionDef) and n.name == name)
    own = {"style": ("param", False)} if script.stem == "plot" else {}
    taken = arguments_of(function, f"{rule['name']}: {module}") | own
    taken.pop("look", None)
    return taken | dict.fromkeys(registry.outputs_of(found), ("output", True))


def given(rule: dict[str, Any]) -> dict[str, str]:
    """Argument → kind that a rule passes to its script."""
    files = {name: kind for kind in ("input", "output") for name in rule[kind]}
    return files | {name: "param" for name in rule["params"] if name != "step"}


def test_rules_pass_what_their_scripts_take(rules: list[dict[str, Any]]) -> None:
    wrong = []
    for rule in rules:
        arguments = arguments_taken(rule)
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
    assert {name: by_rule.pop(name) for name in MERGED} == MERGED
    # One rule for each set of layers that are files of their own.
    numbered = {name: re.sub(r"^(extract_features)_\d+$", r"\1", name) for name in by_rule}
    shared = {name: script for name, script in by_rule.items() if numbered[name] != script}
    assert set(shared.values()) <= set(SHARED)
    assert all(name.startswith(script.split("_")[0] + "_") for name, script in shared.items())
    scripts = {p.stem for p in (ROOT / "scripts").rglob("*.py")}
    assert scripts == set(by_rule.values()) | set(SHARED) | COMMANDS


def test_the_path_of_a_script_follows_from_the_rule_alone() -> None:
    """Snakemake evaluates it again when a job runs: variables of a loop have their last values."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "workflow/rules").glob("*.smk")]
    paths = [found for text in texts for found in re.findall(r"script:\n\s+(.+)\n", text)]
    assert any("code_of(rule)" in path for path in paths)
    for path in paths:
        used = {n.id for n in ast.walk(ast.parse(path)) if isinstance(n, ast.Name)}
        assert used <= {"rule", "code_of", "project"}, path


def test_short_steps_are_local_or_batched(rules: list[dict[str, Any]]) -> None:
    local = {rule["name"] for rule in rules if rule["local"]}
    groups = {rule["name"]: rule["group"] for rule in rules if rule["group"]}
    assert not local & set(groups)
    assert {name for name, group in groups.items() if group == "figures-{study}"} == {
        rule["name"] for rule in rules if rule["name"].startswith("plot_")
    }
    # Tables of every sample are no work for a login node.
    heavy = {name for name, group in groups.items() if group == batch("tables")}
    assert {"tabulate_reliability", "tabulate_correlations", "tabulate_duplicates"} <= heavy
    tables = {rule["name"] for rule in rules if rule["name"].startswith("tabulate_")}
    assert tables - heavy <= local
    assert set(groups.values()) == {batch(name) for name in BATCHES}
    turns = {rule["name"] for rule in rules if "turn" in rule["resources"]}
    assert turns == set(groups)  # else jobs of a group would ask for the cores of all of them


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
    used = [Path(caption) for rule in rules for caption in rule["captions"]]
    assert len(used) == sum(len(rule["reported"]) for rule in rules)
    declared = {f"{kind}-{name}" for kind, texts in captions().items() for name in texts}
    assert {caption.stem for caption in used} == declared
    assert all(text for texts in captions().values() for text in texts.values())


def test_no_published_file_is_an_output(rules: list[dict[str, Any]]) -> None:
    """Snakemake deletes the outputs of a job before it starts, also of one that then fails."""
    made = {path for rule in rules for paths in rule["output"].values() for path in paths}
    assert [path for path in made if path.startswith("results/published/")] == []
