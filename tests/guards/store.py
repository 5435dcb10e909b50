"""Guards as compressed JSON: the same content, the same bytes."""

import json
import lzma
from pathlib import Path
from typing import Any

TAKEN = Path(__file__).with_name("taken")
"""The guards, taken when the move to the package was finished and the statistics were renewed."""
MAGIC = b"\xfd7zXZ"


def write(path: Path, content: Any) -> None:
    """One value a line, so that like jobs compress well."""
    text = json.dumps(content, indent=0, ensure_ascii=False)
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def read(path: Path) -> Any:
    """From such a file, or from plain JSON."""
    content = path.read_bytes()
    return json.loads(lzma.decompress(content) if content.startswith(MAGIC) else content)
