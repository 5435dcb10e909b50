from typing import Any

from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.step import Out, run
from latent_microscope.synthetic.people import PeopleSettings, people_of_run


def main(
    *,
    images: Out,
    samples: Out,
    per_person: int = 40,
    interpolations: int = 200,
    noise: float = 0.05,
    interpolation_noise: float = 0.03,
    people: int = 5,
    edge: float = 0.5,
    data: dict[str, Any] | None = None,
    root_seed: int = 0,
    seed: int = 0,
) -> None:
    """Generate synthetic eye images of people, then interpolations between them, with labels.

    images: .npy uint8 (n, 32, 64, 3).
    samples: .parquet, id, kind, person_a, person_b (-1 if none), alpha (NaN if none), authentic.
    per_person: authentic images of each person.
    interpolations: number of mixtures of two people.
    noise: standard deviation on authentic images, in units of the image range.
    interpolation_noise: the same on mixtures.
    people: number of people; beyond five their boxes repeat.
    edge: share of A in a mixture lies within this of 0 or of 1; 0.5: anywhere.
    data: these six settings by name (section data of a scenario), in place of the arguments.
    """
    settings = PeopleSettings(per_person, interpolations, people, noise, interpolation_noise, edge)
    if data is not None:
        settings = PeopleSettings(**data)
    pixels, table = people_of_run(root_seed, seed, settings)
    save_npy(images, pixels)
    save_table(samples, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
