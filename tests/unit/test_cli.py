"""The console command: every command has help with an example, and mistakes are one line."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from latent_microscope import __version__, project
from latent_microscope.cli import app
from latent_microscope.commands import doctor, workflow
from latent_microscope.errors import InputError
from latent_microscope.planning import pages
from latent_microscope.report.pages import list_studies

RUNNER = CliRunner()
COMMANDS = sorted(
    command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands
)


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "latent_microscope.cli", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_of_the_architecture_are_there() -> None:
    wanted = {"init", "run", "demo", "open", "doctor", "plan", "trace", "verify", "export"}
    wanted |= {"score", "compare", "extract"}
    assert wanted <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    done = RUNNER.invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert f"Example: latent-microscope {command}" in " ".join(done.output.split())


def test_the_version_is_the_packages() -> None:
    assert RUNNER.invoke(app, ["--version"]).output.strip() == __version__


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["init", "nowhere.npz"], "nowhere.npz"),
        (["score", "nowhere.npz"], "nowhere.npz"),
        (["compare", "nowhere.npz", "--votes", "votes.csv"], "nowhere.npz"),
        (["compare", "nowhere.npz"], "--votes"),
        (["extract", "nowhere", "--model", "pixels"], "nowhere"),
        (["run", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "bad.yaml"], "bad.yaml"),
        (["plan", "nowhere.yaml"], "nowhere.yaml"),
        (["trace", "nowhere.csv"], "nowhere.csv"),
        (["trace", "nowhere.csv", "--row", "1"], "nowhere.csv"),
        (["trace", "."], "sidecar"),
        (["verify", "nowhere"], "nowhere"),
        (["export", "nowhere", "crate"], "nowhere"),
        (["open", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_status_1(tmp_path: Path, words: list[str], named: str) -> None:
    (tmp_path / "bad.yaml").write_text("run: [\n")
    done = call(tmp_path, *words)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert named in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.yaml"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,hat\na,1\nb,0\n")
    np.savez(tmp_path / "z.npz", z=np.eye(2), ids=np.array(["a", "b"]))
    done = call(tmp_path, "init", "z.npz", "t.csv", "--output", "t.csv/x.yaml")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: ")


def test_only_run_and_plan_pass_options_on(tmp_path: Path) -> None:
    assert call(tmp_path, "demo", "--", "--dry-run").returncode == 2


def test_a_wrong_command_line_has_status_2(tmp_path: Path) -> None:
    assert call(tmp_path, "bogus").returncode == 2
    assert call(tmp_path, "run", "--cores", "0").returncode == 2


def test_options_with_many_values_come_before_the_users_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("size: quick\n")
    words = workflow.arguments([Path("a.yaml")], 3, "slurm", ["results/x.csv"])
    assert words[:2] == ["--configfile", str(tmp_path / "a.yaml")]
    assert words[-3:] == ["--cores", "3", "results/x.csv"]
    assert words[words.index("--workflow-profile") + 1] == "slurm"
    assert Path(words[words.index("--snakefile") + 1]) == project.root() / "Snakefile"
    # On a cluster the profile says how many; here all that this process may use.
    assert "--cores" not in workflow.arguments([], None, "slurm", [])
    assert "--cores" not in workflow.arguments([], None, None, ["--workflow-profile", "slurm"])
    assert workflow.arguments([], None, None, [])[-1] == str(workflow.usable_cores())


def finished(name: str) -> None:
    folder = Path("results", name)
    (folder / "tables").mkdir(parents=True)
    (folder / "report.html").write_text("<p>")


def test_pages_to_open_are_those_of_the_last_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    finished("one")
    finished("two")
    Path("results/two/explorer.html").write_text("<p>")
    assert pages.last_run() == ["one", "two"]
    list_studies()
    listed = Path("results/report.html").read_text()
    for link in ("one/report.html", "two/report.html", "two/explorer.html", "two/tables"):
        assert f'href="{link}"' in listed
    assert "one/explorer.html" not in listed
    both = [str(page.path) for page in pages.pages_of(["one", "two"])]
    assert both[0] == "results/report.html"
    pages.remember(["two", "three"])
    assert pages.last_run() == ["two"]
    found = [str(page.path) for page in pages.pages_of(["two"])]
    assert found == ["results/two/explorer.html", "results/two/report.html", "results/two/tables"]
    assert pages.listing(pages.pages_of(["one"])).splitlines()[0] == "Open:"
    assert pages.listing([]) == ""
    for damaged in ("", "7", '"no', '["three"]'):
        pages.LAST_RUN.write_text(damaged)
        assert pages.last_run() == ["one", "two"]
    with pytest.raises(InputError, match="three"):
        pages.pages_of(["three"])


def test_the_doctor_names_what_is_missing_for_which_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in os.environ:
        if name.startswith(("KAGGLE_", "LATENT_MICROSCOPE_")):
            monkeypatch.delenv(name)
    checks = {check.name: check for check in doctor.examine()}
    assert checks["Python"].state == doctor.OK
    assert (checks["SLURM"].state, checks["CelebA"].state) == (doctor.MISSING,) * 2
    text = doctor.report(list(checks.values()))
    faces = next(line for line in text.splitlines() if "CelebA)" in line)
    assert faces.endswith("missing: CelebA")
    (tmp_path / ".kaggle").mkdir()
    for name in ("kaggle.json", "access_token"):
        (tmp_path / ".kaggle" / name).write_text("{}")
        assert doctor._celeba().state == doctor.OK
        (tmp_path / ".kaggle" / name).unlink()


def test_the_doctor_knows_which_packages_an_extra_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.missing_of("workflow") == []
    present = doctor._installed
    monkeypatch.setattr(doctor, "_installed", lambda name: name != "torch" and present(name))
    assert doctor.missing_of("train") == ["torch"]
    assert doctor.missing_of("models") == ["torch"]
    assert doctor.missing_of("workflow") == []
