"""What callers pass to the library: tensors, lists, data frames; and its names in one place."""

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse
import torch

import latent_microscope as lm
from latent_microscope import forensics, similarity
from latent_microscope.errors import InputError

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
FRAME = pd.DataFrame(X, columns=list("abc"))


@pytest.mark.parametrize(
    "given",
    [
        torch.tensor(X, requires_grad=True),
        torch.tensor(X).to_sparse().to_dense().T.contiguous().T,
        X.tolist(),
        FRAME,
        FRAME.astype("Float64"),
        FRAME.to_numpy(dtype=object).astype(float),
    ],
    ids=["gradients", "strides", "lists", "frame", "nullable", "float64"],
)
def test_numbers_are_taken_as_they_come(given: Any) -> None:
    np.testing.assert_allclose(lm.rdm(given).values, lm.rdm(X).values, rtol=1e-6)
    np.testing.assert_allclose(lm.uniqueness(given), lm.uniqueness(X), rtol=1e-6)
    assert lm.linear_cka(given, X) == pytest.approx(1.0)


def test_bfloat16_is_taken_as_it_was_rounded() -> None:
    rounded = torch.tensor(X).bfloat16()
    np.testing.assert_array_equal(lm.rdm(rounded).values, lm.rdm(rounded.float()).values)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (FRAME.assign(town="Ulm"), "the column 'town' holds no numbers"),
        ([[1.0, 2.0], [3.0]], "all rows of one length, not such a list"),
        ([["a"], ["b"]], "not such a list"),
        (sparse.csr_matrix(np.eye(3)), "not such a csr_matrix"),
        (np.array([[object()], [None]]), "not such a ndarray"),
    ],
)
@pytest.mark.parametrize("function", [lm.rdm, lm.knn_density, lambda x: lm.compare(x, x)])
def test_what_is_no_array_of_numbers_is_one_line(given: Any, message: str, function: Any) -> None:
    with pytest.raises(InputError, match=message):
        function(given)


def test_an_rdm_prints_as_one_line() -> None:
    shown = repr(lm.RDM(np.array([0.5, 2.0, 1.0]), metric="cosine"))
    assert shown == "RDM(3 images, 3 pairs, cosine, 0.5 to 2)"


def test_all_public_names_are_here_and_none_is_loaded_before_its_use() -> None:
    assert sorted(lm.__all__) == sorted([*forensics.__all__, *similarity.__all__])
    assert all(getattr(lm, name) is not None for name in lm.__all__)
    assert set(lm.__all__) <= set(dir(lm))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lm.nothing
    code = "import latent_microscope, sys; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
