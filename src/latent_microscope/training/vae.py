"""Training of a variational autoencoder."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pydantic
import torch
from torch import Tensor

from latent_microscope.errors import InputError
from latent_microscope.messages import log
from latent_microscope.models.diagnostics import merged_share
from latent_microscope.models.pixels import image_batches, to_range, to_uint8, to_unit
from latent_microscope.models.vaes import VAE, kl_terms
from latent_microscope.seeds import derive
from latent_microscope.training.device import numeric_environment, sent
from latent_microscope.training.loop import Loop, Run, shuffled
from latent_microscope.training.settings import STRICT, Beta, Optimisation

# A larger share of the images with the latents of a different image: the encoder is half blind.
TOLERATED = 0.01
_BATCH = 500


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class SampleGrids:
    """Images saved along the training: ``count`` of them at ``frames`` epochs, evenly spread."""

    count: int = 16
    frames: int = 10

    def epochs(self, total: int) -> list[int]:
        """Epochs after which images are saved, the first and the last among them."""
        return sorted({round(e) for e in np.linspace(0, total - 1, min(self.frames, total))})


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class VAESettings(Optimisation):
    """Settings of :func:`train_vae`.

    The reconstruction is always compared with the image in [0, 1], whatever the input range.
    """

    beta: Beta = Beta()
    reconstruction: Literal["mse", "l1"] = "mse"  # squared error, or absolute; summed over an image
    reduction: Literal["mean", "sum"] = "mean"  # over the batch
    input_range: Literal["unit", "signed"] = "unit"  # of the encoder: [0, 1] or [−1, 1]
    samples: SampleGrids = SampleGrids()


@dataclass
class TrainedVAE:
    """What :func:`train_vae` returns."""

    state: dict[str, Tensor]
    log: pd.DataFrame
    """One row per epoch: epoch, loss, reconstruction, kl, beta, learning_rate (means per image)."""
    samples: np.ndarray  # uint8 (k, m, H, W, C): the same m draws from the prior, decoded k times
    reconstructions: np.ndarray
    """uint8 (k + 1, m, H, W, C): the first m images and, k times, their reconstructions."""
    epochs: list[int]  # of each of the k


def train_vae(model: VAE, images: np.ndarray, settings: VAESettings, run: Run) -> TrainedVAE:
    """Minimise reconstruction + beta·KL on uint8 images (n, H, W, C)."""
    if not len(images):
        raise InputError(f"training {run.label}: there are no images; check the data set")
    with numeric_environment(run.device, deterministic=settings.deterministic):
        loop = _VAELoop(model, images, settings, run)
        loop.train()
        columns = ["loss", "reconstruction", "kl", "beta", "learning_rate"]
        originals = torch.from_numpy(np.ascontiguousarray(images[: loop.count]))
        return TrainedVAE(
            state={name: value.cpu() for name, value in model.state_dict().items()},
            log=loop.log_table(columns),
            samples=torch.stack(loop.kept["samples"]).numpy(),
            reconstructions=torch.stack([originals, *loop.kept["reconstructions"]]).numpy(),
            epochs=loop.frames,
        )


class _VAELoop(Loop):
    model: VAE
    settings: VAESettings

    def __init__(self, model: VAE, images: np.ndarray, settings: VAESettings, run: Run) -> None:
        summed = settings.reduction == "sum"
        super().__init__(model, images, settings, run, sum_over_batch=summed)
        self.frames = settings.samples.epochs(settings.epochs)
        self.count = min(settings.samples.count, len(images))
        fixed = torch.Generator().manual_seed(derive(run.seed, "samples"))
        codes = torch.randn(settings.samples.count, model.latent, generator=fixed)
        self.codes = codes.to(run.device)

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        device = self.run.device
        for rows in shuffled(len(self.data), self.settings.batch, self.generator):
            unit = to_unit(self.data[sent(rows, device)]).contiguous(memory_format=self.layout)
            noise = torch.randn(len(rows), self.model.latent, generator=self.generator)
            yield unit, sent(noise, device)

    def loss(self, epoch: int, *batch: Tensor) -> dict[str, Tensor]:
        unit, noise = batch
        output, mean, logvar = self.model(to_range(unit, self.settings.input_range), noise)
        difference = output - unit
        squared = self.settings.reconstruction == "mse"
        error = (difference.square() if squared else difference.abs()).flatten(1).sum(1).sum()
        kl = kl_terms(mean, logvar).sum()
        total = error + self.settings.beta.at(epoch) * kl
        return {"loss": total, "reconstruction": error, "kl": kl}

    def after_epoch(self, epoch: int, row: dict[str, float]) -> None:
        row["beta"] = self.settings.beta.at(epoch)
        if epoch in self.frames:
            for name, images in self._shown_images().items():
                self.kept.setdefault(name, []).append(torch.from_numpy(images))
                if self.writer is not None:
                    self.writer.add_images(name, images, epoch, dataformats="NHWC")
        self.write_scalars(row, prefix="train/")

    @torch.no_grad()
    def _shown_images(self) -> dict[str, np.ndarray]:
        """Decoded prior draws and reconstructions, uint8 (m, H, W, C), without dropout."""
        self.model.eval()
        samples = to_uint8(self.model.decode(self.codes))
        unit = to_range(to_unit(self.data[: self.count]), self.settings.input_range)
        reconstructions = to_uint8(self.model.decode(self.model.encode(unit)[0]))
        return {"samples": samples, "reconstructions": reconstructions}


@torch.no_grad()
def is_blind(model: VAE, images: np.ndarray, input_range: str, label: str) -> bool:
    """Whether the encoder gives too many images the very latents of a different one; logged."""
    model.eval()
    device = next(model.parameters()).device
    means = []
    with numeric_environment(device, deterministic=True):
        for _, block in image_batches(images, _BATCH):
            mean, _ = model.encode(to_range(to_unit(block.to(device)), input_range))
            means.append(mean.cpu().numpy())
    share = merged_share(np.concatenate(means), images)
    if share > TOLERATED:
        log.warning("%s: %.1f %% of the images share the latents of another", label, 100 * share)
    return share > TOLERATED
