"""What jobs ask a cluster for: within a node, a GPU in its words, again after a preemption."""

import asyncio
import inspect
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from latent_microscope import project
from latent_microscope.errors import InputError
from latent_microscope.planning import cluster, resources
from latent_microscope.planning.runs import here
from latent_microscope.planning.study import Study, Wildcards

FACES = Wildcards(study="faces", seed="0")


@pytest.fixture(autouse=True)
def unknown() -> Iterator[None]:
    yield
    cluster.know({}, None, "auto")


def test_more_than_a_node_has_is_refused_and_never_cut() -> None:
    cluster.know({"mem_mb": 4000}, None, "auto")
    memory = resources.needs(resources.growing(1000, 10))["mem_mb"]
    # Snakemake looks at the names of the arguments.
    assert list(inspect.signature(memory).parameters) == ["wildcards", "input", "attempt"]
    fits, large = SimpleNamespace(size_mb=300), SimpleNamespace(size_mb=301)
    assert memory(["faces", "0"], input=fits, attempt=1) == 4000
    with pytest.raises(InputError, match=r"^faces 0: asks for 4,010 MB.*a node has 4,000.*mem_mb"):
        memory(["faces", "0"], input=large, attempt=1)
    with pytest.raises(InputError, match=r"^asks for 4,010 MB"):
        memory([], input=large, attempt=1)
    # One that failed gets twice as much, or all there is.
    assert memory(["faces", "0"], input=SimpleNamespace(size_mb=50), attempt=2) == 3000
    assert memory(["faces", "0"], input=fits, attempt=2) == 4000
    cluster.know({}, None, "auto")
    assert memory(["faces", "0"], input=large, attempt=1) == 4010


class Files(list[str]):
    """As Snakemake has it: no size while a file is missing."""

    @property
    def size_mb(self) -> float:
        return sum(os.path.getsize(path) for path in self) / 2**20


FACE_STUDY = Study(
    "faces", {"kind": "faces", "dataset": "x", "subset": 1000, "size": 64, "vae": {"latent": 128}}
)


def test_what_is_yet_to_be_made_is_refused_before(tmp_path: Path) -> None:
    expected = partial(resources.expected_mb, {"faces": FACE_STUDY})
    images, unknown = "results/faces/data/images.npy", str(tmp_path / "unknown.npy")
    size = 1000 * 64 * 64 * 3 / 2**20
    assert expected(images) == size
    memory = resources.needs(resources.growing(1000, 10))["mem_mb"]
    most = int(1000 + 10 * size)
    for limit, files, error in (
        (most, [images], FileNotFoundError),  # Snakemake's <TBD>
        (most - 1, [images], InputError),
        (most - 1, [unknown], FileNotFoundError),
        (most - 1, [unknown, images], InputError),
    ):
        cluster.know({"mem_mb": limit}, None, "auto", expected=expected)
        with pytest.raises(error):
            memory(["faces"], input=Files(files), attempt=1)
    Path(unknown).write_bytes(bytes(2**20))
    assert memory(["faces"], input=Files([unknown]), attempt=1) == 1010


def test_sizes_of_results_by_the_config() -> None:
    vae = {"latent": 8}
    subset = {"train": 50, "test": 30}
    objects = Study("objects", {"kind": "alignment", "images": "x", "subset": subset, "vae": vae})
    own = Study("own", {"kind": "custom", "vae": vae, "data": {}})
    studies = {"faces": FACE_STUDY, "objects": objects, "own": own}
    for path, size in (
        ("results/faces/vae/whole/seed0/latents.npy", 1000 * 128 * 4),
        ("results/objects/data/train/images.npy", 50 * 32 * 32 * 3),
        ("results/objects/data/test/images.npy", 30 * 32 * 32 * 3),
        ("results/objects/rdms/cosine/human.npy", 30 * 29 / 2 * 4),
        ("results/objects/models/x/seed0/features.npy", 0),
        ("results/own/data/images.npy", 0),
        ("results/other/data/images.npy", 0),
        ("data/faces/images.npy", 0),
        ("images.npy", 0),
    ):
        assert resources.expected_mb(studies, path) == pytest.approx(size / 2**20), path


