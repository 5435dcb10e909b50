from latent_microscope.io.artefacts import load_npy, save_npy
from latent_microscope.step import In, Out, run
from latent_microscope.synthetic.people import eye_region


def main(*, images: In, eyes: Out, sigma: float = 0.5) -> None:
    """Cut out the eye region, 64 x 32 pixels, as published: rows 25 to 60 %, columns 15 to 85 %.

    eyes: .npy uint8 (n, 32, 64, 3).
    sigma: standard deviation of the 3 x 3 Gaussian blur, in pixels.
    """
    save_npy(eyes, eye_region(load_npy(images), sigma))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
