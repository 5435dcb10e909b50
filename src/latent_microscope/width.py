"""How many cores this process may use where results do not depend on it."""

granted: int | None = None
"""The cores of a workflow's job; None elsewhere: as many as BLAS takes threads."""
