"""The config: read, checked against its schema, filled in; its reference page."""
