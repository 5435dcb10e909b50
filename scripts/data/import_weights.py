from typing import Any

from latent_microscope.models.vaes import build_vae
from latent_microscope.models.weights import load_checked, load_weights, save_weights
from latent_microscope.step import In, Out, run


def main(*, published: In, weights: Out, settings: dict[str, Any]) -> None:
    """Take over published weights of a VAE, checked tensor by tensor.

    published: .pth or .pt state dict, as downloaded.
    settings: the network: arch, latent, and channels where it has them.
    """
    model = build_vae(settings["arch"], settings)
    load_checked(model, load_weights(published), published)
    save_weights(weights, model.state_dict())


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
