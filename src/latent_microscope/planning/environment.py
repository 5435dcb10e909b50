"""The environment that all jobs of a run inherit."""

import os
import warnings
from pathlib import Path

NUMBA_CACHE = ".snakemake/numba"
# glibc otherwise gives the memory of every step of a training back to the system and takes it anew:
# a sixth of the time of a small one (23.7 s, 20.2 s with these). What is kept is small beside it.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
THREAD_VARIABLES = tuple(f"{name}_NUM_THREADS" for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"))


def set_environment(numeric_threads: int, mirror: str | None) -> None:
    """Set the environment that all jobs of a workflow inherit.

    Libraries read their number of threads when they start. It is the config's, not the job's
    cores: sums of floats depend on how many threads share them. Waiting threads sleep, since
    spinning ones starve each other when jobs share the cores (measured: 25 times slower). The
    mirror is no param of the download: it does not change what a file is.
    """
    # Snakemake's own, while it writes a report: resources depend on sizes, nothing is wrong.
    warnings.filterwarnings("ignore", "coroutine 'InputFiles", RuntimeWarning)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(numeric_threads)))
    os.environ.update(OMP_DYNAMIC="FALSE", MKL_DYNAMIC="FALSE", PYTHONHASHSEED="0")
    os.environ.update(OMP_WAIT_POLICY="PASSIVE", KMP_BLOCKTIME="0")
    for name, size in MALLOC.items():
        os.environ.setdefault(name, size)
    os.environ["NUMBA_CACHE_DIR"] = str(Path(NUMBA_CACHE).resolve())
    if mirror:
        os.environ["LATENT_MICROSCOPE_MIRROR"] = str(Path(mirror).resolve())
