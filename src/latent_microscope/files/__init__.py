"""Files of unknown origin: what they contain, read when needed, without running any of it."""
