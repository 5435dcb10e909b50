"""Training of a variational autoencoder."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latent_microscope.errors import InputError
from latent_microscope.models.base import VAE, kl_terms
from latent_microscope.models.pixels import INPUT_RANGES, to_range, to_uint8, to_unit
from latent_microscope.seeds import derive
from latent_microscope.training.checkpoint import Checkpoint
from latent_microscope.training.data import shuffled
from latent_microscope.training.device import memory_format, numeric_environment
from latent_microscope.training.events import Events
from latent_microscope.training.loop import Loop, Loss
from latent_microscope.training.settings import Beta, Optimisation, require


@dataclass(frozen=True)
class SampleGrids:
    """Images saved along the training: ``count`` of them at ``frames`` epochs, evenly spread."""

    count: int = 16
    frames: int = 10

    def epochs(self, total: int) -> list[int]:
        """Epochs after which images are saved, the first and the last among them."""
        return sorted({round(e) for e in np.linspace(0, total - 1, min(self.frames, total))})


@dataclass(frozen=True)
class VAESettings(Optimisation):
    """Settings of :func:`train_vae`.

    Args:
        beta: Weight of the KL term by epoch.
        reconstruction: ``mse`` (squared error) or ``l1``, summed over an image.
        reduction: ``mean`` or ``sum`` over the batch.
        input_range: What the encoder sees: ``unit`` [0, 1] or ``signed`` [−1, 1]. The
            reconstruction is always compared with the image in [0, 1].
        samples: Images saved along the training.
    """

    beta: Beta = field(default=Beta(), metadata={"nested": Beta})
    reconstruction: str = "mse"
    reduction: str = "mean"
    input_range: str = "unit"
    samples: SampleGrids = field(default=SampleGrids(), metadata={"nested": SampleGrids})

    def __post_init__(self) -> None:
        """Check names."""
        super().__post_init__()
        require("reconstruction", self.reconstruction, ("mse", "l1"))
        require("reduction", self.reduction, ("mean", "sum"))
        require("input_range", self.input_range, INPUT_RANGES)


@dataclass
class TrainedVAE:
    """What :func:`train_vae` gives.

    Args:
        state: State dict.
        log: One row an epoch: epoch, loss, reconstruction, kl, beta, learning_rate (means per
            image over the epoch).
        samples: uint8 (k, m, H, W, C), the same m draws from the prior decoded k times.
        reconstructions: uint8 (k + 1, m, H, W, C), the first m images and, k times, their
            reconstructions.
        epochs: Epoch of each of the k.
    """

    state: dict[str, Tensor]
    log: pd.DataFrame
    samples: np.ndarray
    reconstructions: np.ndarray
    epochs: list[int]


def train_vae(
    model: VAE,
    images: np.ndarray,
    settings: VAESettings,
    *,
    seed: int,
    device: torch.device,
    checkpoint: Checkpoint | None = None,
    tensorboard: str | None = None,
    label: str = "VAE",
) -> TrainedVAE:
    """Minimise reconstruction + beta·KL.

    Args:
        model: Network with its initial weights.
        images: uint8 (n, H, W, C).
        settings: How to train.
        seed: Derived seed of this run: order, noise, dropout.
        device: Where to train.
        checkpoint: Keeps the state; a later call with the same one goes on.
        tensorboard: Folder for event files, or None.
        label: Name for messages.

    Raises:
        InputError: No images, a loss that is not finite, or memory for less than one image.
    """
    if not len(images):
        raise InputError(f"training {label}: there are no images; check the data set")
    with numeric_environment(device, deterministic=settings.deterministic):
        data = torch.from_numpy(np.ascontiguousarray(images)).to(device)
        layout = memory_format(settings.memory_format)
        model = model.to(device).to(memory_format=layout)
        loop = Loop(
            model,
            settings,
            seed,
            device,
            len(data),
            label,
            checkpoint,
            sum_over_batch=settings.reduction == "sum",
        )
        events = Events(tensorboard, start=len(loop.rows))
        frames = settings.samples.epochs(settings.epochs)
        count = min(settings.samples.count, len(data))
        fixed = torch.Generator().manual_seed(derive(seed, "samples"))
        codes = torch.randn(settings.samples.count, model.latent, generator=fixed).to(device)

        def batches() -> Iterator[tuple[Tensor, ...]]:
            for rows in shuffled(len(data), settings.batch, loop.generator):
                unit = to_unit(data[rows.to(device)]).contiguous(memory_format=layout)
                noise = torch.randn(len(rows), model.latent, generator=loop.generator)
                yield unit, noise.to(device)

        def after_epoch(epoch: int, row: dict[str, float]) -> None:
            row["beta"] = settings.beta.at(epoch)
            if epoch in frames:
                samples = sample_image(model, codes)
                shown = reconstruct(model, to_unit(data[:count]), settings.input_range)
                loop.kept.setdefault("samples", []).append(torch.from_numpy(samples))
                loop.kept.setdefault("reconstructions", []).append(torch.from_numpy(shown))
                events.images(epoch, "samples", samples)
                events.images(epoch, "reconstructions", shown)
            events.scalars(epoch, {f"train/{k}": v for k, v in row.items() if k != "epoch"})

        loop.run(batches, lambda epoch: _loss(model, settings, epoch), after_epoch)
        events.close()
        columns = ["epoch", "loss", "reconstruction", "kl", "beta", "learning_rate"]
        originals = torch.from_numpy(np.ascontiguousarray(images[:count]))
        return TrainedVAE(
            state={k: v.cpu() for k, v in model.state_dict().items()},
            log=pd.DataFrame(loop.rows)[columns].astype({"epoch": "int64"}),
            samples=torch.stack(loop.kept["samples"]).numpy(),
            reconstructions=torch.stack([originals, *loop.kept["reconstructions"]]).numpy(),
            epochs=frames,
        )


def _loss(model: VAE, settings: VAESettings, epoch: int) -> Loss:
    beta = settings.beta.at(epoch)

    def loss(unit: Tensor, noise: Tensor) -> dict[str, Tensor]:
        output, mean, logvar = model(to_range(unit, settings.input_range), noise)
        error = reconstruction_error(output, unit, settings.reconstruction).sum()
        kl = kl_terms(mean, logvar).sum()
        return {"loss": error + beta * kl, "reconstruction": error, "kl": kl}

    return loss


def reconstruction_error(output: Tensor, unit: Tensor, kind: str) -> Tensor:
    """Squared (``mse``) or absolute (``l1``) error summed over each image, (n,)."""
    difference = output - unit
    return (difference.square() if kind == "mse" else difference.abs()).flatten(1).sum(1)


@torch.no_grad()
def sample_image(model: VAE, codes: Tensor) -> np.ndarray:
    """Decode codes (m, latent) without dropout to uint8 (m, H, W, C)."""
    model.eval()
    return to_uint8(model.decode(codes))


@torch.no_grad()
def reconstruct(model: VAE, unit: Tensor, input_range: str) -> np.ndarray:
    """Decode the posterior means of images (m, C, H, W) in [0, 1] to uint8 (m, H, W, C)."""
    model.eval()
    mean, _ = model.encode(to_range(unit, input_range))
    return to_uint8(model.decode(mean))
