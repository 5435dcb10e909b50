"""A step as a process of its own: exit status, what it prints, full disks, kills, threads."""

import ast
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from latent_microscope import step

SCRIPTS = Path(step.__file__).parents[1]
SCRIPT = '''"""Doc."""
import os, sys, time
from pathlib import Path
import numpy as np
import pandas as pd
from latent_microscope.io.artefacts import save_npy, save_table, save_text, writing_npy
from latent_microscope.errors import InputError
from latent_microscope.step import In, Out, run
if "threads" in sys.argv:
    import scipy.linalg, torch


def pools():
    import threadpoolctl
    return [[p["filepath"], p["num_threads"]] for p in threadpoolctl.threadpool_info()]


def numba_threads():
    import numba
    return numba.get_num_threads()


def main(*, out: Out, how: str, rows: int = 100_000) -> None:
    """Write rows.

    Args:
        out: the artefact.
        how: npy, memmap, table, text, slow, threads, late, mistake or bug.
        rows: how many.
    """
    values = np.random.default_rng(0).normal(size=rows)
    if how == "npy":
        save_npy(out, values)
    elif how == "memmap":
        with writing_npy(out, (rows,), "f8") as array:
            array[:] = values
    elif how == "table":
        save_table(out, pd.DataFrame({"x": values}))
    elif how == "text":
        save_text(out, " ".join(map(str, values)))
    elif how == "slow":
        with writing_npy(out, (rows,), "f8") as array:
            array[: rows // 2] = 1
            print("half", flush=True)
            time.sleep(60)
    elif how == "threads":
        save_text(out, f"{pools()} {torch.get_num_threads()} {numba_threads()}")
    elif how == "late":
        import scipy.linalg
        save_text(out, f"{pools()} - {numba_threads()}")
    elif how == "mistake":
        raise InputError("config key a.b: wrong;\\n  set it")
    else:
        raise ZeroDivisionError("oh")


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
'''


def start(folder: Path, out: Path, *arguments: str) -> subprocess.Popen[str]:
    script = folder / "write_rows.py"
    script.write_text(SCRIPT)
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    return subprocess.Popen(
        [sys.executable, str(script), "--out", str(out), *arguments],
        env={**environment, "PYTHONPATH": str(SCRIPTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=600)
    return process.returncode, errors


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs root, to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("how", ["npy", "memmap", "table", "text"])
def test_a_full_disk_is_one_clear_error(small_disk: Path, tmp_path: Path, how: str) -> None:
    out = small_disk / "x.out"
    out.write_text("old")
    log = small_disk / "x.log"
    status, errors = finish(start(tmp_path, out, "--how", how, "--log", str(log)))
    assert status == 1
    assert errors == f"error: {out}: no space left on the disk; free some and run again\n"
    assert sorted(p.name for p in small_disk.iterdir()) == ["x.log", "x.out"]
    assert out.read_text() == "old"


def test_a_disk_so_full_that_not_even_the_log_fits(small_disk: Path, tmp_path: Path) -> None:
    out = small_disk / "x.npy"
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(bytes(2**19))
    log = small_disk / "x.log"
    status, errors = finish(start(tmp_path, out, "--how", "npy", "--log", str(log)))
    assert status == 1
    assert errors == f"error: {out}: no space left on the disk; free some and run again\n"
    assert not out.exists()


def test_a_kill_in_the_middle_leaves_nothing_and_the_next_run_clears_up(tmp_path: Path) -> None:
    out = tmp_path / "results" / "x.npy"
    process = start(tmp_path, out, "--how", "slow", "--rows", "1000")
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGKILL)
    assert finish(process)[0] == -signal.SIGKILL
    assert not out.exists()
    assert [p.name for p in out.parent.iterdir()] == [f".tmp-{process.pid}-x.npy"]
    assert finish(start(tmp_path, out, "--how", "npy", "--rows", "1000")) == (0, "")
    assert sorted(p.name for p in out.parent.iterdir()) == ["x.npy", "x.npy.meta.json"]


def test_the_users_mistake_is_status_1_and_one_line(tmp_path: Path) -> None:
    status, errors = finish(start(tmp_path, tmp_path / "x", "--how", "mistake"))
    assert (status, errors) == (1, "error: config key a.b: wrong; set it\n")


def test_a_bug_keeps_its_traceback_once(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    status, errors = finish(start(tmp_path, tmp_path / "x", "--how", "bug", "--log", str(log)))
    assert status == 1
    assert errors.count("ZeroDivisionError: oh") == errors.count("Traceback") == 1
    assert log.read_text().count("ZeroDivisionError: oh") == 1


@pytest.mark.parametrize(("how", "count"), [("threads", 3), ("late", 1)])
def test_numeric_threads_hold_whatever_the_cores(tmp_path: Path, how: str, count: int) -> None:
    """For libraries that are there when main starts, and for those that it imports itself."""
    out = tmp_path / "x.txt"
    arguments = ["--how", how, "--numeric-threads", str(count)]
    assert finish(start(tmp_path, out, *arguments)) == (0, "")
    pools, torch_threads, numba_threads = out.read_text().rsplit(maxsplit=2)
    found = dict(ast.literal_eval(pools))
    assert len([path for path in found if "openblas" in path]) == 2  # numpy's and scipy's
    assert set(found.values()) == {count}
    assert torch_threads == (str(count) if how == "threads" else "-")
    assert numba_threads == str(count)


def test_a_run_sets_the_threads_of_its_jobs_and_how_glibc_keeps_memory() -> None:
    code = (
        "import json, os; from latent_microscope.planning.environment import set_environment;"
        "set_environment(3, None); print(json.dumps(dict(os.environ)))"
    )

    def found(**given: str) -> dict[str, str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
        environment |= {"PYTHONPATH": str(SCRIPTS), **given}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        return dict(json.loads(done.stdout))

    jobs = found(OMP_NUM_THREADS="7")
    assert jobs["OMP_NUM_THREADS"] == "3"
    assert int(jobs["MALLOC_MMAP_THRESHOLD_"]) == 2**25  # glibc takes no more
    assert int(jobs["MALLOC_TRIM_THRESHOLD_"]) == 2**28
    assert found(MALLOC_TRIM_THRESHOLD_="0")["MALLOC_TRIM_THRESHOLD_"] == "0"  # the user's own


def test_a_script_without_torch_does_not_import_it() -> None:
    code = "import sys, latent_microscope.step; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, check=False)
    assert done.returncode == 0
