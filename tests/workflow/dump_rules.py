"""Print all rules of a workflow as JSON: a process of its own, for Snakemake keeps global state."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings


def pattern(path: Any) -> str:
    """A path's pattern without its wildcards' constraints."""
    return re.sub(r"\{(\w+),[^{}]*\}", r"{\1}", str(path))


def declared(step: Any) -> str | None:
    """The declaration that a step calls."""
    return step.get("declared") if isinstance(step, dict) else None


def describe(rule: Any) -> dict[str, Any]:
    """What the tests look at; paths as they stand in the rule file, captions as absolute ones."""
    reported = [item.flags["report"] for item in rule.output if "report" in item.flags]
    captions = [r.caption.get_path_or_uri(secret_free=True) for r in reported]
    return {
        "name": rule.name,
        "folder": str(Path(rule.snakefile).parent),
        "script": rule.script,
        "shell": bool(rule.shellcmd),
        "input": [name for name, _ in rule.input.items()],
        "inputs": len(rule.input),
        "output": {
            name: [pattern(path) for path in ([value] if isinstance(value, str) else value)]
            for name, value in rule.output.items()
        },
        "outputs": len(rule.output),
        "params": [name for name, _ in rule.params.items()],
        "log": [pattern(path) for path in rule.log],
        "group": rule._group,
        "local": rule.name in rule.workflow._localrules,
        "declared": declared(rule.params.get("step")),
        "conda": str(rule._conda_env) if rule._conda_env else None,
        "container": rule.container_img,
        "resources": sorted(rule.resources),
        "captions": captions,
        "reported": [pattern(item) for item in rule.output if "report" in item.flags],
        "categories": [[r.category, r.subcategory, r.labels] for r in reported],
    }


def main(snakefile: Path, *config: str) -> None:
    """Parse the workflow, with these keys (KEY=TEXT) in the config, and print its rules."""
    settings = ConfigSettings(config=dict(word.split("=", 1) for word in config))
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        resources = ResourceSettings(cores=1)
        workflow = api.workflow(resources, settings, snakefile=snakefile)._workflow
        print(json.dumps([describe(rule) for rule in workflow.rules]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