def test_the_disk_of_a_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores, clusters = {"k": 10, "overlap_pairs": 1000}, {"neighbors": 15}
    file = str(tmp_path / "mine.npy")
    rest = {"scores": scores, "clusters": clusters, "data": {"embeddings": {"file": file}}}
    own, at = Study("own", {"kind": "custom", **rest}), Wildcards("own", "whole", "0")
    monkeypatch.chdir(tmp_path)
    assert resources.scan_disk(own, at) == 1  # of 2,000 samples or fewer, for want of files
    np.save(file, np.zeros((500_000, 1), dtype=np.float32))
    assert resources.scan_disk(own, at) == 1 + 128
    latents = tmp_path / here(own, at) / "latents.npy"
    latents.parent.mkdir(parents=True)
    np.save(latents, np.zeros((250_000, 1), dtype=np.float32))
    assert resources.scan_disk(own, at) == 1 + 64


@pytest.mark.parametrize(
    ("gres", "device", "expected"),
    [
        (None, "auto", {"gpu": 1}),
        ("gpu:a100:1", "cuda", {"gres": "gpu:a100:1"}),
        (None, "cpu", {}),
        ("gpu:1", "cpu", {}),
    ],
)
def test_how_a_gpu_is_asked_for(gres: str | None, device: str, expected: dict[str, Any]) -> None:
    cluster.know({}, gres, device)
    asked = resources.needs(resources.light_memory, gpu=1)
    assert {name: asked[name] for name in asked if name in ("gpu", "gres")} == expected


def test_gres_of_a_job_that_needs_no_gpu_is_empty() -> None:
    cluster.know({}, "gpu:1", "auto")
    asked = resources.needs(resources.light_memory, gpu=lambda wildcards: wildcards == "dense")
    assert asked["gres"]("dense") == "gpu:1"
    assert asked["gres"]("convolutional") == ""


def test_a_training_asks_for_minutes_on_a_gpu_and_hours_without() -> None:
    vae = {"arch": "convolutional", "epochs": 10}
    faces = Study("faces", {"kind": "faces", "subset": 90_000, "vae": vae})
    runtime = resources.lasting(lambda wildcards: resources.vae_duration(faces, wildcards))
    assert runtime(FACES, input=None, attempt=1) == 15 + 15
    assert runtime(FACES, input=None, attempt=3) == 90
    cluster.know({}, None, "cpu")
    assert runtime(FACES, input=None, attempt=1) == 15 + 450
    # Only the files of a custom study say how many images there are.
    data = {"images": {"size": 100}}
    custom = Study("own", {"kind": "custom", "data": data, "vae": vae})
    runtime = resources.lasting(lambda wildcards: resources.vae_duration(custom, wildcards))
    assert runtime(FACES, input=SimpleNamespace(size_mb=2700), attempt=1) == 15 + 450


@pytest.mark.parametrize(
    ("there", "limit"),
    [
        ("", None),
        ("/dev/nvidia[0-9]*", ["gpu=1"]),
        ("/dev/dxg", ["gpu=1"]),
        ("/dev/kfd", ["gpu=1"]),
    ],
)
def test_trainings_take_turns_only_on_a_machine_with_a_gpu(
    monkeypatch: pytest.MonkeyPatch, there: str, limit: list[str] | None
) -> None:
    yte = pytest.importorskip("yte")
    monkeypatch.setattr("glob.glob", lambda pattern: [pattern] if pattern == there else [])
    profile = yte.process_yaml((project.root() / "profiles/default/config.yaml").read_text())
    assert profile.get("resources") == limit
    assert profile["keep-going"] is True


def test_snakemake_has_the_limiter_that_local_runs_switch_off() -> None:
    scheduler = pytest.importorskip("snakemake.scheduling.job_scheduler").JobScheduler
    switched_off = "self.job_rate_limiter is None"
    assert switched_off in inspect.getsource(scheduler.job_selector)
    rules = (project.root() / "workflow/Snakefile").read_text()
    assert "workflow.scheduler.job_rate_limiter = None" in rules


MIG = "gpu:nvidia_h100_1g.10gb:1"


