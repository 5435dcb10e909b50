"""The code hash: what changes it and what does not, on a small library, then on the real one."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from latent_microscope import project, registry
from latent_microscope.provenance import codehash
from latent_microscope.provenance.codehash import CodeHasher, code_hash

FILES = {
    "script.py": '"""Doc."""\nfrom latent_microscope.a import fa\n\ndef main():\n    return fa()\n',
    "latent_microscope/__init__.py": "",
    "latent_microscope/a.py": (
        "from latent_microscope.b import fb\ndef fa():\n    return fb() + 1\n"
    ),
    "latent_microscope/b.py": (
        "import math\n\ndef fb():\n    import latent_microscope.late\n    return 2\n"
    ),
    "latent_microscope/late.py": "x = 1\n",
    "latent_microscope/unrelated.py": "y = 1\n",
    "latent_microscope/step.py": "z = 1\n",
    "latent_microscope/pack/__init__.py": (
        '"""Lazy."""\nfrom typing import TYPE_CHECKING\n'
        "if TYPE_CHECKING:\n"
        "    from latent_microscope.pack.one import first\n"
        "    from latent_microscope.pack.two import two\n"
        '_EXPORTS = {"first": "one", "two": "two"}\n'
        "def __getattr__(name):\n    return name\n"
    ),
    "latent_microscope/pack/one.py": "from . import shared\ndef first(): return 1\n",
    "latent_microscope/pack/two.py": "from ..b import fb\ndef two(): return 2\n",
    "latent_microscope/pack/shared.py": "from .inner.deep import d\n",
    "latent_microscope/pack/inner/__init__.py": "",
    "latent_microscope/pack/inner/deep.py": "d = 1\n",
}


class Library:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, content in FILES.items():
            self.write(name, content)

    def write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def edit(self, name: str, old: str, new: str) -> None:
        content = (self.folder / name).read_text()
        assert old in content
        self.write(name, content.replace(old, new))

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def hash(self) -> str:
        return code_hash(self.folder / "script.py")

    def modules(self, script: str) -> list[str]:
        self.write("script.py", script)
        return sorted(dependencies(self.folder / "script.py"))


def dependencies(script: Path) -> dict[str, Path]:
    """Dotted name below the library → file of the modules that a script imports, transitively."""
    found = CodeHasher().reach(script.resolve()).keys() - {script.resolve()}
    names = {path: path.relative_to(codehash.LIBRARY).with_suffix("").parts for path in found}
    return {".".join(parts).removesuffix(".__init__"): path for path, parts in names.items()}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr(codehash, "LIBRARY", tmp_path / "latent_microscope")
    return Library(tmp_path)


def touch(lib: Library) -> None:
    os.utime(lib.folder / "latent_microscope/a.py", (1, 1))


def docstrings(lib: Library) -> None:
    lib.edit("script.py", '"""Doc."""', '"""Another\n\nlonger one."""')
    lib.edit("latent_microscope/a.py", "def fa():\n", 'def fa():\n    """New."""\n')
    lib.edit("latent_microscope/late.py", "x = 1\n", 'x = 1\n"""What x is."""\n')
    lib.edit("latent_microscope/b.py", "import math", '"""Module."""\nimport math')


def formatting(lib: Library) -> None:
    lib.edit("latent_microscope/a.py", "return fb() + 1", "# why\n    return (\n  fb()+1  )  # so")
    lib.edit("latent_microscope/b.py", "import math\n", "\n\n\nimport math\r\n")


def docstring_in_an_empty_module(lib: Library) -> None:
    lib.edit("latent_microscope/late.py", "x = 1\n", "x = 1\n\n\n")
    lib.write("latent_microscope/__init__.py", '"""Now it says what it is."""\n')


def unrelated_module(lib: Library) -> None:
    lib.edit("latent_microscope/unrelated.py", "y = 1", "y = 2")
    lib.edit("latent_microscope/pack/one.py", "return 1", "return 3")
    lib.write("latent_microscope/brand_new.py", "def (")


def plumbing(lib: Library) -> None:
    lib.write("latent_microscope/step.py", "z = 3\n")


@pytest.mark.parametrize(
    "change",
    [touch, docstrings, formatting, docstring_in_an_empty_module, unrelated_module, plumbing],
)
def test_same_hash(library: Library, change: Callable[[Library], None]) -> None:
    library.edit("script.py", "def main", "import latent_microscope\ndef main")
    before = library.hash()
    change(library)
    assert library.hash() == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("script.py", "return fa()", "return fa() + 1"),
        ("latent_microscope/a.py", "+ 1", "+ 2"),
        ("latent_microscope/a.py", "def fa()", "def fa(x=1)"),
        ("latent_microscope/b.py", "return 2", "return 'a string'"),
        ("latent_microscope/late.py", "x = 1", "x = 1.0"),
        ("latent_microscope/late.py", "x = 1", "x: int = 1"),
    ],
)
def test_other_hash(library: Library, file: str, old: str, new: str) -> None:
    before = library.hash()
    library.edit(file, old, new)
    after = library.hash()
    assert after != before
    library.edit(file, new, old)
    assert library.hash() == before


def renamed(lib: Library) -> None:
    """b.py is called deep/inside.py now, and its importer imports it in another line."""
    lib.write("latent_microscope/deep/__init__.py", "")
    content = (lib.folder / "latent_microscope/b.py").read_text()
    lib.write("latent_microscope/deep/inside.py", content)
    (lib.folder / "latent_microscope/b.py").unlink()
    lib.edit("latent_microscope/a.py", "latent_microscope.b", "latent_microscope.deep.inside")


def renamed_with_the_name_that_its_users_write(lib: Library) -> None:
    lib.write("latent_microscope/zeta.py", FILES["latent_microscope/unrelated.py"])
    (lib.folder / "latent_microscope/unrelated.py").unlink()
    lib.edit("script.py", "import unrelated\n", "import zeta\n")
    lib.edit("script.py", "unrelated.y", "zeta.y")


def another_name_for_a_function(lib: Library) -> None:
    lib.edit("script.py", "import fa\n", "import fa as made\n")
    lib.edit("script.py", "fa()", "made()")


def sorted_anew(lib: Library) -> None:
    first, second = (
        "from latent_microscope.a import fa\n",
        "from latent_microscope import unrelated\n",
    )
    lib.edit("script.py", first + second, second + first)


def imported_for_types(lib: Library) -> None:
    lib.edit(
        "script.py", "def main", "if TYPE_CHECKING:\n    import latent_microscope.late\ndef main"
    )


@pytest.mark.parametrize(
    "change",
    [
        renamed,
        renamed_with_the_name_that_its_users_write,
        another_name_for_a_function,
        sorted_anew,
        imported_for_types,
    ],
)
def test_names_and_places_do_not_count(library: Library, change: Callable[[Library], None]) -> None:
    library.edit("script.py", "import fa\n", "import fa\nfrom latent_microscope import unrelated\n")
    library.edit("script.py", "return fa()", "return fa() + unrelated.y")
    before = library.hash()
    change(library)
    assert library.hash() == before
    library.edit("latent_microscope/late.py", "x = 1", "x = 2")  # it still leads to all of it
    assert library.hash() != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from latent_microscope.a import fa", "from latent_microscope.other import fa"),
        ("from latent_microscope.a import fa", "from latent_microscope.a import fb as fa"),
    ],
)
def test_what_is_imported_counts(library: Library, old: str, new: str) -> None:
    library.write("latent_microscope/other.py", "def fa():\n    return 0\n")
    library.edit("script.py", "def main", "import latent_microscope.other as o\n\ndef main")
    before = library.hash()
    library.edit("script.py", old, new)
    assert library.hash() != before


def test_a_package_used_as_an_object_leads_to_what_it_may_load(library: Library) -> None:
    library.write("script.py", "from latent_microscope import pack\npack.first()\n")
    before = library.hash()
    library.edit("latent_microscope/pack/one.py", "return 1", "return 3")
    assert library.hash() != before


def test_a_name_that_a_package_binds_again_is_its_own(library: Library) -> None:
    content = library.text("latent_microscope/pack/__init__.py")
    library.write("latent_microscope/pack/__init__.py", content + "first = lambda: 1\n")
    library.write("script.py", "from latent_microscope.pack import first\n")
    before = library.hash()
    library.edit("latent_microscope/pack/__init__.py", "lambda: 1", "lambda: 2")
    assert library.hash() != before


def test_libraries_beside_others_in_one_import_are_followed(library: Library) -> None:
    assert library.modules("import os, latent_microscope.late as late") == ["late"]


def test_a_format_spec_is_the_same_on_every_python() -> None:
    """Python 3.12 alone puts an empty text behind a nested field."""
    tree = ast.parse('f"{x:>{w}}"')
    plain = codehash._canonical(tree, {})
    spec = tree.body[0].value.values[0].format_spec  # type: ignore[attr-defined]
    spec.values.append(ast.Constant(""))
    assert codehash._canonical(tree, {}) == plain


@pytest.mark.parametrize("package", ["forensics", "similarity"])
def test_what_a_package_loads_on_first_use_is_what_it_imports_for_types(package: str) -> None:
    """Python follows the one, the hash the other."""
    module = import_module(f"latent_microscope.{package}")
    source = codehash._parse(Path(str(module.__file__)).read_bytes(), package)
    exports = {
        name: target.rpartition(".")[2] for name, (_, target, _) in source["exports"].items()
    }
    assert exports == module._EXPORTS


def circle(lib: Library, names: str) -> None:
    """Modules that import each other in a ring, each with a constant."""
    for name, following in zip(names, names[1:] + names[0], strict=True):
        lib.write(
            f"latent_microscope/{name}.py",
            f"from latent_microscope.{following} import f{following}\n"
            f"N = {names.index(name)}\ndef f{name}():\n    return N\n",
        )


def test_a_circle_of_imports_has_a_hash_of_all_in_it(library: Library) -> None:
    library.write("script.py", "from latent_microscope.p import fp\n")
    circle(library, "pqr")
    before = library.hash()
    assert library.hash() == before
    for name in "pqr":
        content = library.text(f"latent_microscope/{name}.py")
        library.write(f"latent_microscope/{name}.py", content + "MORE = 1\n")
        assert library.hash() != before, name
        library.write(f"latent_microscope/{name}.py", content)
    assert library.hash() == before
    library.write("latent_microscope/moved.py", library.text("latent_microscope/q.py"))
    library.edit("latent_microscope/p.py", "latent_microscope.q", "latent_microscope.moved")
    (library.folder / "latent_microscope/q.py").unlink()
    assert library.hash() == before


def test_parsed_files_are_kept_and_a_damaged_file_is_no_harm(
    library: Library, tmp_path: Path
) -> None:
    cache = tmp_path / "run/parsed.json"
    script = library.folder / "script.py"
    hasher = codehash.CodeHasher(cache)
    fresh = hasher.code_hash(script)
    hasher.save()
    assert codehash.CodeHasher(cache).code_hash(script) == fresh
    library.edit("latent_microscope/a.py", "+ 1", "+ 2")
    assert codehash.CodeHasher(cache).code_hash(script) == library.hash() != fresh
    for content in ("", "{", "[]", '{"format": 1}', '{"format": 0, "files": {}}'):
        cache.write_text(content)
        assert codehash.CodeHasher(cache).code_hash(script) == library.hash()


def test_assets_of_a_script_count(library: Library, tmp_path: Path) -> None:
    script, folder = library.folder / "script.py", tmp_path / "captions"
    folder.mkdir()
    (folder / "one.rst").write_text("One.")
    before = code_hash(script, [folder])
    assert before != code_hash(script)
    (folder / "one.rst").write_text("Two.")
    assert code_hash(script, [folder]) != before


def test_moving_code_between_modules_changes_the_hash(library: Library) -> None:
    before = library.hash()
    a, b = FILES["latent_microscope/a.py"], FILES["latent_microscope/b.py"]
    library.write("latent_microscope/a.py", b.replace("fb", "fa"))
    library.write("latent_microscope/b.py", a.replace("fa", "q").replace("fb", "fb"))
    assert library.hash() != before


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        ("import numpy", []),
        ("from latent_microscope import a", ["a", "b", "late"]),
        ("import latent_microscope.unrelated as u", ["unrelated"]),
        ("from latent_microscope.b import *", ["b", "late"]),
        ("def f():\n    if 1:\n        from latent_microscope.late import x", ["late"]),
        ("from latent_microscope.step import run", []),
        ("from latent_microscope_other import a", []),
        ("from . import a", []),
        ("from latent_microscope.pack.inner.deep import d", ["pack.inner.deep"]),
        # a submodule by `from package import`: just that one, and what it imports relatively
        ("from latent_microscope.pack import one", ["pack.inner.deep", "pack.one", "pack.shared"]),
        # a function named as its submodule
        ("from latent_microscope.pack import two", ["b", "late", "pack.two"]),
        # a function by way of the package: the module that it comes from
        (
            "from latent_microscope.pack import first",
            ["pack.inner.deep", "pack.one", "pack.shared"],
        ),
    ],
)
def test_dependencies(library: Library, script: str, modules: list[str]) -> None:
    assert library.modules(script) == modules


def test_relative_imports_in_a_package_init(library: Library) -> None:
    library.write("latent_microscope/pack/__init__.py", "from .one import first\nfrom .. import a")
    expected = ["a", "b", "late", "pack", "pack.inner.deep", "pack.one", "pack.shared"]
    assert library.modules("import latent_microscope.pack") == expected


def test_import_circles_end(library: Library) -> None:
    library.edit("latent_microscope/late.py", "x = 1", "from latent_microscope import a")
    assert library.modules("from latent_microscope.a import fa") == ["a", "b", "late"]


def test_missing_and_broken_files_are_named(library: Library) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.py"):
        code_hash(library.folder / "nowhere.py")
    library.write("script.py", "import latent_microscope.gone")
    with pytest.raises(FileNotFoundError, match=r"gone\.py"):
        library.hash()
    library.write("script.py", "def (")
    with pytest.raises(SyntaxError) as caught:
        library.hash()
    assert str(caught.value.filename).endswith("script.py")


def test_a_script_of_data_does_not_depend_on_training() -> None:
    found = dependencies(project.script("crop_eyes"))
    assert "io.artefacts" in found
    assert not [name for name in found if name.startswith(("training", "models"))]


def test_a_new_key_of_the_config_downloads_and_trains_nothing_again() -> None:
    """All trainings stand on downloads: what checks a config may not be among their modules."""
    for name in ("download_file", "pack_cifar", "collect_votes", "train_philnet", "train_folds"):
        assert "config.resolve" not in dependencies(project.script(name)), name


def test_trainings_depend_on_no_score_and_no_statistic() -> None:
    """An edit of what measures a network may not cost its training, which takes hours."""
    allowed = {
        *("errors", "messages", "seeds", "similarity.temperature"),
        *("io.artefacts", "io.inputs", "io.pages"),
        *("models.diagnostics", "models.philnet", "models.pixels", "models.vaes", "models.weights"),
    }
    for name in ("train_philnet", "train_folds", "train_vae"):
        found = dependencies(project.script(name))
        assert {one for one in found if not one.startswith("training.")} <= allowed, name


def test_torch_free_scripts_reach_no_module_that_imports_torch_at_the_top() -> None:
    for name in ("crop_eyes", "score_samples", "rank_samples", "check_results", "publish"):
        for module, path in dependencies(project.script(name)).items():
            source = path.read_text()
            assert "\nimport torch" not in source, (name, module)
            assert "\nfrom torch" not in source, (name, module)


def test_the_files_of_a_page_count_for_its_module_alone(library: Library) -> None:
    before = library.hash()
    library.write("latent_microscope/site/page.py", "ASSETS = 'assets'\n")
    library.write("latent_microscope/site/assets/page.css", "a {}")
    assert library.hash() == before
    library.edit("script.py", "import fa\n", "import fa\nimport latent_microscope.site.page\n")
    imported = library.hash()
    library.write("latent_microscope/site/assets/page.css", "b {}")
    assert len({before, imported, library.hash()}) == 3


ALL_HASHES = """
import sys
sys.path.insert(0, {library!r})
from pathlib import Path
from latent_microscope.provenance.codehash import CodeHasher
hasher = CodeHasher()
scripts = sorted(Path({scripts!r}).rglob("*.py"))
print([hasher.code_hash(path) for path in scripts])
print([hasher.code_hash(scripts[0], functions=[name]) for name in {functions!r}])
"""


def other_pythons() -> list[str]:
    """Interpreters of the other supported versions that this machine has; of pyenv, too."""
    found = [shutil.which(f"python3.{minor}") for minor in (11, 12, 13)]
    found += map(str, Path.home().glob(".pyenv/versions/3.1[123].*/bin/python"))
    return [path for path in found if path]


def test_the_hash_is_the_same_on_every_python() -> None:
    code = ALL_HASHES.format(
        library=str(codehash.LIBRARY.parent),
        scripts=str(project.root() / "scripts"),
        functions=[
            *(figure.function for figure in registry.figures()),
            *(table.function for table in registry.tables() if table.function),
        ],
    )
    here = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert here.count(b",") > 100
    version = "import sys; print(sys.version_info[:2])"
    seen = set()
    for python in other_pythons():
        asked = subprocess.run([python, "-c", version], capture_output=True, check=False)
        if asked.returncode == 0 and asked.stdout not in seen:  # not a shim of none
            seen.add(asked.stdout)
            done = subprocess.run([python, "-c", code], capture_output=True, check=True)
            assert done.stdout == here, python
    if len(seen) < 2:
        pytest.skip("no other supported version of Python is here")
