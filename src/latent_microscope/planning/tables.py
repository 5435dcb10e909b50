"""Declared tables as rules and targets: their files, and where each is made."""

from latent_microscope import registry
from latent_microscope.planning.study import Study


def path(table: registry.Table, ending: str = "parquet") -> str:
    """A table's file, with wildcards."""
    return f"results/{{study}}/tables/{table.name}.{ending}"


def is_made(table: registry.Table, study: Study) -> bool:
    """Whether a study has what a table needs."""
    return table.needs <= study.parts and table.where(study)


def made_by(rule: str) -> list[registry.Table]:
    """The tables of a rule."""
    return [table for table in registry.tables() if table.rule == rule]


def tables_of(study: Study, *endings: str) -> list[str]:
    """All tables of a study."""
    return [
        path(table, ending).format(study=study.name)
        for table in registry.tables()
        if is_made(table, study)
        for ending in endings or ("parquet", "csv")
    ]
