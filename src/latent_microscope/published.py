"""Published and reference numbers to print beside ours, each with its source."""

from dataclasses import dataclass

PREPRINT = "preprint 10.5281/zenodo.16827724, table of four runs on 200 authentic samples"
PETERSON = "Peterson et al. 2019, validation set of 1,000, best of a grid"
PREDICTIONS = "measured from the published predictions of Peterson et al. 2019, all 10,000 images"
ALIGNED = "measured earlier with correctly aligned labels, 3 data seeds"


@dataclass(frozen=True)
class FunnelRun:
    """One row of the preprint's table: true and false positives, false negatives."""

    name: str
    tp: int
    fp: int
    fn: int

    @property
    def precision(self) -> float:
        """Share of the selected that are authentic."""
        return self.tp / (self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the authentic that were selected."""
        return self.tp / (self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn)


# By stability percentile, at uniqueness percentile 90.
FUNNEL_UNIQUENESS = 90.0
FUNNEL = {
    95.0: FunnelRun("Run 1, highly strict", 2, 1, 198),
    80.0: FunnelRun("Run 2, strict", 8, 2, 192),
    65.0: FunnelRun("Run 3, balanced", 3, 5, 197),
    45.0: FunnelRun("Run 4, optimised", 15, 0, 185),
}

# Range of ROC AUC over seeds, by detector.
DETECTORS = {
    "uniqueness": (0.09, 0.10),
    "stability": (0.58, 0.83),
    "knn_density": (0.987, 0.994),
}

# RSA with humans of Euclidean RDMs of probabilities: rho-a, Spearman.
RSA = {
    "label": (0.2695, 0.520),
    "class_mean": (0.4494, 0.451),
    "densenet": (0.5242, 0.526),
    "resnet110": (0.5071, 0.511),
    "preact164": (0.5056, 0.507),
    "resnext": (0.5318, 0.533),
    "vgg15": (0.4926, 0.494),
}
RSA_METRIC = "euclidean"
ORACLES = ("label", "class_mean")
"""Models that know the labels: bounds, no networks."""

# Cross-entropy to the votes (nats): ours from the published predictions of networks without human
# data; and what the paper reports after and before tuning on human votes.
CROSS_ENTROPY = {
    "class_mean": 0.2565,
    "densenet": 0.6727,
    "resnet110": 0.8746,
    "preact164": 0.7763,
    "resnext": 0.4700,
    "vgg15": 0.7772,
    "human": 0.1545,
}
CROSS_ENTROPY_TUNED = {
    "Shake-Shake": (0.26, 0.60),
    "WRN-28-10": (0.27, 0.44),
    "PyramidNet": (0.28, 0.58),
    "ResNet-110": (0.36, 0.78),
    "VGG-15": (0.35, 0.78),
}
RECIPES = {
    "airbench94": (3.6e14, 0.9401),
    "airbench95": (1.4e15, 0.9501),
    "airbench96": (4.9e15, 0.9603),
    "ResNet-18": (3.23e16, 0.960),
}
"""Floating-point operations of a training on CIFAR-10 and mean test accuracy, with test-time
augmentation (ResNet-18: without): Jordan 2024, arXiv 2404.00498, and its repository."""
ACCURACY = {"human": 0.9523, "human_majority": 0.9921}
KIND = "kinds of networks"
"""What a difference speaks of whose interval is over training seeds, too."""
FACTS = "CIFAR-10H, all 10,000 images"


NETWORKS = tuple(name for name in RSA if name not in ORACLES)
"""Networks without human data whose predictions are published: no model of a study."""


def plain_name(model: str) -> str:
    """A model's name without the prefix that marks published predictions."""
    return model.removeprefix("published_")


def published_rsa(model: str, layer: str, metric: str) -> tuple[float, float, str]:
    """RSA of published predictions with humans (rho-a, Spearman), and its source; NaN and "": none.

    ``model`` is its name in the config, e.g. ``vgg15`` or ``published_vgg15``; networks were
    measured on the layer ``probabilities``.
    """
    name = plain_name(model)
    fits = metric == RSA_METRIC and (name in ORACLES or layer == "probabilities")
    if not fits or name not in RSA:
        return float("nan"), float("nan"), ""
    return *RSA[name], PREDICTIONS


def published_cross_entropy(model: str) -> tuple[float, str]:
    """Published cross-entropy of a model to the votes, and its source; NaN and "" without one."""
    name = plain_name(model)
    if name not in CROSS_ENTROPY:
        return float("nan"), ""
    return CROSS_ENTROPY[name], FACTS if name == "human" else PREDICTIONS


# Three bars of the preprint's figure of the attribute bias of its cluster 0 on CelebA; no interval,
# test or number of members is published with them.
CLUSTER_BIAS = {"Mustache": 2.7, "Sideburns": 1.8, "Black_Hair": 1.8}
CLUSTER_BIAS_SOURCE = "preprint 10.5281/zenodo.16827724, bars of its cluster 0"
