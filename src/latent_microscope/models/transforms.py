"""From stored images (uint8) to what a network takes: its library's own preprocessing, by numbers.

Resizing and cropping are Pillow's, image by image, as the libraries do it, so that the result is
that of their transforms; normalisation is done on the device.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from latent_microscope.errors import InputError
from latent_microscope.models.pixels import to_unit

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Transform:
    """How images (n, H, W, 3) become the input (n, 3, h, w) of a network.

    ``size``: the shorter side in pixels after resizing (``mode`` squash: both sides), None: as they
    are; ``crop``: side of the central square; ``resample``: ``pillow`` rounds to 8 bits as the
    libraries do, ``float`` does not; values in [0, 1] are then normalised by ``mean`` and ``sd``.
    """

    size: int | None = None
    crop: int | None = None
    mode: str = "shortest"
    interpolation: str = "bilinear"
    resample: str = "pillow"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    sd: tuple[float, ...] = (1.0, 1.0, 1.0)
    # In place of all that: a user's function of one Pillow image, which returns (3, h, w).
    function: Callable[[Image.Image], Tensor] | None = None

    def changed(self, own: Mapping[str, Any]) -> "Transform":
        """With the keys of a config in place of the network's own; a new size is not cropped."""
        if "size" in own and "crop" not in own:
            own = {**own, "crop": own["size"]}
        own = {k: tuple(v) if isinstance(v, list) else v for k, v in own.items()}
        made = replace(self if not own else replace(self, function=None), **own)
        if (made.resample, made.interpolation) == ("float", "lanczos"):
            raise InputError(
                "transform: resample: float has no lanczos; set interpolation: bicubic, or "
                "resample: pillow"
            )
        return made

    def side(self, height: int) -> int:
        """Side of the network's input, pixels, for images of this height."""
        return self.crop or self.size or height

    def pixels(self, images: np.ndarray) -> Tensor:
        """Resized and cropped uint8 (n, h, w, 3), or a user's float (n, 3, h, w); on the CPU."""
        if self.function is not None:
            return _stacked([self.function(Image.fromarray(image)) for image in images])
        if self.resample == "float" or not (self.size or self.crop):
            return torch.from_numpy(images)
        return torch.from_numpy(np.stack([self._resized(image) for image in images]))

    def input(self, pixels: Tensor) -> Tensor:
        """What the network takes of these pixels, float32, on their device."""
        if self.function is not None:
            return pixels
        unit = to_unit(pixels)
        if self.resample == "float" and self.size:
            height, width = self._target(*unit.shape[-2:])
            if unit.shape[-2:] != (height, width):
                options: dict[str, Any] = {"align_corners": False, "antialias": True}
                size, mode = (height, width), self.interpolation
                if mode == "nearest":
                    mode, options = "nearest-exact", {}  # Pillow's
                unit = interpolate(unit, size, mode=mode, **options).clamp(0.0, 1.0)
            if self.crop:
                top, left = _corner((height, width), self.crop)
                unit = unit[..., top : top + self.crop, left : left + self.crop]
        if (self.mean, self.sd) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)):
            return unit
        mean, sd = (torch.tensor(v, device=unit.device).view(3, 1, 1) for v in (self.mean, self.sd))
        return (unit - mean) / sd

    def _target(self, height: int, width: int) -> tuple[int, int]:
        if not self.size:
            return height, width
        if self.mode == "squash":
            return self.size, self.size
        longer = int(self.size * max(height, width) / min(height, width))
        return (self.size, longer) if height <= width else (longer, self.size)

    def _resized(self, image: np.ndarray) -> np.ndarray:
        height, width = self._target(*image.shape[:2])
        if image.shape[:2] != (height, width):
            scaled = Image.fromarray(image).resize((width, height), _FILTERS[self.interpolation])
            image = np.asarray(scaled)
        if self.crop and (height, width) != (self.crop, self.crop):
            top, left = _corner((height, width), self.crop)
            image = image[top : top + self.crop, left : left + self.crop]
        return image

    def __str__(self) -> str:
        """For the table of networks."""
        if self.function is not None:
            return "the module's own function"
        parts = [f"{self.interpolation} to {self.size} px ({self.mode})"] if self.size else []
        parts += ["not rounded"] if self.size and self.resample == "float" else []
        parts += [f"central {self.crop} px"] if self.crop and self.crop != self.size else []
        parts += [f"mean {_numbers(self.mean)}, sd {_numbers(self.sd)}"] if any(self.mean) else []
        return "; ".join(parts) or "as stored, [0, 1]"


def _stacked(made: Sequence[Any]) -> Tensor:
    """What a user's function returned, (n, channels, h, w)."""
    do = "it must return a tensor (3, h, w), of all images the same size"
    try:
        found = [torch.as_tensor(one, dtype=torch.float32) for one in made]
    except Exception as error:  # whatever is no tensor
        what = type(made[0]).__name__
        raise InputError(f"the module's own transform returned {what}; {do}") from error
    shapes = {tuple(one.shape) for one in found}
    if len(shapes) > 1 or found[0].dim() != 3:
        named = " and ".join(map(str, sorted(shapes)[:2]))
        raise InputError(f"the module's own transform returned the shape {named}; {do}")
    return torch.stack(found)


