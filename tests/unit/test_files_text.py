"""Tables as spreadsheets, R, pandas and people of several countries write them."""

from pathlib import Path

import numpy as np
import pytest

from latent_microscope.custom.tables import read_table
from latent_microscope.errors import InputError
from latent_microscope.files.contents import open_contents
from latent_microscope.files.numbers import parsed, plain_numbers
from latent_microscope.files.text_files import read_text_table

ROWS = {"id": ["a", "b", "c"], "town": ["Ulm", "Köln", "x, y"], "age": ["1", "2", "3"]}
TEXT = 'id;town;age\na;Ulm;1\nb;Köln;2\nc;"x, y";3\n'


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("cp1252"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        ("sep=;\n" + TEXT).encode(),
        ("# made by R\n#\n" + TEXT).encode(),
        ("# " + TEXT).encode(),
        TEXT.replace(";", "\t").encode(),
        TEXT.replace(";", "|").encode(),
        TEXT.replace("\n", ";\n").encode(),
        ("\n\n" + TEXT + "\n\n").encode(),
        TEXT.replace("id;town", '"id";"town"').encode(),
    ],
)
def test_the_same_table_in_other_dialects(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    assert read_table(tmp_path / "t.csv").to_dict("list") == ROWS


def test_separators_within_quotes_are_no_separators(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id,"height; cm; and; more; words"\n1,"a;b"\n2,"c\nd"\n')
    assert read_table(path).iloc[:, 1].tolist() == ["a;b", "c\nd"]


def test_row_names_of_r_and_of_pandas(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for header in ('"hat","age"', '"","hat","age"'):
        path.write_text(header + '\n"s1",1,20\n"s2",0,30\n')
        found = read_table(path)
        assert found["id"].tolist() == ["s1", "s2"]
        assert found["age"].tolist() == ["20", "30"]


@pytest.mark.parametrize("header", ["image,a,b", "ID,a,b", "stimulus,a,b"])
def test_a_separator_at_the_end_of_rows_shifts_no_column(tmp_path: Path, header: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(header + "\nx0,0,5,\nx1,1,6,\n")
    found = read_table(path)
    assert found.to_dict("list") == dict(
        zip(header.split(","), [["x0", "x1"], ["0", "1"], ["5", "6"]], strict=True)
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,a\n1,2\n2\n", "line 3 has 1 cells but the header 2"),
        ("id,a\n1,2,3\n", "line 2 has 3 cells but the header 2"),
        ("image,a\n1,2,3\n", "line 2 has 3 cells but the header 2"),
        ("image,a\n1,2,\n2,2,3\n", "column 3 has no name"),
        ("a,b;c\n1,2;3\n", "sep="),
        ("id,a,\n1,2,\n2,3,x\n", "column 3 has no name"),
        ("id,a,a\n1,2,3\n", "'a' occurs more than once"),
        (";", "is empty|no rows"),
    ],
)
def test_what_is_not_clear_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("cells", "numbers", "note"),
    [
        (["20,5", "3", "-1,25"], [20.5, 3, -1.25], "decimal comma"),
        (["1.234,5", "2.000,0"], [1234.5, 2000], "decimal comma"),
        (["1,234.5", "12"], [1234.5, 12], "separated thousands"),
        (["1,234,567", "12"], [1234567, 12], "separated thousands"),
        (["1 234,5", "3,1"], [1234.5, 3.1], "decimal comma"),
        (["1'234.5", "2'000"], [1234.5, 2000], "separated thousands"),
        (["1.234", "2"], [1.234, 2], ""),
        (["1e-3", "NA", ""], [0.001, np.nan, np.nan], ""),
    ],
)
def test_numbers_of_other_countries(cells: list[str], numbers: list[float], note: str) -> None:
    found, said = plain_numbers(cells, "t.csv: the column 'x'")
    assert said == note
    values = parsed(found)
    assert values is not None
    assert np.array_equal(values, numbers, equal_nan=True)


@pytest.mark.parametrize("cells", [["1,5", "x"], ["007", "012"], ["1,2,3"], ["12,34.5"], ["a"]])
def test_texts_stay_texts(cells: list[str]) -> None:
    assert plain_numbers(cells, "t.csv: the column 'x'") == (cells, "")
    assert parsed(cells) is None


def test_a_comma_that_could_be_either_is_refused() -> None:
    with pytest.raises(InputError, match=r"t\.csv: the column 'x': '1,234'"):
        plain_numbers(["1,234", "5,678"], "t.csv: the column 'x'")


def test_texts_that_mean_something_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    names = [f"n{i}" for i in range(29)]
    rows = [f"s{i},{['NA', 'DE', 'FR'][i % 3]},{name},{i}" for i, name in enumerate([*names, "NA"])]
    path.write_text("id,country,name,age\n" + "\n".join([*rows, "s30,DE,,NA", "NA,DE,NA,3"]))
    found = read_table(path)
    assert found["country"].tolist()[:3] == ["NA", "DE", "FR"]
    assert found["id"].iloc[-1] == "NA"
    assert found["age"].iloc[-2] is None
    assert found["name"].tolist()[-3:] == [None, None, None]
    assert read_table(path, missing=["DE"])["country"].tolist()[:3] == ["NA", None, "FR"]


def test_a_compressed_table(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert read_table(tmp_path / "t.csv.gz").to_dict("list") == ROWS
    assert open_contents(tmp_path / "t.csv.gz").entries["age"].read().tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "ids", "columns"),
    [
        (
            '3 2\nthe 0.1 -2\n" 1e-3 3\nof .5 0\n',
            ["the", '"', "of"],
            [[0.1, 1e-3, 0.5], [-2, 3, 0]],
        ),
        ("the 0.1 -2\n, 1 3\n", ["the", ","], [[0.1, 1], [-2, 3]]),
        ('"V1" "V2"\n"a" 1 2.5\n"b" 3 4\n', ["a", "b"], [[1, 3], [2.5, 4]]),
        ("a.png,3\nb.png,1\n", ["a.png", "b.png"], [[3, 1]]),
        (
            f"stimulus,{','.join(str(400 + 10 * k) for k in range(8))}\n"
            f"a{',0.1' * 8}\nb{',1' * 8}\n",
            ["a", "b"],
            [[0.1, 1]] * 8,
        ),
        ("stimulus,0,1\na,3,4\nb,1,2\n", ["a", "b"], [[3, 1], [4, 2]]),
        ("s01,3,7\ns02,8,2\n", ["s01", "s02"], [[3, 8], [7, 2]]),
        ("s01,1,2\ns02,8,2\n", ["s01", "s02"], [[1, 8], [2, 2]]),
        ("dog,3,7\ncat,8,2\n", ["dog", "cat"], [[3, 8], [7, 2]]),
        ("0,1,2\n8,3,7\n9,5,2\n", ["8", "9"], [[3, 5], [7, 2]]),
        ("17,3,7\n18,8,2\n", ["17", "18"], [[3, 8], [7, 2]]),
        ("x1,0.1,0.2\na,0.1,0.2\n", ["x1", "a"], [[0.1, 0.1], [0.2, 0.2]]),
        ("id,0.1,0.2\na,0.1,0.2\nb,1,2\n", ["a", "b"], [[0.1, 1], [0.2, 2]]),
    ],
    ids=[
        "word2vec",
        "glove",
        "write.table",
        "file names",
        "wavelengths",
        "counts",
        "votes",
        "votes 1, 2",
        "votes on words",
        "counts of all columns",
        "votes on numbers",
        "no header",
        "header",
    ],
)
def test_rows_of_an_id_and_numbers(
    tmp_path: Path, text: str, ids: list[str], columns: list[list[float]]
) -> None:
    path = tmp_path / "words.txt"
    path.write_text(text)
    first, *rest = read_text_table(path).columns.values()
    assert first == ids
    assert [[float(cell) for cell in column] for column in rest] == columns
