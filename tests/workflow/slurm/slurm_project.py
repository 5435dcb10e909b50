"""Copies of the project on the tests' cluster, and Snakemake in them that sends its jobs there."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from snakemake_project import (  # type: ignore[import-not-found]
    ROOT,
    TINY,
    Project,
    clean_environment,
    copy_project,
    tiny,
)

RUN = "results/tiny-faces/vae/whole/seed0"
WEIGHTS = f"{RUN}/weights.pt"
TRAINING_LOG = "results/tiny-faces/logs/train_vae-whole-seed0.log"
EPOCHS = 8
SMALL = {
    # What the pretended node has, and no waiting for a file system that is here.
    "cores": 4,
    "resources": ["mem_mb=8000"],
    "latency-wait": 10,
    "slurm-init-seconds-before-status-checks": 3,
}


def write_profile(folder: Path, **changes: Any) -> Path:
    """profiles/slurm as it stands, but for the size of the cluster and these changes."""
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))
    profile |= SMALL | {key.replace("_", "-"): value for key, value in changes.items()}
    path = folder / "profiles/tests/config.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")
    return path.parent


class Run:
    """Snakemake at work in a folder; it is killed when it takes too long."""

    def __init__(self, folder: Path, *options: str, targets: Sequence[str], **profile: Any):
        profile.setdefault("slurm_status_command", "squeue")
        self.folder = folder
        self._output = folder / "snakemake.out"
        options = (*options, "--workflow-profile", str(write_profile(folder, **profile)))
        with open(self._output, "w", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", *tiny(*options, targets=targets)],
                cwd=folder,
                # Its GPUs are simulated: trainings go on without.
                env=clean_environment(folder) | {"LATENT_MICROSCOPE_WITHOUT_GPU": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def wait(self, seconds: float = 600) -> int:
        """The exit status."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"not done in {seconds} s: {self.output}") from None

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop_training(self, seconds: float = 300, *, after_checkpoint: bool = False) -> int:
        """Freeze the training that this run has sent to the cluster; its process id.

        A frozen process is in mid-run for as long as a test wants, at no cost.

        Args:
            seconds: To wait for it.
            after_checkpoint: Not before it has saved a checkpoint.
        """
        end = time.monotonic() + seconds
        checkpoints = (self.folder / WEIGHTS).parent / ".checkpoints"
        while time.monotonic() < end:
            log = self.folder / TRAINING_LOG
            begun = log.exists() and "precision" in log.read_text(encoding="utf-8")
            if begun and (not after_checkpoint or any(checkpoints.glob("weights-*.ckpt"))):
                for pid in _processes("train_vae.py", self.folder):
                    os.kill(pid, signal.SIGSTOP)
                    return pid
            assert self._process.poll() is None, self.output
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"no training in {seconds} s: {self.output}")


def _processes(script: str, folder: Path) -> list[int]:
    """Processes that run a script of ours in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (path / "cmdline").read_bytes().split(b"\0")
            ours = any(word.endswith(script.encode()) for word in words)
            if ours and (path / "cwd").readlink() == folder:
                found.append(int(path.name))
    return found


def many_epochs(folder: Path) -> None:
    """Let the tiny VAE train for some epochs and save a checkpoint after each."""
    rules = folder / "workflow/rules/training.smk"
    text = rules.read_text(encoding="utf-8")
    mark = "            settings=ask(runs.vae_settings),\n"
    assert text.count(mark) == 1
    rules.write_text(text.replace(mark, f"{mark}            checkpoint_seconds=0.0,\n"))
    config = folder / TINY.name
    text = config.read_text(encoding="utf-8")
    assert text.count("      epochs: 1\n") == 1
    config.write_text(text.replace("      epochs: 1\n", f"      epochs: {EPOCHS}\n"))


def before_training(finished: Project, folder: Path) -> Path:
    """A copy of the project that has the tiny study's images but no network yet."""
    copy_project(folder)
    for part in ("data", "results/tiny-faces/data"):
        shutil.copytree(finished.folder / part, folder / part)
    return folder
