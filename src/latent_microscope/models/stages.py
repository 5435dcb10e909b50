"""Networks as chains of stages, from the image to the last layer."""

from collections.abc import Callable

from torch import Tensor, nn

from latent_microscope.errors import InputError
from latent_microscope.models.cifarvae import CifarVAE
from latent_microscope.models.efficientnet import EfficientNetLite
from latent_microscope.models.philnet import PhilNet
from latent_microscope.models.pixels import to_range
from latent_microscope.models.resnet import ResNet50

Stage = tuple[str, Callable[[Tensor], Tensor]]


def stages(model: nn.Module) -> list[Stage]:
    """The stages of a network; each takes what the one before it returns.

    Args:
        model: PhilNet, ResNet-50, EfficientNet-Lite or the convolutional VAE (its encoder, for
            images in [0, 1]).

    Returns:
        (name, function) in the order of the forward pass. The first takes images (n, 3, H, W) in
        [0, 1]; feature maps are (n, channels, h, w), vectors (n, f).
    """
    if isinstance(model, PhilNet):
        return _philnet(model)
    if isinstance(model, ResNet50):
        return _resnet50(model)
    if isinstance(model, EfficientNetLite):
        return _efficientnet(model)
    if isinstance(model, CifarVAE):
        return _encoder(model)
    raise TypeError(f"{type(model).__name__} has no known stages")


def stage_function(
    model: nn.Module, layer: str, input_range: str = "unit"
) -> Callable[[Tensor], Tensor]:
    """From images in [0, 1] to what one stage makes of them, feature maps averaged over positions.

    Args:
        model: As :func:`stages` takes it.
        layer: Name of the stage.
        input_range: What the network takes, ``unit`` or ``signed``.

    Raises:
        InputError: The network has no such stage.
    """
    try:
        chain = stages(model)
    except TypeError as error:
        raise InputError(f"layer {layer!r}: {error}; leave it out") from None
    names = [name for name, _ in chain]
    if layer not in names:
        raise InputError(f"layer {layer!r} is unknown; choose one of {', '.join(names)}")

    def made(unit: Tensor) -> Tensor:
        found = to_range(unit, input_range)
        for _, function in chain[: names.index(layer) + 1]:
            found = function(found)
        return found.mean((2, 3)) if found.dim() == 4 else found

    return made


def _philnet(model: PhilNet) -> list[Stage]:
    def prepare(images: Tensor) -> Tensor:
        return (images - model.mean) / model.sd

    chain: list[Stage] = []
    first: Callable[[Tensor], Tensor] = prepare
    if not isinstance(model.stem, nn.Identity):
        first = _after(prepare, model.stem)
        if any(True for _ in model.stem.parameters()):
            chain.append(("stem", first))
            first = nn.Identity()
    for number, block in enumerate(model.blocks, start=1):
        chain.append((f"block {number}", _after(first, block) if number == 1 else block))
    chain.append(("penultimate", lambda x: model.pool(x).flatten(1)))
    chain.append(("logits", model.classify))
    chain.append(("probabilities", lambda x: x.softmax(1)))
    return chain


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


def _encoder(model: CifarVAE) -> list[Stage]:
    layers = list(model.encoder)
    chain: list[Stage] = [
        (f"convolution {i + 1}", nn.Sequential(*layers[2 * i : 2 * i + 2]))
        for i in range(len(layers) // 2)
    ]
    return [*chain, ("latent means", lambda x: model.fc_mu(x.flatten(1)).float())]


def _after(
    first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor]
) -> Callable[[Tensor], Tensor]:
    return lambda x: second(first(x))
