from latent_microscope.io.artefacts import save_bytes, save_text
from latent_microscope.seeds import rng
from latent_microscope.step import Out, run
from latent_microscope.synthetic.faces_demo import faces_archive


def main(
    *, archive: Out, identities: Out, images: int = 400, people: int = 120, root_seed: int = 0
) -> None:
    """Draw the demo's cartoon faces, in the layout of Kaggle's CelebA.

    archive: .zip, images (89 x 109 JPEG) and list_attr_celeba.csv.
    identities: .txt, image name and number of the person on each line.
    images: number of images.
    people: number of people; two of them have 30 images if there are enough.
    """
    content, text = faces_archive(images, people, rng(root_seed, "generate_demo_faces"))
    save_bytes(archive, content)
    save_text(identities, text)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
