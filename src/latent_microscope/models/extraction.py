"""Activations of many images in one pass: prefetched, written as they come, resumable.

Memory does not grow with the number of images, and an interrupted pass continues at its last mark,
with the same batches, to the same bytes.
"""

import io
import os
import queue
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from latent_microscope.data.images import INPUT
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import NO_SPACE, NoSpaceError, load_json, save_json
from latent_microscope.io.pages import release
from latent_microscope.messages import log
from latent_microscope.models.layers import (
    ENDS,
    Projection,
    Reduction,
    activations,
    check_rows,
    default_layers,
    distortion,
    layer_shapes,
    wanted_layers,
)
from latent_microscope.models.libraries import Network
from latent_microscope.models.pixels import to_unit
from latent_microscope.progress import progress
from latent_microscope.seeds import derive
from latent_microscope.step import checkpoint_path

_CACHED = 400_000  # pixels at once on a CPU
_PROBED = 4  # images of the row-order check
_MEASURED = 50  # images whose distances are compared before and after a projection
_AHEAD = 2  # batches that wait for the network


@dataclass(frozen=True)
class Block:
    """A layer's columns in a file."""

    name: str
    start: int
    width: int
    shape: str  # of one image's activations, before the reduction
    reduction: str
    projection: int  # dimensions that it was projected to; 0: none
    distortion: float  # of distances by that projection


