"""No input path can run what is in a file: read off the syntax trees of all that we ship."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(p for top in ("src", "scripts") for p in (ROOT / top).rglob("*.py"))
RESTRICTED = "src/latent_microscope/data/unpickle.py"
MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CALLS = {"read_pickle", "unsafe_load", "full_load", "extractall", "system", "popen", "fromregex"}
NAMES = {"eval", "exec", "__import__"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with its dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call: ast.Call, name: str) -> object:
    """A keyword's constant value; None where it is not given."""
    for one in call.keywords:
        if one.arg == name and isinstance(one.value, ast.Constant):
            return one.value.value
    return None


def complaints(source: str, name: str) -> list[str]:
    tree, found = ast.parse(source), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        else:
            continue
        if {module.split(".")[0] for module in imported} & MODULES and name != RESTRICTED:
            found.append(f"{name}:{node.lineno}: imports {imported}")
    for function, call in calls(tree):
        base, _, last = function.rpartition(".")
        wrong = (
            (function in ("np.load", "numpy.load") and keyword(call, "allow_pickle") is not False)
            or (function == "torch.load" and keyword(call, "weights_only") is not True)
            or (base in ("yaml", "pickle") and last in ("load", "loads", "load_all"))
            or keyword(call, "shell") is True
            or (base not in ("", "platform") and last in CALLS)
            or function in NAMES
        )
        if wrong:
            found.append(f"{name}:{call.lineno}: {ast.unparse(call)}")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import numpy as np\nnp.load('x')",
        "np.load('x', allow_pickle=True)",
        "torch.load('x')",
        "torch.load('x', weights_only=False)",
        "yaml.load(text, Loader)",
        "pd.read_pickle('x')",
        "archive.extractall()",
        "subprocess.run('x', shell=True)",
        "eval('x')",
    ],
)
def test_what_would_run_a_file_is_found(source: str) -> None:
    assert len(complaints(source, "x.py")) == 1


def test_nothing_we_ship_can_run_a_file() -> None:
    assert len(FILES) > 200
    found = [
        line
        for path in FILES
        for line in complaints(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    ]
    assert found == []


def test_the_one_unpickler_is_restricted() -> None:
    """It is a subclass with a list of names, and nothing else of the module is called."""
    tree = ast.parse((ROOT / RESTRICTED).read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle"
    }
    assert used == {"_Unpickler", "UnpicklingError"}
    (restricted,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.bases
                     and ast.unparse(n.bases[0]) == "pickle._Unpickler"]  # fmt: skip
    assert [n.name for n in restricted.body if isinstance(n, ast.FunctionDef)] == ["find_class"]
