"""Images by their mean colours: an example of a plugin that declares a type of model."""

from latent_microscope.config.fields import Section, setting
from latent_microscope.registry import ModelType


class Grid(Section):
    """Settings of a model of the type mean_colour."""

    grid: int = setting("fields in each direction", 2, ge=1, le=16)


MODEL = ModelType(
    name="mean_colour",
    title="mean colours",
    function="mean_colour.features:mean_colours",
    kinds=("alignment", "custom"),
    needs=frozenset({"images"}),
    config=Grid,
    note=lambda settings: f"mean colours of {settings['grid']} x {settings['grid']} fields",
)
