"""Names and limits of the steps that made the tables; their own modules load half of scipy."""

FALSE_DISCOVERY_RATE = 0.05
"""As in ``tables.forensics``."""
OURS = "detect_authentic"
"""As in ``comparison``."""
