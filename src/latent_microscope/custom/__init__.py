"""A user's files as a study: reading them, joining them by id, writing their config."""