def images_at_once(batch: int, network: Network, height: int, device: torch.device) -> int:
    """Images in a batch of at most ``batch``: fewer large ones on a CPU, for its cache.

    One core of an AMD EPYC, EfficientNet-Lite at 224 pixels: 42 images a second by eights, 16 by
    250; PhilNet at 32 pixels and ResNet-50 at 64 are as fast by 250 as by 32. ``height`` is that of
    the images in pixels.
    """
    side = network.transform.side(height)
    return batch if device.type != "cpu" else min(batch, max(1, _CACHED // side**2))


def pass_folder(output: Path, inputs: Sequence[Path], settings: Mapping[str, Any]) -> Path:
    """Where an interrupted pass keeps its rows; those of other settings are removed."""
    path = checkpoint_path(output, inputs, settings).with_suffix(".rows")
    for other in path.parent.glob(f"{output.stem}-*.rows"):
        if other != path:
            shutil.rmtree(other, ignore_errors=True)
    return path


@torch.inference_mode()
def extract(
    network: Network,
    images: np.ndarray,
    files: Mapping[Path, Sequence[str] | None],
    *,
    rows: np.ndarray | None = None,
    reduce: Reduction | None = None,
    project: int | None = None,
    seed: int = 0,
    batch: int = 250,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    mark: Path | None = None,
    seconds: float = 10.0,
) -> pd.DataFrame:
    """Write activations of images uint8 (n, H, W, 3), .npy float32 (n, columns), in one pass.

    ``files`` say which layers stand side by side in each file: names or globs of
    ``named_modules()``, ``pixels``, ``features``, ``logits``, ``probabilities``; None: those of a
    profile. ``rows``: only these images. Named layers wider than ``project`` are projected with
    ``seed``. A batch is halved when memory runs out. ``mark``: folder where an interrupted pass has
    left its rows; it is written every ``seconds``. ``dtype`` is the autocast type.

    Returns one row per layer and file: those of :class:`Block`, and ``file``.
    """
    where = device or torch.device("cpu")
    order = np.arange(len(images)) if rows is None else rows
    first = next(iter(files))
    if not len(order):
        raise InputError(f"{first}: there are no images to extract features of")
    how = reduce or Reduction()
    how = Reduction(how.how, how.grid, network.nhwc)
    probe = np.array(images[order[:_PROBED]])
    sample = network.transform.pixels(probe)
    if network.transform.function:
        again = network.transform.pixels(probe)
        if not torch.allclose(sample, again, rtol=0.0, atol=0.0, equal_nan=True):
            raise InputError(
                "the module's own transform gives other values for the same image; leave out its "
                "random changes, as in an evaluation"
            )
    x = network.transform.input(sample.to(where))
    shapes = layer_shapes(network, x)
    named = {path: _layers(network, shapes, names, len(x)) for path, names in files.items()}
    every = list(dict.fromkeys(n for names in named.values() for n in names if n != INPUT))
    if every and len(x) > 1:
        check_rows(network, x, every, how)
        if len(order) % batch == 1:  # before the last batch does
            activations(network, x[:1], every, how)
    writer = _Writer(named, len(order), mark, project, seed)
    at_once = batch

    def compute(pixels: Tensor) -> dict[str, Tensor]:
        nonlocal at_once
        parts, start = [], 0
        while start < len(pixels):
            try:
                part = network.transform.input(pixels[start : start + at_once])
                with torch.autocast(where.type, dtype, enabled=dtype is not None):
                    found = activations(network, part, every, how)
                parts.append({name: value.cpu() for name, value in found.items()})
                start += at_once
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_memory(error) or at_once == 1:
                    raise
                at_once = max(1, min(at_once, len(pixels)) // 2)
                log.warning("features: out of memory; continuing with batches of %d", at_once)
        if len(parts) == 1:
            return parts[0]
        return {name: torch.cat([part[name] for part in parts]) for name in every}

    with (
        writer,
        progress("features", len(order), "images") as bar,
        _prefetched(network, images, order, batch, writer.done, where) as batches,
    ):
        at_once = writer.batch or batch
        bar.advance(writer.done)
        for block, pixels in batches:
            values = compute(pixels) if every else {}
            for name, value in values.items():
                if not bool(torch.isfinite(value).all()):
                    raise InputError(
                        f"{name}: values of the images {writer.done} to "
                        f"{writer.done + len(block) - 1} are not finite; check the network's "
                        "weights"
                    )
            found = {name: value.numpy() for name, value in values.items()}
            if any(INPUT in names for names in named.values()):
                found[INPUT] = to_unit(torch.from_numpy(block)).flatten(1).numpy()
            writer.write(found, {**shapes, INPUT: (0, *block.shape[1:])}, how.how)
            writer.save(at_once, seconds)
            bar.advance(len(block))
        return writer.finish()


def _layers(
    network: Network,
    shapes: Mapping[str, tuple[int, ...]],
    names: Sequence[str] | None,
    count: int,
) -> list[str]:
    if names is None:
        return [INPUT, *wanted_layers(default_layers(network, shapes), shapes, count)]
    return [*([INPUT] if INPUT in names else []), *wanted_layers(names, shapes, count)]


def _is_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


@contextmanager
def _prefetched(
    network: Network,
    images: np.ndarray,
    order: np.ndarray,
    batch: int,
    done: int,
    device: torch.device,
) -> Iterator[Iterator[tuple[np.ndarray, Tensor]]]:
    """Batches of images and of what the network's transform makes of them, made in a thread."""
    ready: queue.Queue[Any] = queue.Queue(maxsize=_AHEAD)
    stopped = threading.Event()

    def put(item: Any) -> None:
        while not stopped.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for start in range(done, len(order), batch):
                block = np.array(images[order[start : start + batch]])
                release(images)
                pixels = network.transform.pixels(block)
                put((block, pixels.pin_memory() if device.type == "cuda" else pixels))
                if stopped.is_set():
                    return
            put(None)
        except BaseException as error:  # raised again by the reader
            put(error)

    def read() -> Iterator[tuple[np.ndarray, Tensor]]:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0], item[1].to(device, non_blocking=True)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield read()
    finally:
        stopped.set()
        thread.join()


class _Writer:
    """The files of a pass: rows are appended, and a mark says how many are safely there."""

    def __init__(
        self,
        files: Mapping[Path, Sequence[str]],
        count: int,
        mark: Path | None,
        project: int | None,
        seed: int,
    ) -> None:
        first = next(iter(files))
        self.files, self.count, self.project, self.seed = files, count, project, seed
        self.kept, self.folder = (
            mark is not None,
            mark or first.with_name(f".tmp-{first.name}-rows"),
        )
        self.parts = [self.folder / f"{i}.npy" for i in range(len(files))]
        self.mark = self.folder / "mark.json"
        self.blocks: list[list[Block]] = []
        self.projections: dict[str, Projection] = {}
        self.measured: dict[str, list[list[np.ndarray]]] = {}
        self.handles: list[BinaryIO] = []
        self.done = self.batch = 0
        self._last = time.monotonic()

    def __enter__(self) -> "_Writer":
        if self.kept and self.mark.is_file() and all(part.is_file() for part in self.parts):
            state = load_json(self.mark)
            self.blocks = [[Block(**one) for one in blocks] for blocks in state["blocks"]]
            self.done, self.batch = state["rows"], state["batch"]
            self._open_all()  # all rows may be there, so that none is written
            log.info("features: continuing after %d of %d images", self.done, self.count)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        for handle in self.handles:
            handle.close()
        if not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def write(
        self, found: dict[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], how: str
    ) -> None:
        """Append the rows of one batch, vectors (m, f) by name."""
        narrow = {name: self._projected(name, rows) for name, rows in found.items()}
        if not self.blocks:
            for names in self.files.values():
                self.blocks.append([])
                start = 0
                for name in names:
                    width, wide = narrow[name].shape[1], found[name].shape[1]
                    shape = "x".join(map(str, shapes[name][1:]))
                    used = how if len(shapes[name]) > 2 and name != INPUT else ""
                    target = width if width < wide else 0
                    self.blocks[-1].append(Block(name, start, width, shape, used, target, 0.0))
                    start += width
        if not self.handles:
            self._open_all()
        for path, names, handle in zip(self.files, self.files.values(), self.handles, strict=True):
            rows = np.concatenate([narrow[name] for name in names], axis=1, dtype=np.float32)
            with _disk(path):
                handle.write(rows.tobytes())
        self.done += len(rows)

    def save(self, batch: int, seconds: float) -> None:
        """Flush, and renew the mark, if it is time."""
        measuring = self.measured and self.done < min(_MEASURED, self.count)
        if not self.kept or measuring or time.monotonic() - self._last < seconds:
            return
        self._measure()
        self._flush()
        blocks = [[asdict(block) for block in blocks] for blocks in self.blocks]
        save_json(self.mark, {"rows": self.done, "batch": batch, "blocks": blocks})
        self._last = time.monotonic()

    def finish(self) -> pd.DataFrame:
        """Rename the files; one row per layer and file."""
        self._measure()
        self._flush()
        for path, part in zip(self.files, self.parts, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, path)
        if self.kept:
            shutil.rmtree(self.folder)
            with suppress(OSError):  # as long as nothing else is kept there
                self.folder.parent.rmdir()
        rows = [
            {"file": path.name, **asdict(block)}
            for path, blocks in zip(self.files, self.blocks, strict=True)
            for block in blocks
        ]
        return pd.DataFrame(rows)

    def _projected(self, name: str, rows: np.ndarray) -> np.ndarray:
        if not self.project or name in (INPUT, *ENDS) or rows.shape[1] <= self.project:
            return rows
        if name not in self.projections:
            seed = derive(self.seed, "project", name) % 2**32
            self.projections[name] = Projection(rows.shape[1], self.project, seed)
            if not self.done:
                self.measured[name] = [[], []]
        after = self.projections[name](rows)
        if name in self.measured and self.done < _MEASURED:
            for kept, new in zip(self.measured[name], (rows, after), strict=True):
                kept.append(new[: _MEASURED - self.done].copy())
        return after

    def _measure(self) -> None:
        """Replace the distortions of projected layers by the measured ones."""
        found = {
            name: distortion(np.concatenate(before), np.concatenate(after))
            for name, (before, after) in self.measured.items()
        }
        self.measured = {}
        self.blocks = [
            [replace(b, distortion=found.get(b.name, b.distortion)) for b in blocks]
            for blocks in self.blocks
        ]

    def _open_all(self) -> None:
        widths = [sum(block.width for block in blocks) for blocks in self.blocks]
        self.handles = [self._open(*one) for one in zip(self.parts, widths, strict=True)]

    def _open(self, part: Path, width: int) -> BinaryIO:
        header = io.BytesIO()
        kind = {"descr": "<f4", "fortran_order": False, "shape": (self.count, width)}
        np.lib.format.write_array_header_1_0(header, kind)
        handle = part.open("r+b" if self.done else "wb")
        if self.done:
            handle.truncate(len(header.getvalue()) + 4 * width * self.done)
            handle.seek(0, os.SEEK_END)
        else:
            handle.write(header.getvalue())
        return handle

    def _flush(self) -> None:
        for path, handle in zip(self.files, self.handles, strict=True):
            with _disk(path):
                handle.flush()
                os.fsync(handle.fileno())


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """A full disk as an error that names the output."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise NoSpaceError(error.errno, os.strerror(error.errno), str(path)) from error
        raise
