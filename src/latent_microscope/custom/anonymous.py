"""Codes in place of ids and of names of people, in everything that a study writes to its results.

Every id is replaced, since file names often hold names in some spelling. Codes are drawn at random
from the root seed and the whole list of ids: who has not that list cannot compute them again, and
neither they nor the order of the samples follow that of the names. The key, codes beside ids, is
in data/private and never in results.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from latent_microscope.errors import InputError
from latent_microscope.seeds import rng

CODE = "code"
"""Column of the table of all ids with their codes; it is missing where ids stay as they are."""
_LEAST = 3  # bytes of a name that is searched for in other texts
_LEAST_DIGITS = 5  # of a name that is a number
_UNSPACED = re.compile("[\u3040-\u9fff\uac00-\ud7af]")  # written without spaces between words
Ids = npt.NDArray[np.object_]
Words = tuple[str, ...]


def with_codes(
    ids: pd.DataFrame, unmatched: pd.DataFrame, root_seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of all ids with codes, in their order, and that of unmatched ids by their codes."""
    every = ids["id"].astype(str).tolist()
    listed = "\n".join(sorted(every)).encode("utf-8", "backslashreplace")
    secret = hashlib.sha256(listed).hexdigest()
    width = len(str(max(len(every) - 1, 0)))
    numbers = rng(root_seed, "anonymise", secret).permutation(len(every))
    codes = pd.Series([f"sample-{number:0{width}d}" for number in numbers], dtype="str")
    code_of = dict(zip(every, codes, strict=True))
    renamed = unmatched.assign(id=unmatched["id"].astype(str).map(code_of).astype("str"))
    found = ids.assign(**{CODE: codes})
    return (
        found.sort_values(CODE, ignore_index=True),
        renamed.sort_values("id", ignore_index=True),
    )


def ids_of_codes(ids: pd.DataFrame, codes: Iterable[str]) -> Ids:
    """The ids of codes by the table of all ids; without codes there these are the ids."""
    found = np.array(list(codes), dtype=object)
    return _mapped(found, ids[CODE], ids["id"]) if CODE in ids else found


def codes_of_ids(ids: pd.DataFrame, names: Ids) -> Ids:
    """The codes of ids; without codes there the ids themselves."""
    return _mapped(names, ids["id"], ids[CODE]) if CODE in ids else names


def _mapped(values: Ids, old: pd.Series, new: pd.Series) -> Ids:
    known = dict(zip(old.astype(str), new.astype(str), strict=True))
    return np.array([known[str(value)] for value in values], dtype=object)


def person_codes(people: Sequence[str | None]) -> tuple[npt.NDArray[np.int64], list[str | None]]:
    """A number (-1: unknown) and a code for each sample's person, in the order of the samples."""
    numbers, known = pd.factorize(np.array(people, dtype=object))
    width = len(str(max(len(known) - 1, 0)))
    names = [None if number < 0 else f"person-{number:0{width}d}" for number in numbers]
    return numbers.astype(np.int64), names


def require_no_names(
    people: Iterable[str | None],
    attributes: pd.DataFrame | None,
    attributes_file: Path | None,
    classes: Iterable[str],
    classes_file: Path | None,
    written: Iterable[str],
) -> None:
    """Refuse names of people where they would reach the results beside the identities.

    Looked at are headers and cells of attributes, names of classes, and texts of the config
    (``written``), for names as whole words in any case and punctuation.

    Raises:
        InputError: Says where; the name itself is not repeated.
    """
    names = _by_first_word(people)
    for column, cells in () if attributes is None else attributes.items():
        if _any_holds([column, *cells.unique()], names):
            raise InputError(
                f"{attributes_file}: the column {column!r} holds the name of a person, "
                "and `anonymise` replaces ids and identities alone; leave the column out by "
                "data.attributes.skip"
            )
    if _any_holds(set(classes), names):
        raise InputError(
            f"{classes_file}: the name of a class holds that of a person, and `anonymise` replaces "
            "ids and identities alone; rename the class"
        )
    if _any_holds(written, names):
        raise InputError(
            "config: a path, pattern, column or model of the study holds the name of a person, and "
            "results record them; rename it"
        )


def _by_first_word(people: Iterable[str | None]) -> dict[str, set[Words]]:
    """Names as words, by the first one; short ones mean no person where they occur."""
    found: dict[str, set[Words]] = {}
    for words in {_words(person) for person in people if person is not None}:
        joined = "".join(words)
        if len(joined.encode("utf-8", "replace")) >= (
            _LEAST_DIGITS if joined.isdecimal() else _LEAST
        ):
            found.setdefault(words[0], set()).add(words)
    return found


def _any_holds(texts: Iterable[Any], names: Mapping[str, set[Words]]) -> bool:
    return any(
        words[place : place + len(name)] == name
        for words in map(_words, texts)
        for place, word in enumerate(words)
        for name in names.get(word, ())
    )


def _words(text: Any) -> Words:
    plain = unicodedata.normalize("NFKC", str(text)).casefold()
    return tuple(re.findall(r"[^\W_]+", _UNSPACED.sub(r" \g<0> ", plain)))