@pytest.mark.parametrize(
    ("gres", "device", "gpu", "expected"),
    [
        (None, "auto", 1, "--gpus=a100:1"),
        (None, "auto", lambda wildcards: 0, ""),
        (None, "auto", None, ""),
        (None, "cpu", 1, ""),
        (MIG, "auto", 1, f"--gres={MIG}"),
        (MIG, "auto", lambda wildcards: 1, f"--gres={MIG}"),
        (MIG, "auto", None, ""),
        (MIG, "cpu", 1, ""),
    ],
)
def test_a_model_of_gpu_in_the_profile_is_for_jobs_that_ask_by_gpus(
    gres: str | None, device: str, gpu: Any, expected: str
) -> None:
    utils = pytest.importorskip("snakemake_executor_plugin_slurm.utils")
    snakemake = pytest.importorskip("snakemake.resources")
    defaults = {"gpu_model": snakemake.Resource("gpu_model", "a100"), "runtime": 15}
    cluster.know({}, gres, device, defaults)
    asked = {"gpu_model": "a100"} | resources.needs(resources.light_memory, gpu=gpu)
    got = {key: asked[key] for key in ("gpu", "gres", "gpu_model") if key in asked}
    got = {key: value("faces") if callable(value) else value for key, value in got.items()}

    class Asked(dict[str, Any]):
        __getattr__ = dict.__getitem__

    assert utils.set_gres_string(SimpleNamespace(resources=Asked(got))).strip() == expected


def test_a_preempted_job_is_looked_for_where_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"1": "CLUSTER: far\nPENDING\n", "2": "CLUSTER: far\n"}
    asked = []

    def squeue(words: tuple[str, ...], **options: Any) -> Any:
        asked.append(words[1])
        return SimpleNamespace(returncode=0, stdout=said[words[-1]], stderr="")

    monkeypatch.setattr(subprocess, "run", squeue)
    cluster.know({}, None, "auto", {"clusters": "far"})
    assert cluster._is_queued("1")
    assert not cluster._is_queued("2")
    cluster.know({}, None, "auto")
    assert cluster._is_queued("1")
    assert asked == ["--clusters=far", "--clusters=far", "--noheader"]


STATES = {"1": "RUNNING", "2": "PREEMPTED", "3": "PREEMPTED", "4": "PREEMPTED", "5": "PREEMPTED"}
STATES["6"] = "PREEMPTED"


def test_preempted_jobs_that_are_not_queued_again_count_as_cancelled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def query_job_status(command: str, logger: Any) -> Any:
        return (dict(STATES), 0.1) if command == "sacct" else (None, None)

    def squeue(words: tuple[str, ...], **options: Any) -> Any:
        said = {
            "2": (0, "PENDING\n", ""),
            "3": (0, "", ""),
            "4": (1, "", "slurm_load_jobs error: Invalid job id specified"),
            "5": (1, "", "slurm_load_jobs error: Unable to contact slurm controller"),
        }.get(words[-1])
        if said is None:
            raise subprocess.TimeoutExpired(words, 60)
        return SimpleNamespace(**dict(zip(("returncode", "stdout", "stderr"), said, strict=True)))

    plugin = SimpleNamespace(query_job_status=query_job_status)
    monkeypatch.setitem(sys.modules, "snakemake_executor_plugin_slurm", plugin)
    monkeypatch.setattr(subprocess, "run", squeue)
    cluster.resend_preempted()
    once = plugin.query_job_status
    cluster.resend_preempted()  # a workflow that is parsed twice
    assert plugin.query_job_status is once
    log = logging.getLogger("test")
    found, _ = asyncio.run(plugin.query_job_status("sacct", log))
    assert found == STATES | {"3": "CANCELLED", "4": "CANCELLED"}
    assert "job 3 was preempted" in caplog.text
    assert asyncio.run(plugin.query_job_status("nothing", log)) == (None, None)


def test_the_plugin_has_what_is_wrapped() -> None:
    plugin = pytest.importorskip("snakemake_executor_plugin_slurm")
    assert inspect.iscoroutinefunction(plugin.query_job_status)
    assert list(inspect.signature(plugin.query_job_status).parameters) == ["command", "logger"]