_CHOICES = {
    "mode": ("shortest", "squash"),
    "interpolation": (*_FILTERS,),
    "resample": ("pillow", "float"),
}


def checked(own: Any, where: str) -> dict[str, Any]:
    """A user's keys of a transform, of their types; ``where`` names it in an error."""
    if not isinstance(own, Mapping):
        raise InputError(f"{where}: transform: {own!r}; give a mapping, or a function of an image")
    found, right = dict(own), True
    for key, value in own.items():
        if key in _CHOICES:
            right, do = value in _CHOICES[key], " or ".join(_CHOICES[key])
        elif key in ("size", "crop"):
            right = value is None or (isinstance(value, int | np.integer) and int(value) > 0)
            do = "a whole number of pixels"
        elif key in ("mean", "sd"):
            do = "three numbers: red, green, blue" + (", above 0" if key == "sd" else "")
            try:
                found[key] = tuple(float(number) for number in value)
                right = len(found[key]) == 3 and (key == "mean" or min(found[key]) > 0.0)
            except (TypeError, ValueError):
                right = False
        else:
            names = ", ".join((*_CHOICES, "size", "crop", "mean", "sd"))
            raise InputError(f"{where}: unknown key {key!r} of transform; use {names}")
        if not right:
            raise InputError(f"{where}: transform.{key}: {value!r}; give {do}")
    return found


def _numbers(values: Sequence[float]) -> str:
    return "/".join(f"{value:.4g}" for value in values)


def _corner(shape: tuple[int, int], crop: int) -> tuple[int, int]:
    """Top and left of the central square, rounded as by torchvision."""
    if min(shape) < crop:
        raise InputError(
            f"transform.crop: {crop} px are more than the {min(shape)} px of an image; set "
            "transform.size, or a smaller crop"
        )
    return round((shape[0] - crop) / 2.0), round((shape[1] - crop) / 2.0)


def of_torchvision(preset: Any) -> Transform:
    """That of torchvision's ``weights.transforms()``."""
    return Transform(
        size=int(preset.resize_size[0]),
        crop=int(preset.crop_size[0]),
        interpolation=preset.interpolation.value,
        mean=tuple(preset.mean),
        sd=tuple(preset.std),
    )


def of_timm(config: Mapping[str, Any]) -> Transform:
    """That of ``timm.data.resolve_model_data_config``."""
    side = _square(config["input_size"][1:], "timm")
    mode = {"center": "shortest", "squash": "squash"}.get(config["crop_mode"])
    if mode is None:
        raise InputError(f"transform: timm's crop mode {config['crop_mode']} is not supported")
    return Transform(
        size=int(side / config["crop_pct"]),
        crop=side,
        mode=mode,
        interpolation=config["interpolation"].replace("random", "bilinear"),
        mean=tuple(config["mean"]),
        sd=tuple(config["std"]),
    )


def of_open_clip(config: Mapping[str, Any]) -> Transform:
    """That of an image tower's ``preprocess_cfg``."""
    size = config["size"]
    side = size if isinstance(size, int) else _square(size, "open_clip")
    if config["resize_mode"] not in ("shortest", "squash"):
        raise InputError(f"transform: open_clip's {config['resize_mode']!r} is not supported")
    return Transform(
        size=side,
        crop=side,
        mode=config["resize_mode"],
        interpolation=config["interpolation"].replace("random", "bilinear"),
        mean=tuple(config["mean"]),
        sd=tuple(config["std"]),
    )


def of_transformers(processor: Any) -> Transform:
    """That of an image processor (its Pillow variant)."""

    def of(name: str) -> dict[str, int]:
        return dict(getattr(processor, name, None) or {})

    size, crop = of("size"), of("crop_size")
    shortest = size.get("shortest_edge")
    both = [size[key] for key in ("height", "width") if key in size]
    side = (shortest or _square(both, "transformers")) if processor.do_resize else None
    crops = [crop[key] for key in ("height", "width") if key in crop]
    cut = _square(crops, "transformers") if getattr(processor, "do_center_crop", False) else side
    share = getattr(processor, "crop_pct", None)
    if share and shortest and shortest < 384:  # as ConvNeXT's processor does
        side, cut = int(shortest / share), shortest
    rescaled = abs(processor.rescale_factor * 255.0 - 1.0) < 1e-6
    if not rescaled or not processor.do_rescale:
        raise InputError("transform: the image processor does not scale to [0, 1]; use module")
    normal = processor.do_normalize
    return Transform(
        size=side,
        crop=cut,
        mode="shortest" if shortest else "squash",
        interpolation={0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}[
            int(processor.resample)
        ],
        mean=tuple(processor.image_mean) if normal else (0.0, 0.0, 0.0),
        sd=tuple(processor.image_std) if normal else (1.0, 1.0, 1.0),
    )


def _square(size: Sequence[int], library: str) -> int:
    if len(set(size)) != 1:
        raise InputError(f"transform: {library}'s size {tuple(size)} is not square; set it")
    return int(size[0])
