"""The plan guard: resolved configs and all jobs of all commands, taken, kept and compared."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import store  # type: ignore[import-not-found]
from commands import commands, write_files  # type: ignore[import-not-found]
from differences import ABSENT, Difference, compared  # type: ignore[import-not-found]
from renames import Renames  # type: ignore[import-not-found]

FILE = store.TAKEN / "plans.json.xz"
DUMP = Path(__file__).with_name("dump_plans.py")
_OURS = ("KAGGLE_", "SNAKEMAKE_", "LATENT_MICROSCOPE_")
PROCESSES = 2

Plans = dict[str, dict[str, Any]]
"""Command → ``config`` and ``jobs`` by key."""


def take(checkout: Path, python: Path) -> Plans:
    """Plan every command of a checkout with its own Python; some processes, each for many."""
    every = list(commands(checkout).items())
    with (
        tempfile.TemporaryDirectory() as scratch,
        ThreadPoolExecutor(PROCESSES) as pool,
    ):
        parts = [dict(every[i::PROCESSES]) for i in range(PROCESSES)]
        folders = [Path(scratch).resolve() / str(i) for i in range(PROCESSES)]
        done = pool.map(
            lambda pair: _take(checkout, python, *pair), zip(folders, parts, strict=True)
        )
        found = {name: plan for part in done for name, plan in part.items()}
    return {name: found[name] for name, _ in every}


def _take(checkout: Path, python: Path, folder: Path, part: Mapping[str, list[str]]) -> Plans:
    work, request, output = folder / "work", folder / "request.json", folder / "plans.json"
    work.mkdir(parents=True)
    write_files(work)
    (work / "results").mkdir()
    (work / "results/published").symlink_to(checkout.resolve() / "results/published")
    content = {"checkout": checkout.resolve(), "folder": work, "output": output, "commands": part}
    request.write_text(json.dumps(content, default=str), encoding="utf-8")
    done = subprocess.run(
        [python, "-P", DUMP, request],
        cwd=work,
        env={k: v for k, v in os.environ.items() if not k.startswith(_OURS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    plans: Plans = json.loads(output.read_text(encoding="utf-8"))
    return plans


def save(plans: Plans, path: Path = FILE) -> None:
    """Each job once, however many commands have it."""
    jobs = sorted({json.dumps(job) for plan in plans.values() for job in plan["jobs"].values()})
    number = {job: i for i, job in enumerate(jobs)}
    packed = {
        name: {
            "config": plan["config"],
            "jobs": [number[json.dumps(job)] for job in plan["jobs"].values()],
        }
        for name, plan in plans.items()
    }
    store.write(path, {"jobs": [json.loads(job) for job in jobs], "commands": packed})


def load(path: Path = FILE) -> Plans:
    """What :func:`save` has written."""
    content = store.read(path)
    return {
        name: {
            "config": plan["config"],
            "jobs": {content["jobs"][i]["key"]: content["jobs"][i] for i in plan["jobs"]},
        }
        for name, plan in content["commands"].items()
    }


def renamed(plans: Plans, renames: Renames) -> Plans:
    """Old plans with new names."""
    return {
        name: {
            "config": renames.tree("config", [], plan["config"]),
            "jobs": {job["key"]: job for job in map(_renaming(renames), plan["jobs"].values())},
        }
        for name, plan in plans.items()
    }


def _renaming(renames: Renames) -> Any:
    def files(section: str, rule: str, old: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in old.items():
            paths = [renames.path(one) for one in ([value] if isinstance(value, str) else value)]
            found[renames.key(section, [rule], name)] = (
                paths[0] if isinstance(value, str) else paths
            )
        return found

    def rename(job: Mapping[str, Any]) -> dict[str, Any]:
        rule = job["rule"]
        new = renames.name("rules", rule)
        return {
            **job,
            "key": renames.path(job["key"]) if job["output"] else new,
            "rule": new,
            "wildcards": {
                renames.key("wildcards", [rule], name): renames.name("words", value)
                for name, value in job["wildcards"].items()
            },
            "input": files("inputs", rule, job["input"]),
            "output": files("outputs", rule, job["output"]),
            "log": {name: [renames.path(p) for p in paths] for name, paths in job["log"].items()},
            "params": renames.tree("params", [rule], job["params"]),
            "conda": job["conda"] and renames.path(job["conda"]),
            "report": {
                renames.path(file): {
                    "caption": renames.words(shown["caption"]),
                    "category": renames.words(shown["category"]),
                    "subcategory": renames.words(shown["subcategory"]),
                    "labels": {
                        renames.key("wildcards", [rule], k): renames.words(v)
                        for k, v in shown["labels"].items()
                    },
                }
                for file, shown in job["report"].items()
            },
        }

    return rename


def differences(old: Plans, new: Plans) -> Iterator[Difference]:
    """Everything in which the plans differ."""
    for name in {**old, **new}:
        if name not in old or name not in new:
            sides = [ABSENT if name not in plans else "planned" for plans in (old, new)]
            yield Difference("plans", "command", name, *sides)
            continue
        for field, was, now in compared(old[name]["config"], new[name]["config"]):
            if not field.endswith("(order)"):  # params show where the order of keys counts
                yield Difference("plans", "config", field, was, now, name)
        before, after = old[name]["jobs"], new[name]["jobs"]
        for key in {**before, **after}:
            yield from _job_differences(f"{name}: {key}", before.get(key), after.get(key))


def _job_differences(place: str, old: Any, new: Any) -> Iterator[Difference]:
    if old is None or new is None:
        rule = (old or new)["rule"]
        sides = [ABSENT if job is None else "planned" for job in (old, new)]
        yield Difference("plans", rule, "job", *sides, place)
    elif old != new or json.dumps(old) != json.dumps(new):
        for field, was, now in compared(_flat(old), _flat(new)):
            # Names of arguments have no order, but dictionaries within params do.
            if field.startswith("params.") or not field.endswith("(order)"):
                yield Difference("plans", new["rule"], field, was, now, place)


def _flat(job: Mapping[str, Any]) -> dict[str, Any]:
    """Reported files by their name among outputs, so that one field has one name in all jobs."""
    names = {}
    for name, files in job["output"].items():
        for number, file in enumerate([files] if isinstance(files, str) else files):
            plain = file.partition("(")[2].removesuffix(")") or file  # without its flags
            names[plain] = f"{name}{number or ''}"
    return {**job, "report": {names.get(file, file): v for file, v in job["report"].items()}}
