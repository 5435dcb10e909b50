"""The map of old names to new ones, and the differences that are meant."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MAP = Path(__file__).with_name("renames.yaml")
SECTIONS = (
    "rules",
    "files",
    "words",
    "config",
    "params",
    "inputs",
    "outputs",
    "wildcards",
    "captions",
    "streams",
    "columns",
)


@dataclass(frozen=True)
class Meant:
    """A difference that is meant, with its reason."""

    where: str
    what: str
    field: str
    reason: str

    def names(self, where: str, what: str) -> bool:
        """Whether it is about this."""
        return self.where == where and re.fullmatch(self.what, what) is not None

    def covers(self, where: str, what: str, field: str) -> bool:
        """Whether it is about this field of this."""
        return self.names(where, what) and re.fullmatch(self.field, field) is not None


@dataclass
class Renames:
    """Sections of renames.yaml; remembers which entries matched something."""

    sections: Mapping[str, Mapping[str, str]]
    exceptions: Sequence[Meant] = ()
    used: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path = MAP) -> "Renames":
        """From the file."""
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        unknown = set(content) - {*SECTIONS, "exceptions"}
        assert not unknown, f"{path.name}: unknown sections {sorted(unknown)}"
        meant = [Meant(**entry) for entry in content["exceptions"]]
        assert all(entry.reason for entry in meant)
        return cls({name: content[name] for name in SECTIONS}, meant)

    @classmethod
    def none(cls) -> "Renames":
        """Nothing has another name."""
        return cls({name: {} for name in SECTIONS})

    def unused(self, *sections: str) -> list[str]:
        """Entries of these sections that matched nothing so far."""
        return [
            f"{section}: {old}"
            for section in sections
            for old in self.sections[section]
            if (section, old) not in self.used
        ]

    def name(self, section: str, old: str) -> str:
        """The new name of a whole old one."""
        if old in self.sections[section]:
            self.used.add((section, old))
            return self.sections[section][old]
        return old

    def text(self, section: str, old: str) -> str:
        """With every old part of it replaced."""
        for part, new in self.sections[section].items():
            if part in old:
                self.used.add((section, part))
                old = old.replace(part, new)
        return old

    def path(self, old: str) -> str:
        """A path, maybe with flags around it such as ``ancient(…)``."""
        flags, bracket, path = old.partition("(") if re.match(r"[a-z,_]+\(", old) else ("", "", old)
        for pattern, new in self.sections["files"].items():
            regex = pattern if pattern.startswith("^") else f"^{re.escape(pattern)}"
            path, count = re.subn(regex, new, path)
            if count:
                self.used.add(("files", pattern))
        return flags + bracket + path

    def key(self, section: str, place: Sequence[str], old: str) -> str:
        """The new name of a key at a place: config from the top, others from the rule's name."""
        for pattern, new in self.sections[section].items():
            parts = pattern.split(".")
            here = [*place, old]
            if len(parts) == len(here) and all(
                part in ("*", name) for part, name in zip(parts, here, strict=True)
            ):
                self.used.add((section, pattern))
                return new
        return old

    def value(self, old: Any) -> Any:
        """A string of a value: a path or a word with another name; the rest stays."""
        if not isinstance(old, str):
            return old
        return self.path(self.name("words", old))

    def tree(self, section: str, place: Sequence[str], old: Any) -> Any:
        """A nested value with its keys and strings renamed."""
        if isinstance(old, Mapping):
            return {
                self.key(section, place, key): self.tree(section, [*place, key], item)
                for key, item in old.items()
            }
        if isinstance(old, list):
            return [self.tree(section, [*place, str(i)], item) for i, item in enumerate(old)]
        return self.value(old)

    def words(self, old: Any) -> Any:
        """A text of the report: captions and words."""
        return self.text("captions", self.name("words", old)) if isinstance(old, str) else old
