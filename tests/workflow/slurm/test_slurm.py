"""The workflow on a real SLURM: sent, queued, run to the same bytes; and what can go wrong."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import chaos  # type: ignore[import-not-found]
import pytest
import runs  # type: ignore[import-not-found]
from slurm_cluster import Cluster, why_not  # type: ignore[import-not-found]
from slurm_project import (  # type: ignore[import-not-found]
    EPOCHS,
    RUN,
    TRAINING_LOG,
    WEIGHTS,
    Run,
    before_training,
    many_epochs,
)
from snakemake_project import Project, copy_project  # type: ignore[import-not-found]

pytestmark = pytest.mark.workflow

TARGETS = [
    f"{RUN}/figures/clusters.png",
    f"{RUN}/figures/cluster-bias.png",
    f"{RUN}/figures/vae-samples.png",
    f"{RUN}/overlaps.parquet",
    "results/tiny-faces/figures/training-whole.png",
    "results/tiny-faces/tables/bias.csv",
    "results/tiny-objects/figures/confusions.png",
    "results/tiny-objects/rdms/euclidean/philnet-features-seed0.npy",
    "results/tiny-objects/rdms/euclidean/human.npy",
]
"""Every kind of step: local, alone, in a group, on a GPU."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    cluster = Cluster(tmp_path_factory.mktemp("slurm"), why_not(accounting=True) is None)
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def hung(
    cluster: Cluster, finished: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """A training that hangs, with a minute to live: started early, looked at by the last test."""
    folder = before_training(finished, tmp_path_factory.mktemp("hung") / "project")
    minute = "train_vae:runtime=1 if attempt == 1 else 5"
    run = Run(folder, "--set-resources", minute, targets=[WEIGHTS])
    run.stop_training()
    try:
        yield run
    finally:
        run.kill()


@pytest.fixture
def folder(finished: Project, tmp_path: Path) -> Path:
    return before_training(finished, tmp_path / "project")


def same_weights(folder: Path, finished: Project) -> bool:
    return (folder / WEIGHTS).read_bytes() == (finished.folder / WEIGHTS).read_bytes()


def test_through_slurm_the_bytes_are_those_of_a_local_run(
    cluster: Cluster, hung: Run, finished: Project, tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "project")
    parts = project.folder / "parts.yaml"
    parts.write_text("studies: {tiny-faces: {scores: {scan_parts: 2}}}\n", encoding="utf-8")
    run = Run(project.folder, parts.name, targets=TARGETS)
    assert run.wait(1200) == 0, run.output
    local, through_slurm = runs.digests(finished.folder), runs.digests(project.folder)
    # There the passes over all pairs ran in two jobs each, here in one piece.
    scattered = {name for name in through_slurm if Path(name).parent.name.startswith("scan")}
    assert len(scattered) == 2 * 2 * 3
    through_slurm = {name: through_slurm[name] for name in through_slurm.keys() - scattered}
    assert len(through_slurm) > 40
    assert [name for name in through_slurm if through_slurm[name] != local[name]] == []

    jobs = [job for job in cluster.finished_jobs() if job["WorkDir"] == str(project.folder)]
    steps = run.output.count("Finished jobid")
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert len(jobs) < 0.75 * steps
    # Sent, queued, run: the node has four processors, so some had to wait.
    assert any(job["StartTime"] > job["SubmitTime"] for job in jobs)
    # Two trainings, latents and features asked for a GPU; nothing else went where those are.
    assert [job["Partition"] for job in jobs].count("gpu") == 4
    assert [job["Partition"] for job in jobs].count("cpu") == len(jobs) - 4


def test_a_job_over_its_memory_gets_more_at_its_next_try(
    cluster: Cluster, finished: Project, folder: Path
) -> None:
    small = "train_vae:mem_mb=400 if attempt == 1 else 4000"
    run = Run(folder, "--set-resources", small, targets=[WEIGHTS])
    assert run.wait() == 0, run.output
    assert "SLURM status is: 'FAILED'" in run.output
    (log,) = folder.glob(".snakemake/slurm_logs/rule_train_vae/*/*.log")  # of the failed job only
    assert str(log) in run.output
    assert "exceeded memory limit" in log.read_text(encoding="utf-8")
    assert "Trying to restart job" in run.output
    tries = [job for job in cluster.finished_jobs() if job["WorkDir"] == str(folder)]
    assert [job["JobState"] for job in tries] == ["FAILED", "COMPLETED"]
    assert ["mem=400M" in tries[0]["Tres"], "mem=4000M" in tries[1]["Tres"]] == [True, True]
    assert same_weights(folder, finished)


@pytest.fixture(scope="module")
def long_training(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of an undisturbed training of some epochs, made by hand."""
    out = tmp_path_factory.mktemp("long") / "vae"
    out.mkdir()
    command = chaos.training_command(finished.folder / f"{WEIGHTS}.meta.json", out, epochs=EPOCHS)
    runs.Run(finished.folder, command, out.parent / "training.out").finish()
    return (out / "weights.pt").read_bytes()


def test_a_cancelled_training_goes_on_from_its_checkpoint(
    cluster: Cluster, long_training: bytes, folder: Path
) -> None:
    many_epochs(folder)
    run = Run(folder, targets=[WEIGHTS], retries=0)
    pid = run.stop_training(after_checkpoint=True)
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert any(v in environment for v in (b"CUDA_VISIBLE_DEVICES=0", b"CUDA_VISIBLE_DEVICES=1"))
    (job,) = [job for job in cluster.queue() if job["folder"] == str(folder)]
    if cluster.constrained:  # kept to its cores, as on most clusters
        assert len(os.sched_getaffinity(pid)) <= int(job["processors"])
    cluster.command("scancel", job["id"])
    assert run.wait() == 1
    assert "SLURM status is: 'CANCELLED'" in run.output
    assert not (folder / WEIGHTS).exists()
    again = Run(folder, targets=[WEIGHTS], retries=0)
    assert again.wait() == 0, again.output
    log = (folder / TRAINING_LOG).read_text(encoding="utf-8")
    gone_on = re.search(r"continuing after epoch (\d+)", log)
    assert gone_on is not None, log
    assert 1 <= int(gone_on[1]) < EPOCHS
    # SLURM gave a GPU; that it is a simulated one is found out, used around and said.
    assert "device: cpu (no GPU here" in log
    assert (folder / WEIGHTS).read_bytes() == long_training


@pytest.mark.slow
def test_a_node_that_dies_in_mid_training_comes_back_and_goes_on(
    cluster: Cluster, long_training: bytes, folder: Path
) -> None:
    many_epochs(folder)
    run = Run(folder, targets=[WEIGHTS], slurm_status_command=status_command(cluster))
    run.stop_training(after_checkpoint=True)
    (job,) = [job for job in cluster.queue() if job["folder"] == str(folder)]
    cluster.kill("slurmd", signal.SIGKILL)
    cluster.kill_steps()
    cluster.mark_down()
    cluster.wait_for(lambda: job | {"state": "PENDING"} in cluster.queue(), "the job to wait again")
    cluster.start_node()
    # SLURM gives it two minutes' rest before it starts again.
    assert run.wait(900) == 0, run.output
    log = (folder / TRAINING_LOG).read_text(encoding="utf-8")
    assert "continuing after epoch" in log
    assert (folder / WEIGHTS).read_bytes() == long_training
    assert sent_jobs(run) == 1  # SLURM queued it again; a second one would have written beside it


@pytest.mark.slow
def test_daemons_that_go_away_for_a_while_cost_nothing(
    cluster: Cluster, finished: Project, folder: Path
) -> None:
    run = Run(folder, targets=[WEIGHTS], retries=0)
    pid = run.stop_training()
    cluster.kill("slurmd", signal.SIGKILL)
    cluster.kill("slurmctld", signal.SIGTERM)
    time.sleep(8)  # longer than the time to the next question
    cluster.start_controller()
    cluster.start_node()
    os.kill(pid, signal.SIGCONT)
    assert run.wait() == 0, run.output
    assert same_weights(folder, finished)


def test_an_impossible_request_is_refused_in_slurms_words(cluster: Cluster, folder: Path) -> None:
    run = Run(folder, "--set-resources", "train_vae:gpu=99", targets=[WEIGHTS], retries=0)
    assert run.wait() == 1
    assert "sbatch: error" in run.output


@pytest.mark.slow
def test_a_job_over_its_time_is_ended_and_sent_again(
    cluster: Cluster, hung: Run, finished: Project
) -> None:
    assert hung.wait() == 0, hung.output
    assert "SLURM status is: 'TIMEOUT'" in hung.output
    tries = [job for job in cluster.finished_jobs() if job["WorkDir"] == str(hung.folder)]
    assert [job["JobState"] for job in tries] == ["TIMEOUT", "COMPLETED"]
    assert [job["TimeLimit"] for job in tries] == ["1", "5"]
    assert same_weights(hung.folder, finished)


def sent_jobs(run: Run) -> int:
    """How many jobs a run has sent."""
    return len(re.findall("has been submitted with SLURM jobid", run.output))


def status_command(cluster: Cluster) -> str:
    return "sacct" if cluster.accounting else "squeue"


def preempt(cluster: Cluster, folder: Path) -> None:
    """Take the whole node for a second, from whoever has to make room."""
    options = ("--partition=cpu", f"--cpus-per-task={cluster.cpus}", "--mem=400", "--wait")
    cluster.command("sbatch", *options, f"--output={folder / 'other.out'}", "--wrap=sleep 1")


def test_a_preempted_job_that_slurm_gives_up_is_sent_again(
    cluster: Cluster, finished: Project, folder: Path
) -> None:
    # With accounting, where the profile asks sacct, to which such a job is PREEMPTED for ever.
    if not cluster.accounting:
        pytest.skip(str(why_not(accounting=True)))
    there = ("--set-resources", "train_vae:slurm_partition=killed")
    run = Run(folder, *there, targets=[WEIGHTS], slurm_status_command="sacct")
    run.stop_training()
    preempt(cluster, folder)
    assert run.wait() == 0, run.output
    assert "was preempted and is not queued again" in run.output
    assert same_weights(folder, finished)
    lines = cluster.command("sacct", "-X", "-n", "-P", "-o", "WorkDir,State,ReqTRES").splitlines()
    jobs = [line.split("|")[1:] for line in lines if line.startswith(f"{folder}|")]
    assert [state for state, _ in jobs] == ["PREEMPTED", "COMPLETED"]
    assert all("gres/gpu=1" in asked for _, asked in jobs)


@pytest.mark.slow
def test_a_preempted_job_that_slurm_queues_again_is_waited_for(
    cluster: Cluster, finished: Project, folder: Path
) -> None:
    there = ("--set-resources", "train_vae:slurm_partition=requeued")
    run = Run(folder, *there, targets=[WEIGHTS], slurm_status_command=status_command(cluster))
    run.stop_training()
    preempt(cluster, folder)
    assert run.wait(900) == 0, run.output
    assert same_weights(folder, finished)
    assert sent_jobs(run) == 1


@pytest.mark.slow
def test_a_gpu_asked_for_by_gres(cluster: Cluster, finished: Project, folder: Path) -> None:
    run = Run(folder, "--config", "gres=gpu:sim:1", targets=[WEIGHTS])
    assert run.wait() == 0, run.output
    assert same_weights(folder, finished)
    (job,) = [job for job in cluster.finished_jobs() if job["WorkDir"] == str(folder)]
    assert "gres/gpu:sim=1" in job["Tres"] or "gres/gpu=1" in job["Tres"]
