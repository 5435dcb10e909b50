"""A researcher's own files as a study: reading them, joining them by id, writing their config."""
