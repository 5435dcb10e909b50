"""Images by their mean colours: an example of a plugin that declares a type of model."""

from latent_microscope.registry import ModelType

MODEL = ModelType(
    name="mean_colour",
    title="mean colours",
    function="mean_colour.features:mean_colours",
    kinds=("alignment", "own"),
    needs=frozenset({"images"}),
    config={
        "grid": {
            "type": "integer",
            "minimum": 1,
            "maximum": 16,
            "default": 2,
            "description": "fields in each direction",
        }
    },
    note=lambda settings: f"mean colours of {settings['grid']} x {settings['grid']} fields",
)
