"""Muon: steps of orthogonalised momentum for the filters of convolutions, of SGD for all else."""

from typing import Any

import torch
from torch import Tensor

_ITERATIONS = 3
# Steepest at 0: in three iterations singular values from 2 % of the matrix's norm end between 0.68
# and 1.21, smaller ones at 41 times that share.
_QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonalised(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """About U Vᵀ of a matrix U S Vᵀ (m, n), by a Newton–Schulz iteration in ``dtype``.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
    """
    a, b, c = _QUINTIC
    x = matrix.to(dtype)
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(_ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if tall else x).to(matrix.dtype)


class Muon(torch.optim.SGD):
    """Nesterov SGD, but for groups with ``filters``, whose gradients a step takes away.

    Each of their parameters (out, …) is brought to norm √out, then moved by orthogonalised
    momentum; there is no weight decay. That is for filters before a batch norm, to which norms say
    nothing.

    Source: Jordan 2024, https://github.com/KellerJordan/cifar10-airbench (airbench94_muon.py).
    """

    def __init__(self, groups: Any, dtype: torch.dtype | None = None, **options: Any) -> None:
        self._dtype = dtype or torch.float32
        super().__init__(groups, nesterov=True, **options)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step of all parameters, or none where memory runs out."""
        turns = []
        for group in self.param_groups:
            for filters in group["params"] if group["filters"] else ():
                if filters.grad is not None:
                    turns.append((filters, group["lr"], *self._turn(filters, group["momentum"])))
                    filters.grad = None  # SGD leaves it out
        result = super().step(closure)
        for filters, rate, momentum, turned in turns:
            self.state[filters]["momentum_buffer"] = momentum
            filters.mul_(len(filters) ** 0.5 / filters.norm())
            filters.sub_(turned.view_as(filters), alpha=rate)
        return result

    def _turn(self, filters: Tensor, decay: float) -> tuple[Tensor, Tensor]:
        """The momentum after this step, and its orthogonalised Nesterov direction."""
        gradient = filters.grad
        assert gradient is not None
        momentum = self.state[filters].get("momentum_buffer")
        momentum = gradient.clone() if momentum is None else momentum.mul(decay).add_(gradient)
        ahead = gradient.add(momentum, alpha=decay)
        return momentum, orthogonalised(ahead.reshape(len(ahead), -1), self._dtype)
