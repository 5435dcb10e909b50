from typing import Any

from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.step import Out, run
from latent_microscope.synthetic.people import PeopleSettings, people_of_run


def main(*, images: Out, samples: Out, data: dict[str, Any], root_seed: int = 0, seed: int = 0) -> None:
    """Generate the images of one scenario of a detection study, as generate_synthetic does.

    images: .npy uint8 (n, 32, 64, 3).
    samples: .parquet, id, kind, person_a, person_b (-1 if none), alpha (NaN if none), authentic.
    data: section data of the scenario.
    """
    pixels, table = people_of_run(root_seed, seed, PeopleSettings(**data))
    save_npy(images, pixels)
    save_table(samples, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
