"""What pyproject.toml cannot say about the wheel: one file of the project's root goes into it."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    """Called by hatchling before it builds a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the Snakefile to a wheel; an editable install finds it in the clone."""
        if version == "standard":
            build_data["force_include"]["Snakefile"] = "latent_microscope/_project/Snakefile"
