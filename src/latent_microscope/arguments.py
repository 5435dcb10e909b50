"""Types that mark the files of a step's function; all its other arguments are params.

Words on arguments of many steps; the docstring of a step says what differs:

    attributes: .parquet: id and one 0/1 column per attribute.
    batch: images at a time; fewer large ones on a CPU.
    calibrated: .npy float32 (n, classes), the logits over the temperature of the fold.
    checkpoint_seconds: least time between two checkpoints, seconds.
    clusters: .parquet: id and cluster of each sample (-1: noise).
    csv: the table as CSV.
    device: auto, cpu or cuda.
    dimensions: .parquet: dimension, kl (mean, nats), mean_variance, active.
    distances: .npy (n, k) from each row to its neighbours; searched for if not given.
    draws: bootstrap samples of the images; 0: no intervals.
    embedding_ids: ids of the rows of embeddings, if they are in a separate file.
    embeddings: .npy, .npz or .parquet of one row of numbers per sample.
    encoding: .parquet: id of each row of latents; of a VAE reconstruction_error and kl (nats).
    feature_ids: .parquet: id of each row of features.
    features: .npy float32 (n, f), one row per image.
    ids: .parquet: id of each row; in a custom study all ids of its files.
    images: .npy uint8 (n, H, W, C), row i is row i of samples.
    latents: .npy float32 (n, d), of a VAE the posterior means.
    logits: .npy float32 (n, classes).
    logvar: .npy float32 (n, d), posterior log variances.
    members: .parquet: fold, id, role (train, inner, held_out).
    metric: euclidean, correlation, cosine or jensenshannon: the distance of the RDMs.
    metrics: metric of each RDM, or all that are computed.
    min_cluster_size: smallest cluster of HDBSCAN.
    min_samples: neighbours that a core point of HDBSCAN has.
    models: name of the model of each file.
    layers: layer of each file.
    names: name of the model of each file.
    neighbours: .npy (n, k) rows of the nearest others, nearest first; searched for if not given.
    rdm_ids: .parquet: ids of each RDM.
    rdms: .npy, condensed RDMs, human ones first; rdm_ids, features, models, layers, seeds and
        transforms have the same order.
    root_seed: root seed.
    samples: .parquet: id of each sample, with label, label_name and identity where known.
    scan: files of the step scan_latents; without them all pairs of latents are compared here.
    scores: .parquet: id and the scores of each sample.
    seed: number of the training or data set; each has its own random streams.
    seeds: training seed of each file.
    settings: section of the study's config.
    sources: .npy (n, k), independent components.
    splits: random halves of the votes.
    tau: also compute tau-a, which takes as long as all the rest.
    tensorboard: folder for TensorBoard event files.
    threads: threads that compare RDMs; results do not depend on them.
    transforms: none or softmax (logits to probabilities), of each file of features.
    umap: .npy float32 (n, 2), UMAP.
    votes: .parquet: id and one column of counts per class.
    weights: .pt state dict.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from latent_microscope.errors import InputError

In = Annotated[Path, "input"]
Out = Annotated[Path, "output"]
Asset = Annotated[Path, "asset"]
"""A file or folder of the project, relative to its root, read beside the inputs."""


def load(function: str) -> Callable[..., Any]:
    """The function that ``module:function`` names; :class:`InputError` if it cannot be imported."""
    module, _, name = function.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever loading another package raises
        raise InputError(f"declared function {function}: {error!r}") from error
    return found
