"""What a cluster is for the rules: the memory of a node, how a GPU is asked for, preempted jobs."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from latent_microscope.errors import InputError

Resource = Callable[..., int]
_PLUGIN = "snakemake_executor_plugin_slurm"
_CLUSTERS = ("cluster", "clusters", "slurm_cluster")  # resources, as the plugin looks for them
_known: dict[str, Any] = {"mem_mb": None, "gres": None, "device": "auto"}
_known |= {"gpu_model": None, "clusters": None, "expected": None}


def know(
    limits: Mapping[str, Any],
    gres: str | None,
    device: str,
    defaults: Mapping[str, Any] | None = None,
    expected: Callable[[str], float] | None = None,
) -> None:
    """What the requests depend on.

    Args:
        limits: Snakemake's ``resources``, such as those of the profile: what one job may have.
        gres: What asks for a GPU by sbatch's --gres; None: --gpus.
        device: The config's ``device``; ``cpu`` asks for no GPU.
        defaults: Snakemake's ``default-resources``, of which the model of GPU and the clusters.
        expected: MB of a file that is yet to be made, or 0 where that is not known.
    """
    memory = limits.get("mem_mb")
    _known.update(mem_mb=getattr(memory, "value", memory), gres=gres, device=device)
    named = {key: getattr(value, "raw", value) for key, value in (defaults or {}).items()}
    clusters = next((named[key] for key in _CLUSTERS if named.get(key)), None)
    _known.update(gpu_model=named.get("gpu_model"), clusters=clusters, expected=expected)


def may_use_gpus() -> bool:
    """Whether the config lets steps compute on GPUs."""
    return bool(_known["device"] != "cpu")


class _Expected:
    """The inputs of a job with their sizes, also of those that are yet to be made."""

    def __init__(self, files: Any) -> None:
        self._files = files
        self.size_mb = sum(
            os.path.getsize(path) / 2**20 if os.path.exists(path) else _known["expected"](path)
            for path in map(str, files)
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


def within_node(memory: Resource) -> Resource:
    """A request that is refused where no node could give it; later tries ask for all of a node.

    Snakemake itself would cut it without a word. Where inputs are yet to be made and the config
    tells their size, it is refused before anything runs, else when they are made.
    """

    @wraps(memory)
    def asked(wildcards: Any, **told: Any) -> int:
        most, first = _known["mem_mb"], told["attempt"] == 1

        def within(amount: int) -> int:
            if most and amount > most and first:
                # Snakemake names the rule.
                job = f"{' '.join(wildcards)}: " if len(wildcards) else ""
                raise InputError(
                    f"{job}asks for {amount:,} MB of memory, and a node has {most:,} (mem_mb of "
                    "resources in the profile, or of --resources); raise that if a node has more, "
                    "or run less of the study (size, subset)"
                )
            return min(amount, most or amount)

        if most and first and _known["expected"] and "input" in told:
            within(memory(wildcards, **told | {"input": _Expected(told["input"])}))
        # Snakemake asks again when inputs that it misses here are made.
        return within(memory(wildcards, **told))

    return asked


def gpu_request(gpu: Any) -> dict[str, Any]:
    """Resources of a job that wants a GPU (1, or a function of its wildcards), or none.

    The executor plugin takes a ``gpu_model`` of the profile for a request of its own, so that jobs
    which ask for none, or by ``gres``, get an empty one.
    """
    gres, model = _known["gres"], _known["gpu_model"]
    plain = {"gpu_model": ""} if model else {}
    if gpu is None or not may_use_gpus():
        return plain
    if gres is None:
        chosen = {"gpu_model": _if(gpu, model)} if model else {}
        return {"gpu": gpu, **chosen}
    return {"gres": _if(gpu, gres), **plain}


def _if(gpu: Any, value: str) -> Any:
    """The value for jobs that want a GPU, else an empty one."""
    if callable(gpu):
        return lambda wildcards: value if gpu(wildcards) else ""
    return value if gpu else ""


def resend_preempted() -> None:
    """Let Snakemake send a preempted job again that SLURM itself does not (PreemptMode=CANCEL).

    The executor plugin leaves every preempted job to SLURM, and would wait for ever.
    """
    plugin: Any = sys.modules.get(_PLUGIN)
    if plugin is None or hasattr(plugin.query_job_status, "__wrapped__"):
        return
    original = plugin.query_job_status

    @wraps(original)
    async def query(command: str, logger: Any) -> Any:
        states, seconds = await original(command, logger)
        for job, state in (states or {}).items():
            if state == "PREEMPTED" and not await asyncio.to_thread(_is_queued, job):
                logger.warning(f"SLURM job {job} was preempted and is not queued again")
                states[job] = "CANCELLED"
        return states, seconds

    plugin.query_job_status = query


def _is_queued(job: str) -> bool:
    """Whether a job waits, runs or is just ending; true also where SLURM does not answer."""
    where = [f"--clusters={_known['clusters']}"] if _known["clusters"] else []
    command = ("squeue", *where, "--noheader", "--format=%T", "--jobs", job)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return True
    if done.returncode:
        return "Invalid job id" not in done.stderr
    # With --clusters a line names the cluster, also where it has no such job.
    lines = filter(None, map(str.strip, done.stdout.splitlines()))
    return any(not line.startswith("CLUSTER:") for line in lines)
