"""A stranger's files, made by code: nothing is downloaded, and no photograph is needed."""

from pathlib import Path

import numpy as np

from latent_microscope.synthetic.faces_demo import draw_attributes, draw_face, draw_person


def portraits(folder: Path, people: int = 40, each: int = 10) -> Path:
    """Grey portraits, a folder a person: ``s01/1.png`` … as the old face databases have them."""
    generator = np.random.default_rng(40)
    for person in range(1, people + 1):
        own = folder / f"s{person:02d}"
        own.mkdir(parents=True)
        look = draw_person(generator)
        for number in range(1, each + 1):
            face = draw_face(look, draw_attributes(look, generator), generator)
            face.convert("L").resize((92, 112)).save(own / f"{number}.png")
    return folder
