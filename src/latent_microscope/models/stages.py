"""Networks as chains of stages, from the image to the last layer."""

from collections.abc import Callable

from torch import Tensor, nn

from latent_microscope.errors import InputError
from latent_microscope.models.classifiers import EfficientNetLite, ResNet50
from latent_microscope.models.philnet import PhilNet
from latent_microscope.models.pixels import to_range
from latent_microscope.models.vaes import CifarVAE

Layer = Callable[[Tensor], Tensor]
Stage = tuple[str, Layer]


def stages(model: nn.Module, input_range: str = "unit") -> list[Stage]:
    """(name, function) of the stages of a network; each takes what the one before it returns.

    The first takes images (n, 3, H, W) in [0, 1]; feature maps are (n, channels, h, w), vectors
    (n, f). A VAE's stages are those of its encoder, which takes ``input_range``.
    """
    if isinstance(model, PhilNet):
        return _philnet(model)
    if isinstance(model, ResNet50):
        return _resnet50(model)
    if isinstance(model, EfficientNetLite):
        return _efficientnet(model)
    if isinstance(model, CifarVAE):
        return _encoder(model, input_range)
    raise TypeError(f"{type(model).__name__} has no known stages")


def stage_function(model: nn.Module, layer: str, input_range: str = "unit") -> Layer:
    """From images in [0, 1] to the output of one stage, feature maps averaged over positions."""
    try:
        chain = stages(model, input_range)
    except TypeError as error:
        raise InputError(f"layer {layer!r}: {error}; leave it out") from None
    names = [name for name, _ in chain]
    if layer not in names:
        raise InputError(f"layer {layer!r} is unknown; choose one of {', '.join(names)}")

    def output(x: Tensor) -> Tensor:
        for _, function in chain[: names.index(layer) + 1]:
            x = function(x)
        return x.mean((2, 3)) if x.dim() == 4 else x

    return output


def _philnet(model: PhilNet) -> list[Stage]:
    blocks: list[Layer] = list(model.blocks)
    chain: list[Stage] = []
    if any(True for _ in model.stem.parameters()):
        chain.append(("stem", lambda x: model.stem(model.prepare(x))))
    else:
        first = blocks[0]
        blocks[0] = lambda x: first(model.stem(model.prepare(x)))
    chain += [(f"block {number}", block) for number, block in enumerate(blocks, start=1)]
    return [
        *chain,
        ("penultimate", lambda x: model.pool(x).flatten(1)),
        ("logits", model.classify),
        ("probabilities", lambda x: x.softmax(1)),
    ]


def _resnet50(model: ResNet50) -> list[Stage]:
    net = model.net
    return [
        ("stem", lambda x: net.maxpool(net.relu(net.bn1(net.conv1(model.prepare(x)))))),
        *[(f"layer {i}", getattr(net, f"layer{i}")) for i in (1, 2, 3, 4)],
        ("penultimate", lambda x: net.avgpool(x).flatten(1)),
        ("logits", model.classify),
    ]


def _efficientnet(model: EfficientNetLite) -> list[Stage]:
    net = model.net
    groups: list[list[nn.Module]] = []
    for block in net._blocks:
        # the first block of a stage changes the width
        if not groups or block._block_args.input_filters != block._block_args.output_filters:
            groups.append([])
        groups[-1].append(block)
    return [
        ("stem", lambda x: net._swish(net._bn0(net._conv_stem(model.prepare(x))))),
        *[(f"stage {i}", nn.Sequential(*group)) for i, group in enumerate(groups, start=1)],
        ("penultimate", lambda x: net._swish(net._bn1(net._conv_head(x))).mean((2, 3))),
        ("logits", model.classify),
    ]


def _encoder(model: CifarVAE, input_range: str) -> list[Stage]:
    layers = list(model.encoder.children())
    pairs = [nn.Sequential(*layers[i : i + 2]) for i in range(0, len(layers), 2)]
    return [
        ("convolution 1", lambda x: pairs[0](to_range(x, input_range))),
        *[(f"convolution {i}", pair) for i, pair in enumerate(pairs[1:], start=2)],
        ("latent means", lambda x: model.fc_mu(x.flatten(1)).float()),
    ]
